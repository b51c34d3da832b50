import { printable } from './terminal-text';

/** The command cannot do what was asked. The message is for a person: it names the value, what was expected, what helps. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** `exitCode`: 2 for a command line that makes no sense, 1 for a world that does not allow it. */
  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 2,
  ) {
    super(printable(message, 2000));
  }
}

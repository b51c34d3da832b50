import { access, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type EvidenceSink, sizeOf, tellRequest } from './evidence-files';

/** What is read at once; a look that finds more goes on with the next. */
const CHUNK = 1024 * 1024;
/** Longer lines are no request that is waited for. */
const LONGEST_LINE = 24 * 1024 * 1024;

/**
 * Files of evidence that somebody goes on writing: tells what has come since it was opened or last looked at, by whole
 * lines. What cannot be read is passed over: whoever reads the files in the end says so. A file that is packed, or a pipe,
 * grows in no way that can be followed.
 */
export class GrowingFiles {
  readonly #files: Map<string, { at: number; rest: Buffer }>;

  private constructor(sizes: readonly (readonly [string, number])[]) {
    this.#files = new Map(sizes.map(([file, at]) => [file, { at, rest: Buffer.of() }]));
  }

  /**
   * A file that is not there yet is one that a collector has not had anything to write to. Throws `UsageError` where there
   * can be none.
   */
  static async at(files: readonly string[]): Promise<GrowingFiles> {
    const sizes = files.map(async file => [file, (await isAbsent(file)) ? 0 : await sizeOf(file)] as const);
    return new GrowingFiles(await Promise.all(sizes));
  }

  /** Those that are not there yet. */
  async absent(): Promise<readonly string[]> {
    const files = [...this.#files.keys()];
    const isEachAbsent = await Promise.all(files.map(isAbsent));
    return files.filter((_, index) => isEachAbsent[index]);
  }

  async look(sink: EvidenceSink): Promise<void> {
    for (const [file, state] of this.#files) {
      const size = await sizeOf(file).catch(() => state.at);
      if (size < state.at) {
        // It was rotated: another one has its name now.
        state.at = 0;
        state.rest = Buffer.of();
      }
      if (size > state.at) await grown(file, state, size, sink).catch(() => undefined);
    }
  }
}

/** Nothing is there, but the folder in which it could be. */
async function isAbsent(file: string): Promise<boolean> {
  const isThere = (path: string) =>
    access(path).then(
      () => true,
      (fault: NodeJS.ErrnoException) => fault.code !== 'ENOENT',
    );
  return !(await isThere(file)) && (await isThere(dirname(file)));
}

async function grown(
  file: string,
  state: { at: number; rest: Buffer },
  size: number,
  sink: EvidenceSink,
): Promise<void> {
  const handle = await open(file);
  try {
    while (state.at < size) {
      const { bytesRead, buffer } = await handle.read(
        Buffer.alloc(Math.min(CHUNK, size - state.at)),
        0,
        null,
        state.at,
      );
      if (bytesRead === 0) return;
      state.at += bytesRead;
      const bytes = Buffer.concat([state.rest, buffer.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf('\n') + 1;
      for (const line of bytes.toString('utf8', 0, end).split('\n')) tellLine(line, sink);
      state.rest = bytes.length - end > LONGEST_LINE ? Buffer.of() : Buffer.from(bytes.subarray(end));
    }
  } finally {
    await handle.close();
  }
}

function tellLine(line: string, sink: EvidenceSink): void {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return;
  }
  tellRequest(request, sink);
}

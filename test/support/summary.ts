import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Things from outside npm that some tests need, by the word they are known by in `OTEL_TLS_ABSENT`. A test that finds
 * its thing missing is skipped through `skipWithout`, so that the summary can name it and say how to get it.
 */
const ABSENCES = new WeakMap<object, Absence>();

export interface Absence {
  /** One word, lower case: `openssl`, `curl`, `corpus`. */
  readonly missing: string;
  /** What a person does about it: `apt-get install openssl`. */
  readonly remedy: string;
}

/**
 * Skips the running test, or from a `before` hook every test of its suite, because something from outside npm is not
 * here. Never returns.
 */
export function skipWithout(context: Mocha.Context, missing: string, remedy: string): never {
  const runnable = context.runnable();
  // Mocha tells its kinds of hooks apart by their titles alone.
  const beforeAll = runnable.title.startsWith('"before all"');
  const skipped = beforeAll ? runnable.parent : (context.currentTest ?? runnable);
  if (skipped) ABSENCES.set(skipped, { missing, remedy });
  context.skip();
}

/** Skips unless the program can be started by its name. The path by which it is found. */
export function needsProgram(context: Mocha.Context, program: string): string {
  return findOnPath(program) ?? skipWithout(context, program, `install ${program}`);
}

/** Why a skipped test was skipped. Undefined when it gave no reason: `it.skip`, or a test without a body. */
export function absenceOf(test: Mocha.Test): Absence | undefined {
  for (let at: Mocha.Test | Mocha.Suite | undefined = test; at; at = at.parent) {
    const absence = ABSENCES.get(at);
    if (absence) return absence;
  }
  return undefined;
}

/**
 * Whether a skip for want of this is accepted even where skips are failures (`CI=true`): `OTEL_TLS_ABSENT` lists, by
 * commas, what a machine is known not to have. The tests are skipped, named and counted all the same.
 */
export function isDeclaredAbsent(absence: Absence | undefined, environment = process.env): boolean {
  const declared = (environment['OTEL_TLS_ABSENT'] ?? '').split(',').map(word => word.trim());
  return absence !== undefined && declared.includes(absence.missing);
}

function findOnPath(program: string): string | undefined {
  const names = process.platform === 'win32' ? [`${program}.exe`, `${program}.cmd`] : [program];
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter(folder => folder !== '')
    .flatMap(folder => names.map(name => join(folder, name)))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or not for us: both mean that it cannot be started.
    return false;
  }
}

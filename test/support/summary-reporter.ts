import { relative } from 'node:path';
import { reporters } from 'mocha';
import { type Absence, absenceOf, isDeclaredAbsent } from './summary';

/**
 * Mocha's reporter here: one line a test file while it runs, then the failures, then every skipped test with its
 * reason, and as the very last line the counts alone: `N passed, N failed, N skipped`. Under `CI=true` a run that
 * skipped anything fails, unless `OTEL_TLS_ABSENT` declares the missing thing.
 */
export default class SummaryReporter extends reporters.Base {
  private readonly skipped: Array<{ title: string; absence: Absence | undefined }> = [];
  private file: FileTally | undefined;
  /** When something was last heard of a test. A file's time begins there: its first hooks are its own. */
  private lastHeard = Date.now();

  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.on('pass', test => this.tally(test).passed++);
    runner.on('fail', runnable => this.tally(runnable).failed++);
    runner.on('pending', test => {
      this.tally(test).skipped++;
      this.skipped.push({ title: test.fullTitle(), absence: absenceOf(test) });
    });
    runner.once('end', () => {
      this.lastHeard = Date.now();
      this.closeFile();
      this.printSummary();
    });
  }

  /** Mocha asks this for the exit code: the number of things that went wrong. */
  override done(failures: number, exit?: (failures: number) => void): void {
    exit?.(failures + this.forbiddenSkips());
  }

  private forbiddenSkips(): number {
    if (process.env['CI'] !== 'true') return 0;
    return this.skipped.filter(({ absence }) => !isDeclaredAbsent(absence)).length;
  }

  /** The file a test belongs to; a new file ends the line of the one before. */
  private tally(runnable: Mocha.Runnable): FileTally {
    const name = nameOf(runnable.file);
    if (this.file?.name !== name) {
      this.closeFile();
      this.file = { name, began: this.lastHeard, passed: 0, failed: 0, skipped: 0 };
    }
    this.lastHeard = Date.now();
    return this.file;
  }

  private closeFile(): void {
    if (!this.file) return;
    const { name, began, passed, failed, skipped } = this.file;
    const verdict =
      failed > 0 ? reporters.Base.color('fail', 'FAIL') : reporters.Base.color('green', passed > 0 ? ' ok ' : ' -- ');
    const seconds = ((this.lastHeard - began) / 1000).toFixed(1).padStart(6);
    const blemishes = [failed > 0 ? `${failed} failed` : '', skipped > 0 ? `${skipped} skipped` : ''];
    const remarks = blemishes.filter(blemish => blemish !== '').join(', ');
    print(`  ${verdict} ${String(passed).padStart(5)} ${seconds} s  ${name}${remarks === '' ? '' : `  (${remarks})`}`);
    this.file = undefined;
  }

  private printSummary(): void {
    if (this.failures.length > 0) reporters.Base.list(this.failures);
    if (this.skipped.length > 0) {
      const verdict = this.forbiddenSkips() > 0 ? 'Skipped, which fails the run under CI=true' : 'Skipped';
      print(`\n${verdict}:`);
      for (const { title, absence } of this.skipped) {
        print(`  ${title}\n    ${absence ? `${absence.missing} is missing: ${absence.remedy}` : 'no reason given'}`);
      }
    }
    const { passes, failures, pending } = this.stats;
    print(`\n${passes} passed, ${failures} failed, ${pending} skipped`);
  }
}

interface FileTally {
  readonly name: string;
  readonly began: number;
  passed: number;
  failed: number;
  skipped: number;
}

/** `handshake/tls-alerts` for the compiled `build/test/handshake/tls-alerts.test.js`. */
function nameOf(file: string | undefined): string {
  if (file === undefined) return '(no file)';
  return relative(process.cwd(), file)
    .replaceAll('\\', '/')
    .replace(/^build\/test\//, '')
    .replace(/\.test\.js$/, '');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MOCHA = require.resolve('mocha/bin/mocha.js');
const REPORTER = join(__dirname, 'support/summary-reporter.js');
const SUMMARY = join(__dirname, 'support/summary.js');

describe('the summary of a test run', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'summary-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const PASSES = "it('passes', () => {});";
  const FAILS = "it('fails', () => { throw new Error('on purpose'); });";
  const WITHOUT_A_WORD = "it.skip('is skipped without a word', () => {});";
  const LACKS_A_PROGRAM = "it('lacks a program', function () { needsProgram(this, 'no-such-program'); });";
  const HAS_A_PROGRAM = "it('has a program', function () { needsProgram(this, 'node'); });";
  const LACKS_A_FOLDER = `describe('all of it', () => {
    before(function () { skipWithout(this, 'corpus', 'lay it beside the checkout'); });
    it('is not there', () => {});
    describe('and below', () => it('is not there either', () => {}));
  });`;
  const HOOK_BREAKS = `describe('its hook', () => {
    before(() => { throw new Error('hook'); });
    it('never runs', () => {});
    it('never runs either', () => {});
  });`;

  function run(tests: string[], environment: Record<string, string> = {}): { status: number | null; lines: string[] } {
    const file = join(folder, 'sample.test.js');
    writeFileSync(
      file,
      `const { needsProgram, skipWithout } = require(${JSON.stringify(SUMMARY)});\n${tests.join('\n')}\n`,
    );
    const { CI: _, OTEL_TLS_ABSENT: __, MOCHA_OPTIONS: ___, ...rest } = process.env;
    const options = ['--no-config', '--fail-hook-affected-tests', '--reporter', REPORTER];
    const { status, stdout, stderr } = spawnSync(process.execPath, [MOCHA, ...options, file], {
      encoding: 'utf8',
      env: { ...rest, FORCE_COLOR: '0', ...environment },
    });
    return { status, lines: `${stdout}${stderr}`.trimEnd().split('\n') };
  }

  it('ends with the counts alone on a line', () => {
    const { status, lines } = run([PASSES, HAS_A_PROGRAM]);
    assert.equal(lines.at(-1), '2 passed, 0 failed, 0 skipped');
    assert.equal(status, 0);
  });

  it('counts a failure and exits with an error', () => {
    const { status, lines } = run([PASSES, FAILS]);
    assert.equal(lines.at(-1), '1 passed, 1 failed, 0 skipped');
    assert.ok(lines.some(line => line.includes('on purpose')));
    assert.notEqual(status, 0);
  });

  it('counts the tests that a broken hook kept from running as failed', () => {
    const { status, lines } = run([PASSES, HOOK_BREAKS]);
    assert.equal(lines.at(-1), '1 passed, 3 failed, 0 skipped');
    assert.notEqual(status, 0);
  });

  it('names every skipped test, what it lacks and how to get it', () => {
    const { status, lines } = run([PASSES, LACKS_A_PROGRAM, LACKS_A_FOLDER, WITHOUT_A_WORD]);
    const text = lines.join('\n');
    assert.equal(lines.at(-1), '1 passed, 0 failed, 4 skipped');
    assert.match(text, /lacks a program\n.*no-such-program is missing: install no-such-program/);
    assert.match(text, /all of it is not there\n.*corpus is missing: lay it beside the checkout/);
    assert.match(text, /all of it and below is not there either\n.*corpus is missing/);
    assert.match(text, /is skipped without a word\n.*no reason given/);
    assert.equal(status, 0);
  });

  it('fails under CI=true when anything was skipped', () => {
    const { status, lines } = run([PASSES, LACKS_A_PROGRAM], { CI: 'true' });
    assert.equal(lines.at(-1), '1 passed, 0 failed, 1 skipped');
    assert.notEqual(status, 0);
  });

  it('accepts under CI=true what is declared absent, and nothing else', () => {
    const declared = { CI: 'true', OTEL_TLS_ABSENT: 'no-such-program, corpus' };
    assert.equal(run([PASSES, LACKS_A_PROGRAM, LACKS_A_FOLDER], declared).status, 0);
    assert.notEqual(run([PASSES, LACKS_A_PROGRAM, WITHOUT_A_WORD], declared).status, 0);
  });
});

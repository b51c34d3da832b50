import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { PATTERNS } from '../../src/patterns/patterns';

/** For all patterns together, whatever comes. */
const MOST_BYTES = 4 * 1024 * 1024;

describe('the memory of all patterns', () => {
  it('is four megabytes at most, after many attackers and with every table full; evictions are counted', function () {
    // Some five seconds of CPU time, on a machine that may have much else to do. A million attackers leave no more behind.
    this.timeout(120_000);
    const program = join(__dirname, 'many-attackers.js');
    const said = JSON.parse(execFileSync(process.execPath, ['--expose-gc', program], { encoding: 'utf8' }));
    assert.ok(said.afterAttackers <= MOST_BYTES, JSON.stringify(said));
    assert.ok(said.whenFull <= MOST_BYTES, JSON.stringify(said));
    assert.deepEqual(Object.keys(said.evictions), Object.keys(PATTERNS));
    const evicted = Object.values<number>(said.evictions).reduce((sum, one) => sum + one);
    assert.ok(evicted > 200_000, JSON.stringify(said));
  });
});

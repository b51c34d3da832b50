import assert from 'node:assert/strict';
import { SideBySide } from './side-by-side';

const HANDSHAKES = 400;

describe('whatever an application does to its sockets in the middle of a handshake', function () {
  this.timeout(60_000);
  const runs = new SideBySide();
  before(() => runs.open());
  after(() => runs.close());

  for (const seed of [1, 2, 3]) {
    it(`the process lives, and each beginning has one end and one report: chance ${seed}`, async () => {
      const { code, signal, stdout, stderr, reported } = await runs.run('meddling', 'tallied', {
        args: [String(seed), String(HANDSHAKES)],
      });
      assert.deepEqual(
        { code, signal, stdout, stderr },
        { code: 0, signal: null, stdout: `survived ${HANDSHAKES}\n`, stderr: '' },
      );
      const tally = JSON.parse(reported[0]!) as { begun: number; over: number; reported: number; faults: string[] };
      assert.deepEqual(tally.faults, []);
      assert.ok(tally.begun > HANDSHAKES, String(tally.begun));
      assert.equal(tally.over, tally.begun);
      assert.equal(tally.reported, tally.begun);
    });
  }
});

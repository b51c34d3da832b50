import assert from 'node:assert/strict';
import { SideBySide } from './side-by-side';

const ROUNDS = 8;
const HANDSHAKES_A_ROUND = 376;
/** Node itself, without us, is below 30 bytes. The least that could be kept of a handshake by mistake is some 500. */
const BYTES_A_HANDSHAKE = 150;

describe('thousands of handshakes', () => {
  it('leave nothing behind: no memory, no listener, nothing that keeps the process alive', async function () {
    this.timeout(120_000);
    const runs = new SideBySide();
    await runs.open();
    try {
      const { code, stdout, stderr, reported } = await runs.run('long-lived', 'forgetful', {
        args: [String(ROUNDS), String(HANDSHAKES_A_ROUND)],
        // Code that is being optimised, and what is learnt about types, takes memory for thousands of calls on end.
        nodeOptions: ['--expose-gc', '--no-opt', '--no-maglev', '--no-lazy-feedback-allocation', '--no-flush-bytecode'],
        limitMs: 110_000,
      });
      assert.equal(code, 0, stderr);
      const { left, sameListeners, resources } = JSON.parse(stdout) as {
        left: number[];
        sameListeners: boolean;
        resources: string[];
      };
      assert.ok(Number(reported[0]) > 2 * ROUNDS * HANDSHAKES_A_ROUND, `${reported[0]} spans`);
      const [before, after] = [left[ROUNDS / 2 - 1]!, left[ROUNDS - 1]!];
      const kept = (after - before) / ((ROUNDS / 2) * HANDSHAKES_A_ROUND);
      assert.ok(kept < BYTES_A_HANDSHAKE, `${kept} bytes a handshake; after each round: ${left}`);
      assert.ok(sameListeners);
      assert.deepEqual(
        resources.filter(name => !/^(Pipe|TTY)Wrap$/.test(name)),
        [],
      );
    } finally {
      await runs.close();
    }
  });
});

import assert from 'node:assert/strict';
import { SideBySide } from './side-by-side';

/** Hears what clients offer, which nothing else of ours does: bytes pass by JavaScript that never did. */
const FINGERPRINTS = { OTEL_INSTRUMENTATION_TLS_FINGERPRINTS: 'true' };

describe('an application whose clients’ fingerprints are taken behaves as it does without us', function () {
  this.timeout(60_000);
  const runs = new SideBySide();
  before(() => runs.open());
  after(() => runs.close());

  for (const application of ['handshakes', 'sessions', 'streams', 'silence', 'requests', 'first-bytes']) {
    it(`as the application ${application}`, async () => {
      const { preloaded, instrumented } = await runs.compare(application, { environment: FINGERPRINTS });
      assert.ok(instrumented.reported.length > 15, `${instrumented.reported.length} reported`);
      assert.deepEqual(preloaded.reported, instrumented.reported);
    });
  }

  for (const death of [
    'no version in common',
    'an SNICallback that throws',
    'an ALPNCallback that throws',
    'exit in the middle',
    'every error handled',
  ]) {
    it(`to its end by an error: ${death}`, async () => {
      await runs.compare('crash', { args: [death], environment: FINGERPRINTS });
    });
  }

  // The one difference: what OpenSSL says to the very first bytes is an error with a stack, where it had none.
  it('to its end by an error of OpenSSL’s, but for our lines on its stack', async () => {
    const death = ["a 'tlsClientError' listener that throws"];
    const [bare, ours] = await Promise.all(
      (['bare', 'preloaded'] as const).map(setup =>
        runs.run('crash', setup, { args: death, environment: FINGERPRINTS }),
      ),
    );
    // Node puts an error in brackets when it has no stack.
    const withoutStack = (stderr = '') => stderr.replace(/\[?(Error: .*\n)[\s\]{]*/, '$1');
    assert.match(bare?.stderr ?? '', /unsupported protocol/);
    assert.equal(withoutStack(ours?.stderr), withoutStack(bare?.stderr));
    assert.deepEqual([ours?.code, ours?.signal, ours?.stdout], [bare?.code, bare?.signal, bare?.stdout]);
  });
});

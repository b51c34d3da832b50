import assert from 'node:assert/strict';
import { SideBySide } from './side-by-side';

/** Applications of the fixtures' folder, and at least how many handshakes they make. */
const APPLICATIONS: Readonly<Record<string, { about: string; handshakes: number }>> = {
  handshakes: { about: 'when handshakes succeed, are refused, or fail', handshakes: 100 },
  sessions: { about: 'when sessions are resumed and connections negotiate again', handshakes: 20 },
  configurations: { about: 'when servers are given other certificates, and names have their own', handshakes: 20 },
  streams: { about: 'over streams of all kinds, however it ends them', handshakes: 50 },
  silence: { about: 'when peers are silent, slow, rude, or speak something else', handshakes: 30 },
  requests: { about: 'when it makes and answers requests', handshakes: 30 },
};

describe('an application behaves with us as it does without us', function () {
  this.timeout(60_000);
  const runs = new SideBySide();
  before(() => runs.open());
  after(() => runs.close());

  for (const [application, { about, handshakes }] of Object.entries(APPLICATIONS)) {
    it(about, async () => {
      const { preloaded, instrumented } = await runs.compare(application);
      assert.ok(instrumented.reported.length >= handshakes, `${instrumented.reported.length} reported`);
      assert.deepEqual(preloaded.reported, instrumented.reported);
    });
  }
});

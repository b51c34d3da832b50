import assert from 'node:assert/strict';
import { type Manner, SideBySide } from './side-by-side';

/** Arguments of `crash.js`. What was not exported before the process dies is lost: only the death itself is compared. */
const DEATHS = [
  'a refused server',
  'no version in common',
  'a late alert',
  'an identity check that throws',
  "a 'secureConnect' listener that throws",
  "a 'secureConnection' listener that throws",
  "a 'tlsClientError' listener that throws",
  'an SNICallback that throws',
  'an ALPNCallback that throws',
  'fetch',
  'a request',
  'an http2 session',
  'an abort',
  'an error like no other',
  'no error at all',
  'exit in the middle',
  'every error handled',
];

interface Life extends Manner {
  /** Argument of `life.js`. */
  readonly life: string;
  /** Handshakes that have arrived at the receiver when it is over. Undefined: it ends at once, and nobody is asked. */
  readonly exported?: number;
}

const LIVES: readonly Life[] = [
  { life: 'nothing', exported: 0 },
  { life: 'two handshakes', exported: 4 },
  { life: 'what is left at the end', exported: 4 },
  { life: "'beforeExit', heard once", exported: 4 },
  { life: "'beforeExit', with more to do each time", exported: 12 },
  { life: 'an exit code of its own', exported: 4 },
  { life: 'process.exit() after handshakes' },
  { life: 'a signal, not handled', signal: 'SIGTERM', exported: 4 },
  { life: 'a signal, not handled', signal: 'SIGINT', exported: 4 },
  { life: 'a signal, not handled, and no handshake', signal: 'SIGTERM', exported: 0 },
  { life: 'a signal, handled', signal: 'SIGTERM', exported: 4 },
  { life: 'a signal, handled', signal: 'SIGINT', exported: 4 },
  { life: 'a signal, handled once, with work left', signal: 'SIGTERM', exported: 4 },
  { life: 'a signal, handled once and before all others, with work left', signal: 'SIGTERM', exported: 4 },
  { life: 'a signal, handled by leaving', signal: 'SIGINT' },
  { life: 'a worker', exported: 8 },
  { life: 'a worker that is terminated' },
  { life: 'a worker that throws' },
  { life: 'a cluster' },
];

describe('an application ends with us as it does without us', function () {
  this.timeout(60_000);
  const runs = new SideBySide();
  before(() => runs.open());
  after(() => runs.close());

  for (const death of DEATHS) {
    it(`by an error: ${death}`, async () => {
      await runs.compare('crash', { args: [death] });
    });
  }

  for (const { life, exported, ...manner } of LIVES) {
    it(`${life}${manner.signal ? `: ${manner.signal}` : ''}`, async () => {
      const { preloaded } = await runs.compare('life', { args: [life], ...manner });
      if (exported !== undefined) assert.equal(preloaded.reported.length, exported);
    });
  }

  it('with nobody at the other end of stderr, when the preload has something to say', async () => {
    const manner = {
      args: ['two handshakes'],
      stderrClosed: true,
      environment: { OTEL_INSTRUMENTATION_TLS_EVENTS: 'sometimes' },
    };
    const { preloaded } = await runs.compare('life', manner);
    assert.equal(preloaded.reported.length, 4);
  });
});

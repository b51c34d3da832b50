import assert from 'node:assert/strict';
import { REGISTER } from '../support/application';
import { ahead, type Observed, PATIENCE, Stage } from './stage';

/** Of a preloaded application, whose SDK is started by its first handshake. */
describe('what a server was given before anybody came', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  const changed = (changes: number) =>
    ahead(() =>
      stage.observe({
        flags: ['--require', REGISTER],
        file: 'configured-early.cjs',
        env: { CHANGES: String(changes) },
      }),
    );
  const logsOf = ({ logs }: Observed) => logs.filter(({ eventName }) => eventName === 'tls.config.changed');
  const once = changed(1);
  const often = changed(32);

  it('is told with the first handshake, and at which time it was', async () => {
    const observed = await once();
    assert.equal(observed.ended.code, 0, observed.ended.stderr);
    const [log, ...others] = logsOf(observed);
    assert.deepEqual(others, []);
    assert.deepEqual(
      { ...log?.attributes },
      {
        'tls.config.changed': ['certificate'],
        'tls.config.port': Number(observed.ended.stdout),
        'tls.config.certificate': stage.good.fingerprint,
        'tls.config.certificate.previous': stage.server.fingerprint,
        'tls.config.not_after': log?.attributes['tls.config.not_after'],
        'tls.config.authorities': 1,
        'tls.config.authorities.previous': 1,
        'tls.config.revocation_lists': 0,
        'tls.config.revocation_lists.previous': 0,
      },
    );
    const handshake = observed.spans.find(({ name }) => name === 'TLS server handshake');
    assert.ok(handshake && log!.at <= handshake.started, `${log!.at}, ${handshake?.started}`);
  });

  it('is told in so many words at most: the last of it, and how much more there was', async () => {
    const told = logsOf(await often());
    assert.equal(told.length, 30);
    assert.equal(told[0]?.attributes['tls.config.unsaid'], 2);
    assert.deepEqual(
      told.slice(1).filter(({ attributes }) => 'tls.config.unsaid' in attributes),
      [],
    );
    assert.equal(told.at(-1)?.attributes['tls.config.certificate'], stage.server.fingerprint);
  });
});

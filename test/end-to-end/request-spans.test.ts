import assert from 'node:assert/strict';
import { REGISTER } from '../support/application';
import { ahead, PATIENCE, Stage } from './stage';

describe('the preload', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  const observed = ahead(() => stage.observe({ flags: ['--require', REGISTER], file: 'server-spans.cjs' }));
  after(() => stage.strike());

  it('puts the peer on spans that the application starts within a request over HTTP/2', async () => {
    const { ended, collector, spans } = await observed();
    assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
    const handshake = spans.find(({ name }) => name === 'TLS server handshake');
    const request = collector.spans.find(({ name }) => name === 'answer /orders');
    assert.equal(request?.attributes['tls.client.subject'], 'CN=good');
    assert.equal(request?.attributes['tls.verify.result'], 'ok');
    assert.equal(request?.attributes['tls.connection.id'], handshake?.spanId);
  });
});

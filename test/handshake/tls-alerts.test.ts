import assert from 'node:assert/strict';
import { alertFromMessage, reasonForAlert } from '../../src/handshake/tls-alerts';
import { EXPECTED_ALERTS } from './openssl-words';

/** As OpenSSL 3.0 words it. */
const received = (number: number | string, words = 'sslv3 alert handshake failure') =>
  `801C686E3A7F0000:error:0A000410:SSL routines:ssl3_read_bytes:${words}:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number ${number}\n`;

describe('an alert', () => {
  it('is one of 36 that have a name', () => {
    assert.equal(EXPECTED_ALERTS.length, 36);
    assert.equal(new Set(EXPECTED_ALERTS.map(({ code }) => code)).size, 36);
    assert.equal(new Set(EXPECTED_ALERTS.map(({ description }) => description)).size, 36);
  });

  for (const { code, description, reason } of EXPECTED_ALERTS) {
    it(`${code} is ${description} and means ${reason}`, () => {
      assert.deepEqual(alertFromMessage(received(code)), { code, description });
      assert.equal(reasonForAlert({ code, description }), reason);
    });
  }

  it('is known by its number, whatever OpenSSL calls it', () => {
    for (const words of ['sslv3 alert bad certificate', 'ssl/tls alert bad certificate', 'reason(1042)', '']) {
      assert.deepEqual(alertFromMessage(received(48, words)), { code: 48, description: 'unknown_ca' });
    }
  });

  it('is found behind EPROTO', () => {
    assert.deepEqual(alertFromMessage(`write EPROTO ${received(40)}`), { code: 40, description: 'handshake_failure' });
    assert.deepEqual(alertFromMessage(`read EPROTO ${received(116)}`), {
      code: 116,
      description: 'certificate_required',
    });
  });

  it('without a name keeps its number, and is _OTHER', () => {
    for (const code of [1, 99, 117, 122, 255]) {
      const alert = { code, description: `unassigned_${code}` };
      assert.deepEqual(alertFromMessage(received(code)), alert);
      assert.equal(reasonForAlert(alert), '_OTHER');
    }
  });

  it('is a byte', () => {
    assert.equal(alertFromMessage(received(255))?.code, 255);
    assert.equal(alertFromMessage(received(256)), undefined);
    assert.equal(alertFromMessage(received(1160)), undefined);
    assert.equal(alertFromMessage(received('-1')), undefined);
  });

  it('is not in a message that OpenSSL did not write, though a peer put one into its name', () => {
    for (const message of [
      undefined,
      '',
      'socket hang up',
      'SSL alert number 48',
      `Hostname/IP does not match certificate's altnames: Host: localhost. is not cert's CN: ${received(48)}`,
      `the certificate of CN=\n${received(48)}`,
      '801C686E3A7F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:ssl3_record.c:350:\n',
      `801C686E3A7F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:x.c:350:\nSSL alert number 48`,
    ]) {
      assert.equal(alertFromMessage(message), undefined, message);
    }
  });
});

import * as assert from 'node:assert/strict';
import { peerCertificateOf } from '../../src/hooks/socket-facts';

/** DER with a definite length, in the form OpenSSL writes. */
function der(tag: number, content: number[]): number[] {
  const length = content.length;
  if (length < 0x80) return [tag, length, ...content];
  if (length < 0x100) return [tag, 0x81, length, ...content];
  return [tag, 0x82, length >> 8, length & 0xff, ...content];
}

const CERTIFICATE = der(
  0x30,
  Array.from({ length: 300 }, (_, i) => i & 0xff),
);
const SESSION = der(0x30, [
  ...der(0x02, [1]),
  ...der(0x02, [3, 4]),
  ...der(0x04, [0x13, 0x02]),
  ...der(0x04, []),
  ...der(0x04, new Array(48).fill(0x5a)),
  ...der(0xa1, der(0x02, [1])),
  ...der(0xa3, CERTIFICATE),
  ...der(0xa4, der(0x04, [])),
]);

describe("the certificate in OpenSSL's serialised session", () => {
  it('is copied out: overwriting the session does not touch it', () => {
    const session = Buffer.from(SESSION);
    const certificate = peerCertificateOf(session);
    session.fill(0);
    assert.deepEqual(certificate, new Uint8Array(CERTIFICATE));
    assert.notEqual(certificate?.buffer, session.buffer);
  });

  it('is not there when the peer presented none', () => {
    const session = der(0x30, [...der(0x02, [1]), ...der(0xa1, der(0x02, [1]))]);
    assert.equal(peerCertificateOf(Buffer.from(session)), undefined);
  });

  it('is never read past the end: every truncation answers undefined', () => {
    for (let length = 0; length < SESSION.length; length++) {
      assert.equal(peerCertificateOf(Buffer.from(SESSION.slice(0, length))), undefined, `${length} bytes`);
    }
  });

  it('is not looked for in what is no session', () => {
    for (const bytes of [[], [0x30], [0x30, 0x80], [0x31, 1, 0], [0x30, 0x85, 1, 1, 1, 1, 1], [0x30, 2, 0xa3, 0x7f]]) {
      assert.equal(peerCertificateOf(Buffer.from(bytes)), undefined);
    }
  });
});

import assert from 'node:assert/strict';
import {
  isRevocationError,
  isUntrustedPath,
  isVerifyErrorCode,
  reasonForVerifyError,
  verifyErrorName,
  verifyErrorNumbered,
} from '../../src/handshake/verify-errors';
import { EXPECTED_VERIFY_ERRORS } from './openssl-words';

describe("OpenSSL's verify errors", () => {
  it('are a hundred, with names and messages all different', () => {
    assert.equal(EXPECTED_VERIFY_ERRORS.length, 100);
    assert.equal(new Set(EXPECTED_VERIFY_ERRORS.map(({ name }) => name)).size, 100);
    assert.equal(new Set(EXPECTED_VERIFY_ERRORS.map(({ message }) => message)).size, 100);
    assert.equal(EXPECTED_VERIFY_ERRORS.filter(({ nodeCode }) => nodeCode !== 'UNSPECIFIED').length, 28);
  });

  for (const { name, message, reason, nodeCode } of EXPECTED_VERIFY_ERRORS) {
    it(`take ${name} for ${reason}`, () => {
      for (const [code, words] of [
        [nodeCode, message],
        [name, undefined],
        ['UNSPECIFIED', message],
        ['UNSPECIFIED', `${message}; if the root CA is installed locally, try running Node.js with --use-system-ca`],
        ['A_NAME_OF_TOMORROW', message.toUpperCase()],
        [undefined, message],
      ] as const) {
        assert.equal(reasonForVerifyError(code, words), reason, `${code}: ${words}`);
        assert.equal(verifyErrorName(code, words), name, `${code}: ${words}`);
      }
    });
  }

  // OpenSSL include/openssl/x509_vfy.h.in: both ends, some between, and those that HAProxy was seen to send.
  for (const [number, name] of [
    [1, 'UNSPECIFIED'],
    [2, 'UNABLE_TO_GET_ISSUER_CERT'],
    [3, 'UNABLE_TO_GET_CRL'],
    [9, 'CERT_NOT_YET_VALID'],
    [10, 'CERT_HAS_EXPIRED'],
    [18, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [19, 'SELF_SIGNED_CERT_IN_CHAIN'],
    [20, 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    [21, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [23, 'CERT_REVOKED'],
    [26, 'INVALID_PURPOSE'],
    [35, 'KEYUSAGE_NO_CRL_SIGN'],
    [50, 'APPLICATION_VERIFICATION'],
    [62, 'HOSTNAME_MISMATCH'],
    [66, 'EE_KEY_TOO_SMALL'],
    [79, 'INVALID_CA'],
    [94, 'EC_KEY_EXPLICIT_PARAMS'],
    [0, undefined],
    [95, undefined],
    [-1, undefined],
    [1.5, undefined],
  ] as const) {
    it(`have ${name ?? 'none'} for number ${number}`, () => {
      assert.equal(verifyErrorNumbered(number), name);
    });
  }

  it('believe the code before the message', () => {
    assert.equal(reasonForVerifyError('CERT_REVOKED', 'certificate has expired'), 'certificate_revoked');
    assert.equal(verifyErrorName('CERT_REVOKED', 'certificate has expired'), 'CERT_REVOKED');
  });

  it('take the longest message that fits', () => {
    assert.equal(reasonForVerifyError('UNSPECIFIED', 'self-signed certificate'), 'self_signed_certificate');
    assert.equal(reasonForVerifyError('UNSPECIFIED', 'self-signed certificate in certificate chain'), 'untrusted_root');
    assert.equal(reasonForVerifyError('UNSPECIFIED', 'self-signed certificate in'), 'self_signed_certificate');
  });

  it('take a message for known up to its last letter, and no word that merely begins like it', () => {
    assert.equal(reasonForVerifyError('UNSPECIFIED', 'path loop'), 'certificate_chain_too_long');
    assert.equal(reasonForVerifyError('UNSPECIFIED', 'path loop.'), 'certificate_chain_too_long');
    assert.equal(reasonForVerifyError('UNSPECIFIED', 'path loo'), '_OTHER');
    assert.equal(reasonForVerifyError('UNSPECIFIED', 'path loops'), '_OTHER');
    assert.equal(reasonForVerifyError('UNSPECIFIED', 'a path loop'), '_OTHER');
  });

  it('know the wording of OpenSSL before 3.0', () => {
    assert.equal(reasonForVerifyError(undefined, 'self signed certificate'), 'self_signed_certificate');
    assert.equal(reasonForVerifyError(undefined, 'self signed certificate in certificate chain'), 'untrusted_root');
    assert.equal(reasonForVerifyError(undefined, 'unsupported certificate purpose'), 'certificate_purpose_invalid');
    assert.equal(verifyErrorName(undefined, 'unsupported certificate purpose'), 'INVALID_PURPOSE');
  });

  it("count Node's own name check among them, but leave its code as it is", () => {
    const message = "Hostname/IP does not match certificate's altnames: Host: localhost. is not cert's CN: path loop";
    assert.equal(reasonForVerifyError('ERR_TLS_CERT_ALTNAME_INVALID', message), 'certificate_name_mismatch');
    assert.equal(verifyErrorName('ERR_TLS_CERT_ALTNAME_INVALID', message), 'ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('leave what nobody knows to _OTHER', () => {
    for (const code of [undefined, '', 'UNSPECIFIED', 'constructor', '__proto__', 'cert_has_expired', 'MY_PIN_CHECK']) {
      for (const message of [undefined, '', 'no such words', 'certificate', 'x'.repeat(100_000)]) {
        assert.equal(reasonForVerifyError(code, message), '_OTHER');
      }
    }
  });

  it("give back an application's own code while it is short and in capitals", () => {
    assert.equal(verifyErrorName('MY_PIN_CHECK', 'pin'), 'MY_PIN_CHECK');
    assert.equal(verifyErrorName('A'.repeat(64), undefined), 'A'.repeat(64));
    assert.equal(verifyErrorName('A'.repeat(65), undefined), 'UNSPECIFIED');
    assert.equal(verifyErrorName('evil\nCN=x', undefined), 'UNSPECIFIED');
    assert.equal(verifyErrorName('', undefined), 'UNSPECIFIED');
    assert.equal(verifyErrorName(undefined, undefined), 'UNSPECIFIED');
  });

  it('tell their codes from others', () => {
    for (const code of ['CERT_HAS_EXPIRED', 'UNSPECIFIED', 'PERMITTED_VIOLATION', 'ERR_TLS_CERT_ALTNAME_INVALID']) {
      assert.ok(isVerifyErrorCode(code), code);
    }
    for (const code of [undefined, '', 'ECONNRESET', 'toString', 'ERR_SSL_NO_SHARED_CIPHER']) {
      assert.ok(!isVerifyErrorCode(code), code);
    }
  });

  it('tell faults of the revocation data from faults of the certificate', () => {
    const names = EXPECTED_VERIFY_ERRORS.filter(({ nodeCode, message }) => isRevocationError(nodeCode, message));
    assert.equal(names.length, 20);
    for (const { name } of names) assert.match(name, /CRL|OCSP/);
    assert.ok(isRevocationError('UNABLE_TO_GET_CRL', undefined));
    assert.ok(!isRevocationError('CERT_REVOKED', 'certificate revoked'));
    assert.ok(!isRevocationError(undefined, undefined));
  });

  it('tell when no path led to a trusted authority', () => {
    for (const code of [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
    ]) {
      assert.ok(isUntrustedPath(code, undefined), code);
    }
    assert.ok(isUntrustedPath('UNSPECIFIED', 'subject issuer mismatch'));
    assert.ok(!isUntrustedPath('CERT_HAS_EXPIRED', 'certificate has expired'));
    assert.ok(!isUntrustedPath('UNABLE_TO_GET_CRL', 'unable to get certificate CRL'));
    assert.ok(!isUntrustedPath(undefined, undefined));
  });
});

import assert from 'node:assert/strict';
import {
  type Evidence,
  FAILURE_REASONS,
  type FailureReason,
  type FailureReasonRow,
  reasonForError,
} from '../../src/handshake/failure-reasons';
import type { ObservedError } from '../../src/handshake/observation';
import { alertFromMessage, reasonForAlert } from '../../src/handshake/tls-alerts';
import { reasonForVerifyError } from '../../src/handshake/verify-errors';
import { EXPECTED_ALERTS, EXPECTED_VERIFY_ERRORS } from './openssl-words';

const ROWS = Object.entries<FailureReasonRow>(FAILURE_REASONS) as [FailureReason, FailureReasonRow][];

/** As OpenSSL words its errors, and Node passes them on. */
const openssl = (reason: string, library = 'SSL routines') =>
  `801C686E3A7F0000:error:0A00010B:${library}:a_function:${reason}:../deps/openssl/openssl/ssl/a_file.c:350:\n`;

describe('the failure reasons', () => {
  it('are 51, in the order of the vocabulary', () => {
    assert.equal(ROWS.length, 51);
    assert.equal(ROWS[0]![0], 'certificate_required');
    assert.equal(ROWS.at(-1)![0], '_OTHER');
    for (const [reason] of ROWS) assert.match(reason, /^(?:[a-z]+(?:_[a-z]+)*|_OTHER)$/);
  });

  for (const [reason, row] of ROWS) {
    it(`tell of ${reason} when it results and what to do`, () => {
      assert.match(row.brief, /^Results when [^\n]{15,140}\.$/);
      assert.match(row.hint, /^[A-Z][^\n]{40,180}\.$/);
    });
  }

  it('are an error where somebody holds what is not his, or nobody can connect', () => {
    const graveness = (severity: string) =>
      ROWS.filter(([, row]) => row.severity === severity).map(([reason]) => reason);
    assert.deepEqual(graveness('ERROR'), [
      'certificate_issuer_forged',
      'certificate_signature_invalid',
      'certificate_revoked',
      'revocation_data_expired',
      'revocation_data_invalid',
      'certificate_authority_invalid',
      'name_constraint_violation',
      'certificate_name_mismatch',
      'certificate_pin_mismatch',
      'decrypt_error',
      'config_error',
      'internal_error',
    ]);
    assert.deepEqual(graveness('INFO'), ['not_tls', 'connection_reset', 'connection_closed']);
  });

  it('claim no evidence twice', () => {
    for (const kind of ['verifyErrors', 'alerts', 'codes', 'libraries'] as const) {
      const claims = ROWS.flatMap(([, row]) => row.evidence[kind] ?? []);
      assert.deepEqual(
        claims.filter((claim, index) => claims.indexOf(claim) !== index),
        [],
        kind,
      );
    }
  });

  it('rest on evidence, but for the two that are only ever concluded', () => {
    const without = ROWS.filter(([, row]) => Object.keys(row.evidence).length === 0).map(([reason]) => reason);
    assert.deepEqual(without, ['certificate_issuer_forged', 'peer_closed_after_handshake']);
  });

  for (const [reason, { evidence }] of ROWS) {
    it(`are recognised by all that ${reason} claims`, () => {
      const { verifyErrors = [], alerts = [], codes = [], libraries = [] }: Evidence = evidence;
      for (const name of verifyErrors) {
        assert.equal(reasonForVerifyError(name, undefined), reason, name);
        assert.equal(reasonForError({ code: name }), reason, name);
      }
      for (const description of alerts) {
        const { code } = EXPECTED_ALERTS.find(alert => alert.description === description)!;
        assert.equal(reasonForAlert({ code, description }), reason, description);
      }
      for (const claim of codes) {
        const code = claim.replace('*', 'SOMETHING');
        assert.equal(reasonForError({ code }), reason, code);
        if (!code.startsWith('ERR_SSL_')) continue;
        const message = openssl(code.slice('ERR_SSL_'.length).replaceAll('_', ' ').toLowerCase());
        assert.equal(reasonForError({ code: 'EPROTO', syscall: 'write', message: `write EPROTO ${message}` }), reason);
        assert.equal(reasonForError({ message }), reason, message);
      }
      for (const library of libraries) {
        assert.equal(reasonForError({ code: 'ERR_SSL_BAD_LUCK', message: openssl('bad luck', library) }), reason);
      }
    });
  }

  it('claim every verify error and every alert there is', () => {
    const claimed = (kind: 'verifyErrors' | 'alerts') => ROWS.flatMap(([, row]) => row.evidence[kind] ?? []).sort();
    assert.deepEqual(claimed('verifyErrors'), EXPECTED_VERIFY_ERRORS.map(({ name }) => name).sort());
    assert.deepEqual(claimed('alerts'), EXPECTED_ALERTS.map(({ description }) => description).sort());
  });
});

/** Errors as Node 20.20, 22.23, 24.21 and 26.10 word them. */
const RECORDED: readonly (readonly [FailureReason | undefined, string, ObservedError])[] = [
  // What a server's tlsClientError says.
  ['certificate_required', 'no client certificate', { code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' }],
  ['no_shared_cipher', 'no common cipher', { code: 'ERR_SSL_NO_SHARED_CIPHER' }],
  ['no_shared_group', 'no common group, TLS 1.3', { code: 'ERR_SSL_NO_SUITABLE_KEY_SHARE' }],
  ['no_shared_signature_algorithm', 'no certificate', { code: 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM' }],
  ['no_shared_signature_algorithm', 'SHA-1 signature', { code: 'ERR_SSL_WRONG_SIGNATURE_TYPE' }],
  ['protocol_version', 'older client', { code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' }],
  ['protocol_version', 'SSL 3', { code: 'ERR_SSL_VERSION_TOO_LOW' }],
  ['no_application_protocol', 'ALPN', { code: 'ERR_SSL_NO_APPLICATION_PROTOCOL' }],
  ['config_error', 'ALPNCallback', { code: 'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT' }],
  ['not_tls', 'HTTP', { code: 'ERR_SSL_HTTP_REQUEST' }],
  ['not_tls', 'CONNECT', { code: 'ERR_SSL_HTTPS_PROXY_REQUEST' }],
  ['not_tls', 'SSH', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }],
  ['not_tls', 'SSLv2', { code: 'ERR_SSL_UNKNOWN_PROTOCOL' }],
  ['not_tls', 'garbage', { code: 'ERR_SSL_PACKET_LENGTH_TOO_LONG' }],
  ['protocol_error', 'half a message', { code: 'ERR_SSL_LENGTH_TOO_SHORT' }],
  ['protocol_error', 'no certificate of the server', { code: 'ERR_SSL_LENGTH_MISMATCH' }],
  ['protocol_error', 'a message not awaited', { code: 'ERR_SSL_UNEXPECTED_MESSAGE' }],
  ['protocol_error', 'bytes behind the certificate', { code: 'ERR_SSL_CERT_LENGTH_MISMATCH' }],
  ['protocol_error', 'a suite not offered', { code: 'ERR_SSL_UNKNOWN_CIPHER_RETURNED' }],
  ['certificate_too_large', 'a megabyte of certificate', { code: 'ERR_SSL_EXCESSIVE_MESSAGE_SIZE' }],
  ['handshake_timeout', 'silence', { code: 'ERR_TLS_HANDSHAKE_TIMEOUT', message: 'TLS handshake timeout' }],
  ['renegotiation_refused', 'many renegotiations', { code: 'ERR_TLS_SESSION_ATTACK' }],
  ['renegotiation_refused', 'disableRenegotiation()', { code: 'ERR_TLS_RENEGOTIATION_DISABLED' }],
  ['renegotiation_refused', 'no RFC 5746', { code: 'ERR_SSL_UNSAFE_LEGACY_RENEGOTIATION_DISABLED' }],
  ['decrypt_error', 'pre-shared key differs', { code: 'ERR_SSL_BINDER_DOES_NOT_VERIFY' }],
  ['decrypt_error', 'a corrupted record', { code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC' }],
  ['psk_identity_unknown', 'pre-shared key unknown', { code: 'ERR_SSL_PSK_IDENTITY_NOT_FOUND' }],
  ['session_invalid', 'no sessionIdContext', { code: 'ERR_SSL_SESSION_ID_CONTEXT_UNINITIALIZED' }],
  ['insufficient_security', 'small Diffie-Hellman', { code: 'ERR_TLS_DH_PARAM_SIZE' }],
  ['inappropriate_fallback', 'a downgrade', { code: 'ERR_SSL_INAPPROPRIATE_FALLBACK' }],
  ['config_error', 'key and cert', { code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' }],
  ['config_error', 'bad PEM', { code: 'ERR_OSSL_PEM_NO_START_LINE' }],
  ['certificate_weak_crypto', 'own weak key', { code: 'ERR_SSL_EE_KEY_TOO_SMALL' }],

  // A certificate without its key: EC on Node 20 and after, RSA by what the noise happens to be.
  ['decrypt_error', 'EC, Node 20', { code: 'ERR_SSL_BAD_SIGNATURE', message: openssl('bad signature') }],
  [
    'decrypt_error',
    'EC, Node 22 to 26',
    {
      code: 'ERR_SSL_PROVIDER_SIGNATURE_FAILURE',
      message: openssl('provider signature failure', 'digital envelope routines'),
    },
  ],
  ...[
    'invalid padding',
    'first octet invalid',
    'last octet invalid',
    'block type is not 01',
    'bad pad byte count',
    'data too large for modulus',
    'wrong signature length',
  ].map(
    words =>
      [
        'decrypt_error',
        `RSA, ${words}`,
        {
          code: `ERR_SSL_${words.replaceAll(' ', '_').toUpperCase()}`,
          message: openssl(words, 'rsa routines'),
        },
      ] as const,
  ),
  [
    'decrypt_error',
    'EC, numbers out of range',
    { code: 'ERR_SSL_BAD_SIGNATURE', message: openssl('bad signature', 'elliptic curve routines') },
  ],

  // Certificates that are none, and keys that are none.
  [
    'certificate_malformed',
    'no DER',
    { code: 'ERR_SSL_TOO_LONG', message: openssl('too long', 'asn1 encoding routines') },
  ],
  [
    'certificate_malformed',
    'other DER',
    { code: 'ERR_SSL_WRONG_TAG', message: openssl('wrong tag', 'asn1 encoding routines') },
  ],
  [
    'certificate_malformed',
    'other DER, by https',
    {
      code: 'EPROTO',
      syscall: 'write',
      message: `write EPROTO ${openssl('bad object header', 'asn1 encoding routines')}`,
    },
  ],
  [
    'certificate_algorithm_unsupported',
    'unknown curve',
    { code: 'ERR_SSL_DECODE_ERROR', message: openssl('decode error', 'digital envelope routines') },
  ],
  ['no_shared_group', 'a curve not offered', { code: 'ERR_SSL_WRONG_CURVE', message: openssl('wrong curve') }],
  [
    'protocol_error',
    'a point off the curve',
    { code: 'ERR_SSL_POINT_IS_NOT_ON_CURVE', message: openssl('point is not on curve', 'elliptic curve routines') },
  ],

  // The end of the connection, in its three voices.
  ['connection_closed', 'FIN at a server', { code: 'ECONNRESET', message: 'socket hang up' }],
  [
    'connection_closed',
    'FIN at a client',
    {
      code: 'ECONNRESET',
      message: 'Client network socket disconnected before secure TLS connection was established',
    },
  ],
  ['connection_reset', 'RST', { code: 'ECONNRESET', syscall: 'read', message: 'read ECONNRESET' }],
  ['connection_reset', 'RST, no system call told', { code: 'ECONNRESET', message: 'read ECONNRESET' }],
  ['connection_reset', 'RST, worded anew', { code: 'ECONNRESET', syscall: 'read', message: 'gone' }],
  ['connection_reset', 'RST on writing', { code: 'ECONNRESET', syscall: 'write', message: 'write ECONNRESET' }],
  ['connection_reset', 'a write after it', { code: 'EPIPE', syscall: 'write', message: 'write EPIPE' }],
  [
    'connection_reset',
    'a write after FIN',
    { code: 'EPIPE', message: 'This socket has been ended by the other party' },
  ],
  ['connection_reset', 'a cable pulled', { code: 'ETIMEDOUT', syscall: 'read', message: 'read ETIMEDOUT' }],

  // Refusals by a client.
  ['certificate_expired', 'expired server', { code: 'CERT_HAS_EXPIRED', message: 'certificate has expired' }],
  [
    'certificate_name_mismatch',
    'another host',
    {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      message: `Hostname/IP does not match certificate's altnames: ${openssl('wrong version number')}`,
    },
  ],

  // Of TLS, and nobody knows what.
  ['_OTHER', 'a reason of tomorrow', { code: 'ERR_SSL_TOMORROWS_REASON', message: openssl('tomorrows reason') }],
  ['_OTHER', 'an alert of tomorrow', { code: 'ERR_SSL_TLSV1_ALERT_GENERAL_ERROR' }],
  ['_OTHER', 'a code of tomorrow', { code: 'ERR_TLS_TOMORROW' }],
  ['_OTHER', 'EPROTO without words', { code: 'EPROTO', syscall: 'write', message: 'write EPROTO' }],
  ['_OTHER', 'words without code', { message: openssl('tomorrows reason') }],

  // Not of TLS: the caller decides.
  [undefined, 'SNICallback threw', { name: 'Error', message: 'sni boom' }],
  [undefined, 'an invalid context', { name: 'TypeError', message: 'Invalid SNI context' }],
  [undefined, 'an error code like a word of OpenSSL', { code: 'BAD_REQUEST', message: 'bad request' }],
  [undefined, 'an error code that is a word of OpenSSL', { code: 'NO_SHARED_CIPHER' }],
  [undefined, "the application's own timeout", { code: 'ETIMEDOUT', message: 'request timed out' }],
  [undefined, 'an AbortSignal', { name: 'AbortError', code: 'ABORT_ERR', message: 'The operation was aborted' }],
  [undefined, "undici's timeout", { code: 'UND_ERR_CONNECT_TIMEOUT', message: 'Connect Timeout Error' }],
  [undefined, 'no TCP', { code: 'ECONNREFUSED', syscall: 'connect', message: 'connect ECONNREFUSED 127.0.0.1:1' }],
  [undefined, 'TCP reset while connecting', { code: 'ECONNRESET', syscall: 'connect', message: 'connect ECONNRESET' }],
  [undefined, 'no such host', { code: 'ENOTFOUND', syscall: 'getaddrinfo', message: 'getaddrinfo ENOTFOUND x' }],
  [undefined, 'a file', { code: 'ENOENT', syscall: 'open', message: "ENOENT: no such file or directory, open 'x'" }],
  [undefined, 'words quoted', { message: `they said: ${openssl('wrong version number')}` }],
  [undefined, 'socket hang up quoted', { message: 'upstream: socket hang up' }],
  [undefined, 'a code in small letters', { code: 'err_ssl_no_shared_cipher' }],
  [undefined, 'nothing', {}],
];

describe('reasonForError', () => {
  it('says the same again, however many others come between, and however long they are', () => {
    const known = { code: 'ERR_SSL_UNSUPPORTED_PROTOCOL', message: openssl('unsupported protocol') };
    for (let other = 0; other < 1_000; other++) {
      assert.equal(reasonForError(known), 'protocol_version');
      assert.equal(reasonForError({ message: `no words of OpenSSL's: ${other}` }), undefined);
      assert.equal(reasonForError({ code: `ERR_SSL_${other}`, message: 'x'.repeat(10_000) }), '_OTHER');
    }
  });

  it('takes what is not there for nothing, and not for its name', () => {
    assert.equal(reasonForError({ code: 'ECONNRESET', syscall: 'read' }), 'connection_reset');
    assert.equal(reasonForError({ code: 'ECONNRESET', message: 'undefined' }), reasonForError({ code: 'ECONNRESET' }));
  });

  for (const [reason, story, error] of RECORDED) {
    it(`says ${reason} of ${story}`, () => assert.equal(reasonForError(error), reason));
  }

  it('takes every alert by its code too, in each spelling', () => {
    const codes = EXPECTED_ALERTS.flatMap(({ nodeCodes, reason }) => nodeCodes.map(code => [code, reason] as const));
    assert.equal(codes.length, 33 + 11);
    for (const [code, reason] of codes) assert.equal(reasonForError({ code }), reason, code);
  });

  it('takes an alert for the same whether by number, code or words', () => {
    for (const words of ['sslv3 alert certificate expired', 'ssl/tls alert certificate expired']) {
      const message = openssl(words).replace(/:\n$/, ':SSL alert number 45\n');
      assert.equal(reasonForAlert(alertFromMessage(message)!), 'certificate_expired');
      assert.equal(
        reasonForError({ message: `write EPROTO ${message}`, code: 'EPROTO', syscall: 'write' }),
        'certificate_expired',
      );
      assert.equal(
        reasonForError({ code: `ERR_SSL_${words.toUpperCase().replaceAll(' ', '_')}` }),
        'certificate_expired',
      );
    }
  });

  it('never mistakes what we found for what the peer said', () => {
    assert.equal(reasonForError({ code: 'ERR_SSL_NO_RENEGOTIATION' }), 'renegotiation_refused');
    assert.equal(reasonForError({ code: 'ERR_SSL_TLSV1_ALERT_NO_RENEGOTIATION' }), 'protocol_error');
    assert.equal(reasonForError({ code: 'ERR_SSL_DECRYPTION_FAILED' }), 'decrypt_error');
    assert.equal(reasonForError({ code: 'ERR_SSL_TLSV1_ALERT_DECRYPTION_FAILED' }), 'protocol_error');
  });

  it('takes the longest beginning where no whole code fits', () => {
    assert.equal(reasonForError({ code: 'ERR_SSL_BAD_SESSION_ID' }), 'session_invalid');
    assert.equal(reasonForError({ code: 'ERR_SSL_BAD_SESSIO' }), 'protocol_error');
    assert.equal(reasonForError({ code: 'ERR_SSL_BAD_SIGNATURE' }), 'decrypt_error');
    assert.equal(reasonForError({ code: 'ERR_SSL_BAD_SIGNATURES' }), 'protocol_error');
    assert.equal(reasonForError({ code: 'ERR_SSL_BAD_' }), 'protocol_error');
    assert.equal(reasonForError({ code: 'ERR_SSL_BAD' }), '_OTHER');
  });

  it('answers whatever it is asked, at once', () => {
    const random = generator(20_261_122);
    const pieces = [
      ...['ERR_SSL_', 'ERR_TLS_', 'SSLV3_ALERT_', 'BAD_', 'EPROTO', 'ECONNRESET', 'write EPROTO ', 'read ', ':', '\n'],
      ...['801C686E3A7F0000', ':error:', '0A000410', 'SSL routines', ':SSL alert number ', '48', '256', ' ', '\0'],
      ...['self-signed certificate', 'unable to', 'socket hang up', '*', '(', '\u202e', '💥', '\ud800', '__proto__'],
    ];
    const garbage = () => Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('');
    for (let round = 0; round < 20_000; round++) {
      const error = {
        code: random(4) ? garbage() : undefined,
        message: random(4) ? garbage() : undefined,
        syscall: random(4) ? undefined : garbage(),
      };
      const reason = reasonForError(error);
      assert.ok(reason === undefined || Object.hasOwn(FAILURE_REASONS, reason), JSON.stringify(error));
      assert.ok(Object.hasOwn(FAILURE_REASONS, reasonForVerifyError(error.code, error.message)));
      const alert = alertFromMessage(error.message);
      if (alert) assert.ok(Object.hasOwn(FAILURE_REASONS, reasonForAlert(alert)));
    }
  });

  it('takes no longer for a long message than for a longer one', () => {
    const opening = '801C686E3A7F0000:error:0A000410:SSL routines:';
    const hostile = ['A', '0', ':', ' ', 'error:', ':SSL alert number ', 'SSL routines:', opening, `${opening}\n`];
    for (const piece of hostile) {
      for (const start of ['', 'write EPROTO ', opening]) {
        const message = start + piece.repeat(100_000 / piece.length);
        const began = process.cpuUsage();
        for (let round = 0; round < 10; round++) {
          reasonForError({ code: 'EPROTO', syscall: 'write', message });
          reasonForError({ code: message, message });
          reasonForVerifyError('UNSPECIFIED', message);
          alertFromMessage(message);
        }
        const { user, system } = process.cpuUsage(began);
        // Quadratic time would be seconds for each; linear is about a millisecond.
        assert.ok(user + system < 1_000_000, `${JSON.stringify(start + piece)} took ${user + system} microseconds`);
      }
    }
  });
});

/** The same numbers below `bound` every time: mulberry32. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return bound => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

import assert from 'node:assert/strict';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { FAILURE_REASONS } from '../../src/handshake/failure-reasons';
import type { Handshake, Outcome, Verification } from '../../src/handshake/handshake';
import { conclude, concludeRefusal, type Ending, type Observation } from '../../src/handshake/observation';
import { CertificateAuthority } from '../support/certificate-authority';

const T0 = 1_800_000_000_000;
/** Bytes that stand for a certificate where only its presence matters. */
const LEAF = Uint8Array.of(0x30, 1);
const ISSUER = Uint8Array.of(0x30, 2);

/** A server with mutual TLS, seen in full; each test changes what it is about. */
function server(facts: Partial<Observation> = {}): Observation {
  return {
    side: 'server',
    transport: 'tcp',
    peer: { address: '192.0.2.7', port: 51034 },
    local: { address: '192.0.2.1', port: 8443 },
    born: T0,
    begun: T0 + 1,
    ended: T0 + 5,
    bytesReceived: 1800,
    bytesSent: 2500,
    certificateRequested: true,
    enforced: true,
    ...facts,
  };
}

function client(facts: Partial<Observation> = {}): Observation {
  return server({ side: 'client', certificate: LEAF, ...facts });
}

const concluded = (seen: Observation) => conclude(seen, der => parsePeerCertificate(der));

/** As OpenSSL words an alert it received, and Node passes it on. */
const alerted = (number: number, words = 'sslv3 alert') =>
  `801C686E3A7F0000:error:0A000416:SSL routines:ssl3_read_bytes:${words}:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number ${number}\n`;

/** As OpenSSL words its own complaints. */
const openssl = (reason: string) =>
  `801C686E3A7F0000:error:0A00010B:SSL routines:a_function:${reason}:../deps/openssl/ssl/a_file.c:350:\n`;

interface Case {
  readonly it: string;
  readonly seen: Observation;
  readonly outcome: Outcome;
  readonly verification: Verification;
}

/** In short: what was decided, by whom, where. */
const failed = (
  reason: keyof typeof FAILURE_REASONS,
  decidedBy: 'us' | 'peer' | 'network',
  phase: 'client_hello' | 'negotiation' | 'certificate' | 'finished' | 'post_handshake',
  more: object = {},
): Outcome => ({ kind: 'failed', failure: { reason, decidedBy, phase, ...more } });
const established: Outcome = { kind: 'established' };
const abandoned = (
  decidedBy: 'us' | 'peer' | 'network',
  phase: 'client_hello' | 'certificate' | 'finished',
): Outcome => ({
  kind: 'abandoned',
  phase,
  decidedBy,
});

const ok: Verification = { result: 'ok', enforced: true, errors: [] };
const notRequested: Verification = { result: 'not_requested', errors: [] };
const notPresented: Verification = { result: 'not_presented', enforced: true, errors: [] };
const unverified: Verification = { result: 'unverified', enforced: true, errors: [] };
const expired: Verification = {
  result: 'failed',
  enforced: true,
  errors: ['certificate_expired'],
  code: 'CERT_HAS_EXPIRED',
  message: 'certificate has expired',
};
const EXPIRED = { verifyCode: 'CERT_HAS_EXPIRED', verifyMessage: 'certificate has expired' };

const CASES: readonly Case[] = [
  // Node told the application that the connection is secure.
  {
    it: 'takes a server without client certificates at its word',
    seen: server({ ending: 'secured', certificateRequested: false }),
    outcome: established,
    verification: notRequested,
  },
  {
    it: 'takes no notice of verify codes where no certificate was asked for: OpenSSL has one ready all the same',
    seen: server({ ending: 'secured', certificateRequested: false, verifyCode: 'UNABLE_TO_GET_ISSUER_CERT' }),
    outcome: established,
    verification: notRequested,
  },
  {
    it: 'finds a client certificate verified',
    seen: server({ ending: 'secured', certificate: LEAF }),
    outcome: established,
    verification: ok,
  },
  {
    it: 'lets a client in that was asked for a certificate in vain, where none is enforced',
    seen: server({ ending: 'secured', enforced: false, verifyCode: 'UNABLE_TO_GET_ISSUER_CERT' }),
    outcome: established,
    verification: { ...notPresented, enforced: false },
  },
  {
    it: 'finds an expired certificate of a client that was let in',
    seen: server({ ending: 'secured', enforced: false, certificate: LEAF, ...EXPIRED }),
    outcome: established,
    verification: { ...expired, enforced: false },
  },
  {
    it: 'finds the server certificate verified on a client',
    seen: client({ ending: 'secured' }),
    outcome: established,
    verification: ok,
  },
  {
    it: 'finds a resumed client session verified, although TLS sends no certificate then',
    seen: client({ ending: 'secured', resumed: true, certificate: undefined }),
    outcome: established,
    verification: ok,
  },
  {
    it: 'finds no certificate on a client whose session was not resumed: a pre-shared key, an anonymous cipher',
    seen: client({ ending: 'secured', certificate: undefined }),
    outcome: established,
    verification: notPresented,
  },
  {
    it: 'finds none on a client that TLS 1.3 calls resumed and that knows pre-shared keys',
    seen: client({
      ending: 'secured',
      certificate: undefined,
      resumed: true,
      knowsPreSharedKeys: true,
      protocol: 'TLSv1.3',
    }),
    outcome: established,
    verification: notPresented,
  },
  {
    it: 'finds no certificate on a server, resumed or not',
    seen: server({ ending: 'secured', resumed: true, enforced: false }),
    outcome: established,
    verification: { ...notPresented, enforced: false },
  },
  {
    it: 'finds a name that does not match on a client that went on all the same',
    seen: client({ ending: 'secured', enforced: false, authorizationError: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
    outcome: established,
    verification: {
      result: 'failed',
      enforced: false,
      errors: ['certificate_name_mismatch'],
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    },
  },
  {
    it: "finds the application's own identity check against a server that was talked to all the same",
    seen: client({ ending: 'secured', enforced: false, authorizationError: 'PINNED' }),
    outcome: established,
    verification: { result: 'failed', enforced: false, errors: ['certificate_rejected'], code: 'PINNED' },
  },
  {
    it: "lets OpenSSL's error go before Node's name check",
    seen: client({ ending: 'secured', enforced: false, ...EXPIRED, authorizationError: 'CERT_HAS_EXPIRED' }),
    outcome: established,
    verification: { ...expired, enforced: false },
  },

  // OpenSSL finished, and nobody looks.
  {
    it: 'believes OpenSSL of a client certificate that nobody looks at',
    seen: server({ ending: 'secured_unverified', certificate: LEAF, enforced: false }),
    outcome: established,
    verification: { ...ok, enforced: false },
  },
  {
    it: 'finds an expired client certificate that nobody looks at',
    seen: server({ ending: 'secured_unverified', certificate: LEAF, enforced: false, ...EXPIRED }),
    outcome: established,
    verification: { ...expired, enforced: false },
  },
  {
    it: 'finds no client certificate where nobody looks',
    seen: server({ ending: 'secured_unverified', enforced: false }),
    outcome: established,
    verification: { ...notPresented, enforced: false },
  },
  {
    it: 'calls a server unverified whose name nobody compares, and enforced nothing, whatever the options say',
    seen: client({ ending: 'secured_unverified', enforced: true }),
    outcome: established,
    verification: { ...unverified, enforced: false },
  },
  {
    it: 'finds an expired server certificate that nobody looks at, and enforced nothing',
    seen: client({ ending: 'secured_unverified', enforced: true, ...EXPIRED }),
    outcome: established,
    verification: { ...expired, enforced: false },
  },

  // Node destroyed the socket while it was deciding.
  {
    it: 'names the reason a client certificate was refused for, although Node says only ECONNRESET',
    seen: server({ ending: 'refused_by_node', certificate: LEAF, ...EXPIRED, error: { code: 'ECONNRESET' } }),
    outcome: failed('certificate_expired', 'us', 'certificate', { code: 'CERT_HAS_EXPIRED' }),
    verification: expired,
  },
  {
    it: 'names the reason of a verify error that Node has no code for, by its message',
    seen: server({
      ending: 'refused_by_node',
      certificate: LEAF,
      verifyCode: 'UNSPECIFIED',
      verifyMessage: 'permitted subtree violation',
    }),
    outcome: failed('name_constraint_violation', 'us', 'certificate', { code: 'UNSPECIFIED' }),
    verification: {
      result: 'failed',
      enforced: true,
      errors: ['name_constraint_violation'],
      code: 'UNSPECIFIED',
      message: 'permitted subtree violation',
    },
  },
  {
    it: 'names a verify error that nobody knows as another one',
    seen: server({ ending: 'refused_by_node', certificate: LEAF, verifyCode: 'SOMETHING_NEW' }),
    outcome: failed('_OTHER', 'us', 'certificate', { code: 'SOMETHING_NEW' }),
    verification: {
      result: 'failed',
      enforced: true,
      errors: ['_OTHER'],
      code: 'SOMETHING_NEW',
      message: undefined,
    },
  },
  {
    it: 'names the reason a client refused the server for',
    seen: client({ ending: 'refused_by_node', ...EXPIRED, error: { code: 'CERT_HAS_EXPIRED' } }),
    outcome: failed('certificate_expired', 'us', 'certificate', { code: 'CERT_HAS_EXPIRED' }),
    verification: expired,
  },
  {
    it: 'names the name that does not match',
    seen: client({
      ending: 'refused_by_node',
      error: { code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: "Hostname/IP does not match certificate's altnames" },
    }),
    outcome: failed('certificate_name_mismatch', 'us', 'certificate', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
    verification: {
      result: 'failed',
      enforced: true,
      errors: ['certificate_name_mismatch'],
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      message: "Hostname/IP does not match certificate's altnames",
    },
  },
  {
    it: "calls any other error of an identity check the application's refusal",
    seen: client({ ending: 'refused_by_node', error: { message: 'pin mismatch' } }),
    outcome: failed('certificate_rejected', 'us', 'certificate', { code: undefined }),
    verification: {
      result: 'failed',
      enforced: true,
      errors: ['certificate_rejected'],
      code: undefined,
      message: 'pin mismatch',
    },
  },
  {
    it: 'blames a small Diffie-Hellman group and not the certificate',
    seen: client({ ending: 'refused_by_node', error: { code: 'ERR_TLS_DH_PARAM_SIZE' } }),
    outcome: failed('insufficient_security', 'us', 'negotiation', { code: 'ERR_TLS_DH_PARAM_SIZE' }),
    verification: unverified,
  },
  {
    it: 'says that a required certificate was missing',
    seen: server({ ending: 'refused_by_node', authorizationError: 'UNABLE_TO_GET_ISSUER_CERT' }),
    outcome: failed('certificate_required', 'us', 'certificate', { code: 'UNABLE_TO_GET_ISSUER_CERT' }),
    verification: notPresented,
  },
  {
    it: 'blames nobody when a client was destroyed while Node was deciding, with nothing found wrong',
    seen: client({ ending: 'refused_by_node' }),
    outcome: abandoned('us', 'finished'),
    verification: unverified,
  },
  {
    it: 'blames nobody when a client without a certificate before it was destroyed while Node was deciding',
    seen: client({ ending: 'refused_by_node', certificate: undefined }),
    outcome: abandoned('us', 'finished'),
    verification: notPresented,
  },
  {
    it: 'blames nobody when a server was destroyed while Node was deciding, with a certificate that verifies',
    seen: server({ ending: 'refused_by_node', certificate: LEAF }),
    outcome: abandoned('us', 'finished'),
    verification: unverified,
  },
  {
    it: "says that the application's identity check threw",
    seen: client({ ending: 'identity_check_threw' }),
    outcome: failed('certificate_rejected', 'us', 'certificate'),
    verification: { result: 'failed', enforced: true, errors: ['certificate_rejected'] },
  },

  // Time was up.
  {
    it: 'says that a silent client ran out of time',
    seen: server({
      ending: 'timed_out',
      bytesReceived: 0,
      bytesSent: 0,
      error: { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' },
    }),
    outcome: failed('handshake_timeout', 'us', 'client_hello', { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }),
    verification: unverified,
  },
  {
    it: 'says that time ran out over a name that was asked for: a callback of ours never answered',
    seen: server({ ending: 'timed_out', bytesSent: 0, serverName: 'a.example' }),
    outcome: failed('handshake_timeout', 'us', 'negotiation', { code: undefined }),
    verification: unverified,
  },
  {
    it: 'says that a client ran out of time over its certificate',
    seen: server({ ending: 'timed_out', error: { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' } }),
    outcome: failed('handshake_timeout', 'us', 'certificate', { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }),
    verification: unverified,
  },

  // An alert of the peer.
  {
    it: 'lets an alert of the peer decide',
    seen: client({ ending: 'destroyed', error: { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', message: alerted(48) } }),
    outcome: failed('unknown_ca', 'peer', 'certificate', {
      alert: { code: 48, description: 'unknown_ca' },
      code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    }),
    verification: unverified,
  },
  {
    it: 'finds the alert behind EPROTO',
    seen: client({
      ending: 'destroyed',
      certificate: undefined,
      error: { code: 'EPROTO', syscall: 'write', message: `write EPROTO ${alerted(40)}` },
    }),
    outcome: failed('handshake_failure', 'peer', 'negotiation', {
      alert: { code: 40, description: 'handshake_failure' },
      code: 'EPROTO',
    }),
    verification: unverified,
  },
  {
    it: 'places an alert where the handshake was, when its reason strikes earlier: TLS 1.2 misses a certificate so',
    seen: client({ ending: 'destroyed', error: { code: 'ERR_SSL_X', message: alerted(40) } }),
    outcome: failed('handshake_failure', 'peer', 'certificate', {
      alert: { code: 40, description: 'handshake_failure' },
      code: 'ERR_SSL_X',
    }),
    verification: unverified,
  },
  {
    it: 'says that the peer refused an alert without a name',
    seen: client({
      ending: 'destroyed',
      certificate: undefined,
      error: { code: 'ERR_SSL_X', message: alerted(200) },
    }),
    outcome: failed('_OTHER', 'peer', 'negotiation', {
      alert: { code: 200, description: 'unassigned_200' },
      code: 'ERR_SSL_X',
    }),
    verification: unverified,
  },
  {
    it: "does not take an alert about our certificate for a word about the server's",
    seen: client({ ending: 'destroyed', certificate: undefined, error: { code: 'ERR_SSL_X', message: alerted(116) } }),
    outcome: failed('certificate_required', 'peer', 'certificate', {
      alert: { code: 116, description: 'certificate_required' },
      code: 'ERR_SSL_X',
    }),
    verification: unverified,
  },
  {
    it: 'takes an ending that nobody noted for a destroyed socket',
    seen: client({ error: { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', message: alerted(48) } }),
    outcome: failed('unknown_ca', 'peer', 'certificate', {
      alert: { code: 48, description: 'unknown_ca' },
      code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    }),
    verification: unverified,
  },

  // OpenSSL's own complaint.
  {
    it: 'says that the peer does not speak TLS',
    seen: server({
      ending: 'destroyed',
      bytesSent: 0,
      error: { code: 'ERR_SSL_HTTP_REQUEST', message: openssl('http request') },
    }),
    outcome: failed('not_tls', 'us', 'client_hello', { code: 'ERR_SSL_HTTP_REQUEST' }),
    verification: unverified,
  },
  {
    it: 'finds OpenSSL behind EPROTO',
    seen: client({
      ending: 'destroyed',
      certificate: undefined,
      error: { code: 'EPROTO', syscall: 'write', message: `write EPROTO ${openssl('wrong version number')}` },
    }),
    outcome: failed('not_tls', 'us', 'client_hello', { code: 'EPROTO' }),
    verification: unverified,
  },
  {
    it: 'says that OpenSSL missed the required certificate',
    seen: server({
      ending: 'destroyed',
      error: {
        code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE',
        message: openssl('peer did not return a certificate'),
      },
    }),
    outcome: failed('certificate_required', 'us', 'certificate', { code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' }),
    verification: notPresented,
  },
  {
    it: 'says that the client could not prove its key',
    seen: server({
      ending: 'destroyed',
      certificate: LEAF,
      error: { code: 'ERR_SSL_BAD_SIGNATURE', message: openssl('bad signature') },
    }),
    outcome: failed('decrypt_error', 'us', 'certificate', { code: 'ERR_SSL_BAD_SIGNATURE' }),
    verification: unverified,
  },
  {
    it: 'says that it was the signature on the certificate which was wrong, where the verification tells',
    seen: server({
      ending: 'destroyed',
      certificate: LEAF,
      verifyCode: 'CERT_SIGNATURE_FAILURE',
      verifyMessage: 'certificate signature failure',
      error: { code: 'ERR_SSL_BAD_SIGNATURE', message: openssl('bad signature') },
    }),
    outcome: failed('certificate_signature_invalid', 'us', 'certificate', { code: 'ERR_SSL_BAD_SIGNATURE' }),
    verification: {
      result: 'failed',
      enforced: true,
      errors: ['certificate_signature_invalid'],
      code: 'CERT_SIGNATURE_FAILURE',
      message: 'certificate signature failure',
    },
  },
  {
    it: 'says that the key was not proven, of a certificate with another fault',
    seen: server({
      ending: 'destroyed',
      certificate: LEAF,
      ...EXPIRED,
      error: { code: 'ERR_SSL_BAD_SIGNATURE', message: openssl('bad signature') },
    }),
    outcome: failed('decrypt_error', 'us', 'certificate', { code: 'ERR_SSL_BAD_SIGNATURE' }),
    verification: expired,
  },

  ...(
    [
      ['ERR_SSL_BINDER_DOES_NOT_VERIFY', 'binder does not verify', 'negotiation'],
      ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'decryption failed or bad record mac', 'finished'],
      ['ERR_SSL_CIPHER_OPERATION_FAILED', 'cipher operation failed', 'finished'],
      ['ERR_SSL_DIGEST_CHECK_FAILED', 'digest check failed', 'finished'],
    ] as const
  ).map(
    ([code, reason, phase]): Case => ({
      it: `places a proof that is not a certificate's where it was due: ${reason}`,
      seen: server({ ending: 'destroyed', error: { code, message: openssl(reason) } }),
      outcome: failed('decrypt_error', 'us', phase, { code }),
      verification: unverified,
    }),
  ),

  // The connection was lost.
  {
    it: 'says that the connection was reset',
    seen: client({ ending: 'destroyed', error: { code: 'ECONNRESET', syscall: 'read', message: 'read ECONNRESET' } }),
    outcome: failed('connection_reset', 'network', 'certificate', { code: 'ECONNRESET' }),
    verification: unverified,
  },
  {
    it: 'says that a system call failed which nobody has a word for',
    seen: client({ ending: 'destroyed', error: { code: 'EINVAL', syscall: 'write', message: 'write EINVAL' } }),
    outcome: failed('connection_reset', 'network', 'certificate', { code: 'EINVAL' }),
    verification: unverified,
  },
  {
    it: 'says that the server closed the connection',
    seen: client({
      ending: 'destroyed',
      certificate: undefined,
      peerEnded: true,
      error: {
        code: 'ECONNRESET',
        message: 'Client network socket disconnected before secure TLS connection was established',
      },
    }),
    outcome: failed('connection_closed', 'peer', 'negotiation', { code: 'ECONNRESET' }),
    verification: unverified,
  },
  {
    it: 'says that the client hung up over our certificate',
    seen: server({ ending: 'destroyed', peerEnded: true }),
    outcome: failed('connection_closed', 'peer', 'certificate', { code: undefined }),
    verification: unverified,
  },
  {
    it: 'says that the client hung up inside its ClientHello',
    seen: server({ ending: 'destroyed', peerEnded: true, bytesSent: 0 }),
    outcome: failed('connection_closed', 'peer', 'client_hello', { code: undefined }),
    verification: unverified,
  },
  {
    it: 'calls a client that closed without a byte abandoned',
    seen: server({ ending: 'destroyed', peerEnded: true, bytesReceived: 0, bytesSent: 0 }),
    outcome: abandoned('peer', 'client_hello'),
    verification: unverified,
  },
  {
    it: 'calls it a failure after the first byte',
    seen: server({ ending: 'destroyed', peerEnded: true, bytesReceived: 1, bytesSent: 0 }),
    outcome: failed('connection_closed', 'peer', 'client_hello', { code: undefined }),
    verification: unverified,
  },
  {
    it: 'calls a client that was reset without a byte abandoned, by the network',
    seen: server({
      ending: 'destroyed',
      bytesReceived: 0,
      bytesSent: 0,
      error: { code: 'ECONNRESET', syscall: 'read', message: 'read ECONNRESET' },
    }),
    outcome: abandoned('network', 'client_hello'),
    verification: unverified,
  },
  {
    it: 'calls a server that answers nothing and closes a failure: we had asked',
    seen: client({ ending: 'destroyed', certificate: undefined, peerEnded: true, bytesReceived: 0 }),
    outcome: failed('connection_closed', 'peer', 'client_hello', { code: undefined }),
    verification: unverified,
  },
  {
    it: 'says that the connection was lost after OpenSSL was done',
    seen: client({ ending: 'destroyed', negotiated: true, peerEnded: true }),
    outcome: failed('connection_closed', 'peer', 'finished', { code: undefined }),
    verification: unverified,
  },
  {
    it: 'does not take unknown byte counts for none',
    seen: server({
      ending: 'destroyed',
      transport: 'stream',
      peerEnded: true,
      bytesReceived: undefined,
      bytesSent: undefined,
    }),
    outcome: failed('connection_closed', 'peer', 'certificate', { code: undefined }),
    verification: unverified,
  },

  // Our own application changed its mind.
  {
    it: "calls an application's own destroy abandoned",
    seen: client({ ending: 'destroyed', peerEnded: false, bytesReceived: 0, certificate: undefined }),
    outcome: abandoned('us', 'client_hello'),
    verification: unverified,
  },
  {
    it: "calls an application's own timeout abandoned",
    seen: client({ ending: 'destroyed', error: { name: 'Error', message: 'app: timeout' } }),
    outcome: abandoned('us', 'certificate'),
    verification: unverified,
  },
  {
    it: 'calls an AbortSignal abandoned, on a client',
    seen: client({ ending: 'destroyed', error: { name: 'AbortError', code: 'ABORT_ERR' } }),
    outcome: abandoned('us', 'certificate'),
    verification: unverified,
  },
  {
    it: 'calls an AbortSignal abandoned, on a server',
    seen: server({ ending: 'destroyed', error: { name: 'AbortError' } }),
    outcome: abandoned('us', 'certificate'),
    verification: unverified,
  },
  {
    it: 'calls an AbortSignal abandoned, by its code alone',
    seen: server({ ending: 'destroyed', error: { code: 'ABORT_ERR' } }),
    outcome: abandoned('us', 'certificate'),
    verification: unverified,
  },
  {
    it: 'calls a server whose callback failed broken: nobody else could have destroyed its socket with an error',
    seen: server({ ending: 'destroyed', bytesSent: 0, error: { name: 'TypeError', message: 'no such tenant' } }),
    outcome: failed('internal_error', 'us', 'negotiation', { code: undefined }),
    verification: unverified,
  },
  {
    it: 'calls a server destroyed without an error abandoned',
    seen: server({ ending: 'destroyed', bytesSent: 0 }),
    outcome: abandoned('us', 'client_hello'),
    verification: unverified,
  },
];

describe('a handshake, concluded from what was seen of it,', () => {
  for (const { it: title, seen, outcome, verification } of CASES) {
    it(title, () => {
      const handshake = concluded(seen);
      assert.deepEqual(handshake.outcome, outcome);
      assert.deepEqual(handshake.verification, verification);
    });
  }

  it('is frozen through and through', () => {
    const loose = CASES.map(({ seen }) => concluded({ ...seen, chain: [LEAF, ISSUER] })).flatMap(handshake =>
      looseParts(handshake),
    );
    assert.deepEqual(loose, []);
  });

  it('leaves the observation as it was, and does not follow its later changes', () => {
    const seen = server({ ending: 'secured', chain: [LEAF] });
    const before = structuredClone(seen);
    const handshake = concluded(seen);
    assert.deepEqual(seen, before);
    seen.serverName = 'changed';
    Object.assign(seen.peer, { address: 'changed' });
    assert.equal(handshake.serverName, undefined);
    assert.deepEqual(handshake.peer, { address: '192.0.2.7', port: 51034 });
  });

  it('says what was negotiated', () => {
    const { side, peer, local, transport, protocol, cipher, curve, alpn, resumed, serverName } = concluded(
      client({
        ending: 'secured',
        protocol: 'TLSv1.3',
        cipher: 'TLS_AES_256_GCM_SHA384',
        curve: 'X25519',
        alpn: 'h2',
        resumed: true,
        serverName: 'api.example.com',
        transport: 'pipe',
      }),
    );
    assert.deepEqual(
      { side, peer, local, transport, protocol, cipher, curve, alpn, resumed, serverName },
      {
        side: 'client',
        peer: { address: '192.0.2.7', port: 51034 },
        local: { address: '192.0.2.1', port: 8443 },
        transport: 'pipe',
        protocol: { name: 'tls', version: '1.3' },
        cipher: 'TLS_AES_256_GCM_SHA384',
        curve: 'X25519',
        alpn: 'h2',
        resumed: true,
        serverName: 'api.example.com',
      },
    );
  });

  it('has nothing to say of what was never negotiated', () => {
    const { protocol, cipher, curve, alpn, serverName, resumed } = concluded(server({ ending: 'destroyed' }));
    assert.deepEqual(
      { protocol, cipher, curve, alpn, serverName },
      {
        protocol: undefined,
        cipher: undefined,
        curve: undefined,
        alpn: undefined,
        serverName: undefined,
      },
    );
    assert.equal(resumed, false);
  });

  for (const [said, expected] of [
    ['TLSv1.3', { name: 'tls', version: '1.3' }],
    ['TLSv1.2', { name: 'tls', version: '1.2' }],
    ['TLSv1.1', { name: 'tls', version: '1.1' }],
    ['TLSv1', { name: 'tls', version: '1.0' }],
    ['SSLv3', { name: 'ssl', version: '3' }],
    ['TLSv2.0-draft', { name: 'tls', version: 'TLSv2.0-draft' }],
  ] as const) {
    it(`names the protocol that Node calls ${said}`, () => {
      assert.deepEqual(concluded(server({ ending: 'secured', protocol: said })).protocol, expected);
    });
  }

  describe('its times', () => {
    const times = (facts: Partial<Observation>) => {
      const { started, ended } = concluded(server({ ending: 'destroyed', ...facts }));
      return [started - T0, ended - T0];
    };

    it('are from the first bytes to the decision', () => {
      assert.deepEqual(times({ begun: T0 + 1.25, ended: T0 + 5.5 }), [1.25, 5.5]);
    });
    it('begin with the socket, where TLS never began', () => {
      assert.deepEqual(times({ begun: undefined, ended: T0 + 5 }), [0, 5]);
    });
    it('are one moment, where the end is unknown', () => {
      assert.deepEqual(times({ begun: T0 + 1, ended: undefined }), [1, 1]);
    });
    it('never run backwards, when the clock was set back', () => {
      assert.deepEqual(times({ begun: T0 + 1, ended: T0 + 0.75 }), [1, 1]);
      assert.deepEqual(times({ begun: T0 + 1, ended: T0 + 1.25 }), [1, 1.25]);
    });
  });

  describe('its certificate', () => {
    /** What the reader was asked for, in order. */
    function readings(seen: Observation): { read: string[]; handshake: Handshake } {
      const read: string[] = [];
      const handshake = conclude(seen, (der, trusted) => {
        read.push(`${der === LEAF ? 'leaf' : 'issuer'} ${trusted ? 'trusted' : 'not trusted'}`);
        return parsePeerCertificate(der);
      });
      return { read, handshake };
    }

    it('is trusted when it verified', () => {
      assert.deepEqual(readings(server({ ending: 'secured', certificate: LEAF })).read, ['leaf trusted']);
    });
    it('is not trusted when it did not, although the application went on', () => {
      const { read } = readings(server({ ending: 'secured', enforced: false, certificate: LEAF, ...EXPIRED }));
      assert.deepEqual(read, ['leaf not trusted']);
    });
    it('is not trusted when the handshake failed', () => {
      assert.deepEqual(readings(server({ ending: 'destroyed', certificate: LEAF })).read, ['leaf not trusted']);
    });
    it('is not trusted where nobody verifies', () => {
      assert.deepEqual(readings(client({ ending: 'secured_unverified' })).read, ['leaf not trusted']);
    });
    it('is the first of the chain, when the leaf was not read before', () => {
      const { read, handshake } = readings(server({ ending: 'destroyed', chain: [LEAF, ISSUER] }));
      assert.deepEqual(read, ['leaf not trusted', 'issuer not trusted']);
      assert.equal(handshake.peerCertificate, handshake.peerChain[0]);
      assert.equal(handshake.peerChain.length, 2);
    });
    it('is absent when none was presented', () => {
      const { read, handshake } = readings(server({ ending: 'secured', enforced: false }));
      assert.deepEqual(read, []);
      assert.equal(handshake.peerCertificate, undefined);
      assert.deepEqual(handshake.peerChain, []);
    });
  });

  describe('its verify error, which may hide a graver one,', () => {
    const CRL = { verifyCode: 'UNABLE_TO_GET_CRL', verifyMessage: 'unable to get certificate CRL' };
    let ours: CertificateAuthority;
    let theirs: CertificateAuthority;

    before(async () => {
      ours = await CertificateAuthority.create({ commonName: 'Ours' });
      theirs = await CertificateAuthority.create({ commonName: 'Theirs' });
    });

    const errorsOf = (chain: Uint8Array[], trustAnchors: unknown, facts: Partial<Observation> = CRL) => {
      const { verification, outcome } = concluded(
        server({ ending: 'refused_by_node', certificate: chain[0], chain, trustAnchors, ...facts }),
      );
      assert.equal(outcome.kind === 'failed' && outcome.failure.reason, verification.errors[0]);
      return verification.errors;
    };

    it('stands when a configured authority issued the certificate', async () => {
      const { der } = await ours.issue();
      assert.deepEqual(errorsOf([der], ours.certificate), ['revocation_unavailable']);
    });
    it('is an unknown authority before that, when none of the configured did', async () => {
      const { der } = await theirs.issue();
      assert.deepEqual(errorsOf([der], ours.certificate), ['unknown_ca', 'revocation_unavailable']);
    });
    it('is a self-signed certificate before that', async () => {
      const { der } = await CertificateAuthority.selfSigned();
      assert.deepEqual(errorsOf([der], ours.certificate), ['self_signed_certificate', 'revocation_unavailable']);
    });
    it('stands when the configured authorities are not known, for a certificate that names an issuer', async () => {
      const { der } = await theirs.issue();
      assert.deepEqual(errorsOf([der], undefined), ['revocation_unavailable']);
    });
    it('is a self-signed certificate, whatever is configured', async () => {
      const { der } = await CertificateAuthority.selfSigned();
      assert.deepEqual(errorsOf([der], undefined), ['self_signed_certificate', 'revocation_unavailable']);
    });
    it('stands when no chain was read', async () => {
      const { der } = await theirs.issue();
      const { verification } = concluded(server({ ending: 'refused_by_node', certificate: der, ...CRL }));
      assert.deepEqual(verification.errors, ['revocation_unavailable']);
    });
    it('is an unknown authority before that, also where the certificate has expired', async () => {
      const { der } = await theirs.issue();
      assert.deepEqual(errorsOf([der], ours.certificate, EXPIRED), ['unknown_ca', 'certificate_expired']);
    });
    it('stands when the certificate has expired, whether a configured authority issued it or none is known', async () => {
      const { der } = await ours.issue();
      assert.deepEqual(errorsOf([der], ours.certificate, EXPIRED), ['certificate_expired']);
      assert.deepEqual(errorsOf([der], undefined, EXPIRED), ['certificate_expired']);
    });
    it('stands when a self-signed certificate has expired that may well be configured', async () => {
      const { der, certificate } = await CertificateAuthority.selfSigned();
      assert.deepEqual(errorsOf([der], certificate, EXPIRED), ['certificate_expired']);
      assert.deepEqual(errorsOf([der], undefined, EXPIRED), ['certificate_expired']);
      assert.deepEqual(errorsOf([der], ours.certificate, EXPIRED), ['self_signed_certificate', 'certificate_expired']);
    });

    const UNKNOWN = { verifyCode: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', verifyMessage: 'unable to verify the first' };
    const UNTRUSTED = { verifyCode: 'SELF_SIGNED_CERT_IN_CHAIN', verifyMessage: 'self-signed certificate in chain' };
    const SELF_SIGNED = { verifyCode: 'DEPTH_ZERO_SELF_SIGNED_CERT', verifyMessage: 'self-signed certificate' };
    const TAMPERED = { verifyCode: 'CERT_SIGNATURE_FAILURE', verifyMessage: 'certificate signature failure' };

    it('is a forged issuer, when somebody carries the name of a configured authority', async () => {
      const forger = await ours.forged();
      const { der } = await forger.issue();
      assert.deepEqual(errorsOf([der], ours.certificate, UNKNOWN), ['certificate_issuer_forged', 'unknown_ca']);
      assert.deepEqual(errorsOf([der, forger.der], ours.certificate, UNTRUSTED), [
        'certificate_issuer_forged',
        'untrusted_root',
      ]);
      assert.deepEqual(errorsOf([der], ours.certificate), ['certificate_issuer_forged', 'revocation_unavailable']);
      assert.deepEqual(errorsOf([der], ours.certificate, EXPIRED), [
        'certificate_issuer_forged',
        'certificate_expired',
      ]);
    });
    it('is no forged issuer, when nobody carries that name', async () => {
      const { der } = await theirs.issue();
      assert.deepEqual(errorsOf([der], ours.certificate, UNKNOWN), ['unknown_ca']);
      assert.deepEqual(errorsOf([der, theirs.der], ours.certificate, UNTRUSTED), ['untrusted_root']);
    });
    it('is no forged issuer, when the configured authorities are not known', async () => {
      const { der } = await (await ours.forged()).issue();
      assert.deepEqual(errorsOf([der], undefined, UNKNOWN), ['unknown_ca']);
    });
    it('is no forged issuer, when the certificate is its own and has the name of a configured one', async () => {
      const { der } = await CertificateAuthority.create({ commonName: 'Ours' });
      assert.deepEqual(errorsOf([der], ours.certificate, SELF_SIGNED), ['self_signed_certificate']);
    });
    it('stands when it says that a signature is wrong: then the issuer was found', async () => {
      const { der } = await (await ours.forged({ copiesKeyIdentifier: true })).issue();
      assert.deepEqual(errorsOf([der], ours.certificate, TAMPERED), ['certificate_signature_invalid']);
    });
  });
});

describe('a refusal, concluded from what came after the handshake,', () => {
  const handshake = concluded(client({ ending: 'secured', protocol: 'TLSv1.3' }));
  const refusal = (error: Parameters<typeof concludeRefusal>[1]['error']) =>
    concludeRefusal(handshake, { at: T0 + 9.5, error })?.failure;

  it('belongs to its handshake, at its own time, and is frozen', () => {
    const concludedRefusal = concludeRefusal(handshake, { at: T0 + 9.5, error: undefined });
    assert.equal(concludedRefusal?.handshake, handshake);
    assert.equal(concludedRefusal?.at, T0 + 9.5);
    assert.deepEqual(looseParts(concludedRefusal), []);
  });
  it('is derived, when the server only closed', () => {
    assert.deepEqual(refusal(undefined), {
      reason: 'peer_closed_after_handshake',
      decidedBy: 'peer',
      phase: 'post_handshake',
      derived: true,
    });
  });
  it("is the server's alert", () => {
    const error = { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', message: alerted(116) };
    assert.deepEqual(refusal(error), {
      reason: 'certificate_required',
      decidedBy: 'peer',
      phase: 'post_handshake',
      alert: { code: 116, description: 'certificate_required' },
      code: error.code,
    });
  });
  it('is our own, of a renegotiation', () => {
    assert.deepEqual(refusal({ code: 'ERR_TLS_SESSION_ATTACK' }), {
      reason: 'renegotiation_refused',
      decidedBy: 'us',
      phase: 'post_handshake',
      alert: undefined,
      code: 'ERR_TLS_SESSION_ATTACK',
    });
  });
  it('is another one, when nobody knows the error of Node', () => {
    assert.equal(refusal({ code: 'ERR_TLS_OF_TOMORROW' })?.reason, '_OTHER');
  });
  it('is none, when this side found something wrong with what came later', () => {
    assert.equal(
      refusal({ code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', message: 'bad record mac' }),
      undefined,
    );
    assert.equal(refusal({ message: 'of something else' }), undefined);
  });
});

describe('a handshake, concluded from whatever facts,', () => {
  const RUNS = 5_000;
  const random = seeded(20261122);
  const REASONS = Object.keys(FAILURE_REASONS);

  it(`always is one of the known kinds, and its parts agree (${RUNS} observations at random)`, () => {
    for (let run = 0; run < RUNS; run++) {
      const seen = anyObservation(random);
      const handshake = concluded(seen);
      const at = () => `run ${run}: ${JSON.stringify(seen)}\n${JSON.stringify(handshake)}`;
      const { outcome, verification } = handshake;

      assert.ok(handshake.started <= handshake.ended, at());
      assert.equal(outcome.kind === 'established', /^secured/.test(seen.ending ?? ''), at());
      assert.equal(verification.result === 'failed', verification.errors.length > 0, at());
      assert.equal(verification.result === 'not_requested', !seen.certificateRequested, at());
      assert.equal(verification.enforced === undefined, verification.result === 'not_requested', at());
      for (const reason of verification.errors) assert.ok(REASONS.includes(reason), at());
      if (verification.result === 'not_presented') assert.equal(handshake.peerCertificate, undefined, at());
      if (verification.result === 'ok') assert.equal(outcome.kind, 'established', at());
      if (handshake.peerChain.length > 0) assert.ok(handshake.peerCertificate, at());
      if (outcome.kind === 'failed') {
        assert.ok(REASONS.includes(outcome.failure.reason), at());
        // What Node refused for a certificate's fault, the verification names as well.
        if (seen.ending === 'refused_by_node' && verification.result === 'failed')
          assert.equal(outcome.failure.reason, verification.errors[0], at());
      }

      const refusal = concludeRefusal(handshake, { at: T0, error: seen.error });
      assert.ok(refusal === undefined || REASONS.includes(refusal.failure.reason), at());
      assert.equal(refusal?.failure.phase ?? 'post_handshake', 'post_handshake', at());
    }
  });
});

/** Everything in a value that could still be changed: objects that are not frozen, by their path. */
function looseParts(value: unknown, path = ''): string[] {
  // A certificate has its own immutability: it reads its details when they are first asked for.
  if (typeof value !== 'object' || value === null || /peerCertificate$|peerChain\.\d+$/.test(path)) return [];
  const inside = Object.entries(value).flatMap(([key, part]) => looseParts(part, `${path}.${key}`));
  return Object.isFrozen(value) ? inside : [path, ...inside];
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ENDINGS: readonly (Ending | undefined)[] = [
  'secured',
  'secured_unverified',
  'refused_by_node',
  'identity_check_threw',
  'timed_out',
  'destroyed',
  undefined,
];
const CODES = [
  undefined,
  '',
  'ECONNRESET',
  'EPIPE',
  'EPROTO',
  'ABORT_ERR',
  'ERR_SSL_BAD_SIGNATURE',
  'ERR_TLS_DH_PARAM_SIZE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_UNHEARD_OF',
  'CERT_HAS_EXPIRED',
  'constructor',
];
const MESSAGES = [
  undefined,
  '',
  'socket hang up',
  'read ECONNRESET',
  alerted(42),
  alerted(255),
  alerted(256),
  openssl('bad signature'),
  '\u0000\u202e__proto__',
];
const VERIFY_CODES = [undefined, undefined, 'CERT_HAS_EXPIRED', 'UNSPECIFIED', 'UNABLE_TO_GET_CRL', '', '__proto__'];

function anyObservation(random: () => number): Observation {
  const one = <T>(choices: readonly T[]) => choices[Math.floor(random() * choices.length)] as T;
  const perhaps = <T>(value: T) => (random() < 0.5 ? value : undefined);
  const count = () => one([undefined, 0, 1, 5000]);
  const when = () => perhaps(T0 + Math.floor(random() * 100) - 50);
  return {
    side: one(['client', 'server']),
    transport: one(['tcp', 'pipe', 'stream']),
    peer: one([{}, { address: '192.0.2.7', port: 1 }]),
    local: {},
    born: T0,
    begun: when(),
    negotiated: one([true, undefined]),
    ended: when(),
    ending: one(ENDINGS),
    error: perhaps({
      name: one([undefined, 'AbortError', 'Error']),
      code: one(CODES),
      message: one(MESSAGES),
      syscall: one([undefined, undefined, 'read', 'write', 'connect']),
    }),
    peerEnded: one([undefined, true, false]),
    bytesReceived: count(),
    bytesSent: count(),
    protocol: one([undefined, 'TLSv1.3', 'unknown', '']),
    resumed: one([undefined, true, false]),
    knowsPreSharedKeys: one([undefined, true, false]),
    carrierDestroyed: one([undefined, true, false]),
    certificate: perhaps(LEAF),
    chain: one([undefined, [], [LEAF], [LEAF, ISSUER]]),
    certificateRequested: random() < 0.8,
    enforced: random() < 0.5,
    verifyCode: one(VERIFY_CODES),
    verifyMessage: one(MESSAGES),
    authorizationError: one(CODES),
    trustAnchors: one<unknown>([undefined, '', [], 'no PEM', { length: 1 }]),
  };
}

import { readOwnCertificate } from '../certificate/own-certificate';
import type { PeerCertificate } from '../certificate/peer-certificate';
import { RevocationLists } from '../certificate/revocation-lists';
import { ClientHello } from './client-hello';
import { diagnose, hasExpired } from './diagnosis';
import { FAILURE_REASONS, type FailureReason, reasonForError } from './failure-reasons';
import type {
  DecidedBy,
  Endpoint,
  Handshake,
  HandshakeFailure,
  Outcome,
  Phase,
  Protocol,
  Refusal,
  Side,
  StaleIdentity,
  Transport,
  Verification,
} from './handshake';
import { alertFromMessage, reasonForAlert } from './tls-alerts';

/** What an application's or Node's error says of itself, copied; the error itself is never kept or changed. */
export interface ObservedError {
  readonly name?: string | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly syscall?: string | undefined;
}

/** How the handshake came to its end, as the hooks saw it. */
export type Ending =
  /** Node found it secure and told the application. */
  | 'secured'
  /** OpenSSL finished, and nobody verifies: a TLSSocket without tls.Server or tls.connect. */
  | 'secured_unverified'
  /** Node destroyed the socket while deciding on the certificate. */
  | 'refused_by_node'
  /** The application's own identity check threw. */
  | 'identity_check_threw'
  /** Node's handshake timeout. */
  | 'timed_out'
  /** The socket was destroyed, with `error` or without. */
  | 'destroyed';

/**
 * What the hooks saw of one socket's handshake, in time order: plain facts, no judgement. The hooks fill it; `conclude()`
 * reads it once, later and off the handshake's path. Times are milliseconds since the epoch.
 */
export interface Observation {
  side: Side;
  transport: Transport;
  peer: Endpoint;
  local: Endpoint;
  /** The socket exists. Server: the connection was accepted. */
  born: number;
  /** Client: TCP stands and TLS begins. Server: the first bytes arrived. Undefined: it never came so far. */
  begun?: number | undefined;
  /** OpenSSL was done. */
  negotiated?: boolean | undefined;
  ended?: number | undefined;
  ending?: Ending | undefined;
  error?: ObservedError | undefined;
  /** The peer had closed its side (FIN, close_notify) before the end. */
  peerEnded?: boolean | undefined;
  /** Bytes of TLS on the wire, handshake included. Undefined where the transport does not count. */
  bytesReceived?: number | undefined;
  bytesSent?: number | undefined;
  serverName?: string | undefined;
  /** What went over the same connection before TLS began: STARTTLS, CONNECT. Undefined: nothing. */
  plaintext?: { readonly received: number; readonly sent: number } | undefined;
  /** At the end: what carries TLS had been destroyed before TLS was. */
  carrierDestroyed?: boolean | undefined;
  /** As Node says it: `TLSv1.3`. */
  protocol?: string | undefined;
  cipher?: string | undefined;
  curve?: string | undefined;
  alpn?: string | undefined;
  /** As Node says it, which says so of a key that both sides had before, too. */
  resumed?: boolean | undefined;
  /** This side knows keys that both may have had before: `pskCallback`. */
  knowsPreSharedKeys?: boolean | undefined;
  /** The leaf's DER, copied. */
  certificate?: Uint8Array | undefined;
  /** Leaf first, copied; only on a failed handshake. */
  chain?: readonly Uint8Array[] | undefined;
  /** Server: requestCert. Client: always true. */
  certificateRequested: boolean;
  /** rejectUnauthorized, and somebody there to act on it. */
  enforced: boolean;
  /** handle.verifyError(), when it could be read. */
  verifyCode?: string | undefined;
  verifyMessage?: string | undefined;
  /** socket.authorizationError of a client that went on all the same: its name check failed. */
  authorizationError?: string | undefined;
  /** Server, resumed: Node told the application that the client is authorized. */
  authorized?: boolean | undefined;
  /** Node's own object of keys and certificates that this side had. Opaque: never looked into here. */
  secureContext?: object | undefined;
  /** Our `ca` option as given. Undefined where it is not known which authorities were asked. */
  trustAnchors?: unknown;
  /** Our `crl` option as given. Undefined where none was, or it is not known. */
  revocationLists?: unknown;
  /** The leaf that this side presents, or would if asked; the same bytes for the same context. */
  ownCertificate?: Uint8Array | undefined;
  /** Server: the client's first message, copied. Undefined unless fingerprints are wanted. */
  clientHello?: Uint8Array | undefined;
}

/** Reads a certificate's DER; `trusted` when the verification found nothing wrong with it. Never throws. */
export type CertificateReader = (der: Uint8Array, trusted: boolean) => PeerCertificate;

/** Whether certificates of an issuer of this name have been verified before. */
export type IssuerMemory = (issuer: string) => boolean;

/** Facts -> one immutable Handshake. Called once a socket, when its handshake is over. */
export function conclude(
  seen: Observation,
  readCertificate: CertificateReader,
  hasVerifiedIssuer: IssuerMemory = () => false,
): Handshake {
  const trusted = seen.ending === 'secured' && seen.verifyCode === undefined;
  const peerChain = seen.chain ? Object.freeze(seen.chain.map(der => readCertificate(der, false))) : NO_CHAIN;
  const peerCertificate = seen.certificate ? readCertificate(seen.certificate, trusted) : peerChain[0];
  const verification = judgeVerification(seen, peerCertificate, peerChain, hasVerifiedIssuer);
  const begun = seen.begun ?? seen.born;
  return Object.freeze({
    side: seen.side,
    peer: copied(seen.peer),
    local: copied(seen.local),
    transport: seen.transport,
    started: begun,
    ended: Math.max(seen.ended ?? begun, begun),
    serverName: seen.serverName,
    protocol: seen.protocol === undefined ? undefined : protocolNamed(seen.protocol),
    cipher: seen.cipher,
    curve: seen.curve === 'prime256v1' ? 'secp256r1' : seen.curve,
    alpn: seen.alpn,
    resumed: wasResumed(seen),
    staleIdentity: staleIdentityOf(seen, peerCertificate, verification),
    peerCertificate,
    peerChain,
    clientHello: seen.clientHello && new ClientHello(seen.clientHello),
    verification,
    outcome: judgeOutcome(seen, verification),
    ownCertificate: seen.ownCertificate && readOwnCertificate(seen.ownCertificate),
  });
}

/**
 * Undefined: a session or a pre-shared key, which TLS 1.3 makes one and the same. Before, a session without a certificate
 * was resumed, and a pre-shared key was not.
 */
function wasResumed({ resumed = false, knowsPreSharedKeys, protocol, certificate }: Observation): boolean | undefined {
  const mayBeKey = resumed && knowsPreSharedKeys && protocol === 'TLSv1.3' && certificate === undefined;
  return mayBeKey ? undefined : resumed;
}

/** OpenSSL keeps with a session what it found of the certificate when that was presented. */
function staleIdentityOf(
  seen: Observation,
  certificate: PeerCertificate | undefined,
  { result }: Verification,
): StaleIdentity | undefined {
  if (!seen.resumed || certificate === undefined || result !== 'ok') return undefined;
  if (RevocationLists.from(seen.revocationLists).have(certificate)) return 'certificate_revoked';
  return hasExpired(certificate, seen.ended) ? 'certificate_expired' : undefined;
}

// What most handshakes have in common is made once: to freeze an object costs more than to make it.
const NO_CHAIN: readonly PeerCertificate[] = Object.freeze([]);
const ESTABLISHED: Outcome = Object.freeze({ kind: 'established' });
const NO_ERRORS: readonly FailureReason[] = Object.freeze([]);
const NOT_REQUESTED: Verification = Object.freeze({ result: 'not_requested', errors: NO_ERRORS });
const VERIFIED: Readonly<Record<'enforced' | 'advisory', Verification>> = {
  enforced: Object.freeze({ result: 'ok', enforced: true, errors: NO_ERRORS }),
  advisory: Object.freeze({ result: 'ok', enforced: false, errors: NO_ERRORS }),
};

function copied({ address, port }: Endpoint): Endpoint {
  return Object.freeze({ address, port });
}

/**
 * What became of a handshake that stood: the refusal of a TLS 1.3 server, or of a renegotiation. Undefined: it was no
 * refusal; what OpenSSL finds wrong on this side later is the connection's fault, not the handshake's.
 */
export function concludeRefusal(
  handshake: Handshake,
  late: { readonly at: number; readonly error: ObservedError | undefined },
): Refusal | undefined {
  const failure = refusalBy(late.error);
  return failure && Object.freeze({ handshake, at: late.at, failure: Object.freeze(failure) });
}

function refusalBy(error: ObservedError | undefined): HandshakeFailure | undefined {
  if (error === undefined) {
    return { reason: 'peer_closed_after_handshake', decidedBy: 'peer', phase: 'post_handshake', derived: true };
  }
  const alert = alertFromMessage(error.message);
  // Node's own errors begin like this, and of a connection that stands they are about its renegotiation.
  if (!alert && !error.code?.startsWith('ERR_TLS_')) return undefined;
  const reason = alert ? reasonForAlert(alert) : (reasonForError(error) ?? '_OTHER');
  return { reason, decidedBy: alert ? 'peer' : 'us', phase: 'post_handshake', alert, code: error.code };
}

function judgeVerification(
  seen: Observation,
  certificate: PeerCertificate | undefined,
  chain: readonly PeerCertificate[],
  hasVerifiedIssuer: IssuerMemory,
): Verification {
  if (!seen.certificateRequested) return NOT_REQUESTED;
  // Without tls.Server or tls.connect nobody acts on what OpenSSL found, whatever the options say.
  const enforced = seen.enforced && seen.ending !== 'secured_unverified';
  const stands = seen.ending === 'secured' || seen.ending === 'secured_unverified';
  const resumed = wasResumed(seen);
  if (certificate === undefined && !(seen.side === 'client' && resumed) && !verifiedUnseen(seen)) {
    const missing =
      stands || seen.ending === 'refused_by_node' || (seen.side === 'server' && saysNoCertificate(seen.error));
    const result = missing ? 'not_presented' : 'unverified';
    const unfounded = missing && resumed && seen.authorized && seen.ending === 'secured';
    return Object.freeze({ result, enforced, errors: NO_ERRORS, ...(unfounded && { authorized: true }) });
  }
  if (seen.verifyCode !== undefined) {
    const said = { code: seen.verifyCode, message: seen.verifyMessage };
    return Object.freeze({
      result: 'failed',
      enforced,
      ...diagnose(said, {
        leaf: chain[0] ?? certificate,
        chain,
        configured: seen.trustAnchors,
        revocationLists: seen.revocationLists,
        presenter: seen.side === 'server' ? 'client' : 'server',
        at: seen.ended ?? seen.born,
        hasVerifiedIssuer,
      }),
      code: seen.verifyCode,
      message: seen.verifyMessage,
    });
  }
  const identity = identityError(seen);
  if (identity) return Object.freeze({ result: 'failed', enforced, ...identity });
  if (seen.ending === 'secured') return enforced ? VERIFIED.enforced : VERIFIED.advisory;
  // OpenSSL checked a server's client all the same; a client's name check is nobody's business here.
  const checked = seen.ending === 'secured_unverified' && seen.side === 'server';
  return Object.freeze({ result: checked ? 'ok' : 'unverified', enforced, errors: NO_ERRORS });
}

/** OpenSSL judged a certificate that could not be read. Of one that was not sent it says what an issuer's absence says. */
function verifiedUnseen(seen: Observation): boolean {
  return seen.verifyCode !== undefined && seen.verifyCode !== 'UNABLE_TO_GET_ISSUER_CERT';
}

/** A client's name check, or the application's own, found something where OpenSSL had not. */
function identityError(seen: Observation): Pick<Verification, 'errors' | 'code' | 'message'> | undefined {
  if (seen.side !== 'client') return undefined;
  if (seen.ending === 'secured' && seen.authorizationError !== undefined) {
    const code = seen.authorizationError;
    return { errors: Object.freeze([reasonForIdentityCheck({ code })]), code };
  }
  if (seen.ending === 'identity_check_threw') return { errors: Object.freeze(['certificate_rejected'] as const) };
  if (seen.ending !== 'refused_by_node' || seen.error === undefined) return undefined;
  if (seen.error.code === 'ERR_TLS_DH_PARAM_SIZE') return undefined;
  const { code, message } = seen.error;
  return { errors: Object.freeze([reasonForIdentityCheck(seen.error)]), code, message };
}

/** An application's own check may say anything: what is not Node's own name check is the application's refusal. */
function reasonForIdentityCheck(error: ObservedError): FailureReason {
  return error.code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? 'certificate_name_mismatch' : 'certificate_rejected';
}

function judgeOutcome(seen: Observation, verification: Verification): Outcome {
  switch (seen.ending) {
    case 'secured':
    case 'secured_unverified':
      return ESTABLISHED;
    case 'timed_out':
      return failed('handshake_timeout', 'us', progressOf(seen), { code: seen.error?.code });
    case 'identity_check_threw':
      return failed('certificate_rejected', 'us', 'certificate', {});
    case 'refused_by_node':
      return judgeRefusalByNode(seen, verification);
    case 'destroyed':
    case undefined:
      return judgeEnd(seen, verification);
    default:
      return seen.ending satisfies never;
  }
}

function judgeRefusalByNode(seen: Observation, verification: Verification): Outcome {
  const [gravest] = verification.errors;
  if (gravest !== undefined) return failed(gravest, 'us', 'certificate', { code: verification.code });
  if (seen.error?.code === 'ERR_TLS_DH_PARAM_SIZE') {
    return failed('insufficient_security', 'us', 'negotiation', { code: seen.error.code });
  }
  if (seen.side === 'server' && verification.result === 'not_presented') {
    return failed('certificate_required', 'us', 'certificate', { code: seen.authorizationError });
  }
  return Object.freeze({ kind: 'abandoned', phase: 'finished', decidedBy: 'us' });
}

/** The connection ended before anybody had decided: an OpenSSL error, an alert, a closed or reset connection, or us. */
function judgeEnd(seen: Observation, verification: Verification): Outcome {
  const { error } = seen;
  const code = error?.code;
  const alert = alertFromMessage(error?.message);
  if (alert) {
    const reason = reasonForAlert(alert);
    return failed(reason, 'peer', later(FAILURE_REASONS[reason].phase, progressOf(seen)), { alert, code });
  }
  const said = error && !isTransportError(error) ? reasonForError(error) : undefined;
  if (said !== undefined && said !== 'connection_closed' && said !== 'connection_reset') {
    const reason = refined(said, seen, verification);
    return failed(reason, 'us', PHASE_OF_PROOF[code ?? ''] ?? FAILURE_REASONS[reason].phase, { code });
  }
  if (said !== undefined || error?.syscall !== undefined || (error === undefined && seen.peerEnded)) {
    return judgeLostConnection(seen);
  }
  // An application holds what carries a server's TLS, but not the TLS socket before it is secure: what ends that one is an
  // error of a callback of its own. Those are asked about names, keys and sessions, once a client has said something.
  const byCallback = seen.side === 'server' && !seen.carrierDestroyed && seen.bytesReceived !== 0;
  if (byCallback && error !== undefined && !isAbort(error)) {
    return failed('internal_error', 'us', FAILURE_REASONS.internal_error.phase, { code });
  }
  return Object.freeze({ kind: 'abandoned', phase: progressOf(seen), decidedBy: 'us' });
}

/** Bytes of an alert that nothing encrypts, which is all that a server answers to what is no TLS. */
const ALERT_BYTES = 7;

/** Whatever came then: a cipher suite has been chosen, or a ClientHello answered. */
function hasSpokenTls({ side, cipher, bytesSent = 0 }: Observation): boolean {
  return cipher !== undefined || (side === 'server' && bytesSent > ALERT_BYTES);
}

/** Where something else than a certificate's key was not proven: a pre-shared key, or that both saw the same handshake. */
const PHASE_OF_PROOF: Readonly<Record<string, Phase | undefined>> = {
  ERR_SSL_BINDER_DOES_NOT_VERIFY: 'negotiation',
  ERR_SSL_CIPHER_OPERATION_FAILED: 'finished',
  ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: 'finished',
  ERR_SSL_DIGEST_CHECK_FAILED: 'finished',
};

/** What OpenSSL's word for it means at this point of this handshake. */
function refined(said: FailureReason, seen: Observation, verification: Verification): FailureReason {
  if (said === 'decrypt_error') return reasonForBadSignature(verification);
  return said === 'not_tls' && hasSpokenTls(seen) ? 'protocol_error' : said;
}

/** Which signature was wrong, the certificate's or the proof of its key, only the verification tells. */
function reasonForBadSignature(verification: Verification): FailureReason {
  const [gravest] = verification.errors;
  return gravest === 'certificate_signature_invalid' ? gravest : 'decrypt_error';
}

function judgeLostConnection(seen: Observation): Outcome {
  const reset = seen.error !== undefined && seen.error.syscall !== undefined;
  const decidedBy = reset ? 'network' : 'peer';
  const phase = progressOf(seen);
  const silent = seen.side === 'server' && seen.bytesReceived === 0;
  if (silent) return Object.freeze({ kind: 'abandoned', phase, decidedBy });
  return failed(reset ? 'connection_reset' : 'connection_closed', decidedBy, phase, { code: seen.error?.code });
}

/** How far it had come, told by what was seen on the wire and what OpenSSL knew. */
function progressOf(seen: Observation): Phase {
  if (seen.negotiated) return 'finished';
  if (seen.bytesReceived === 0) return 'client_hello';
  if (seen.side === 'client') return seen.certificate === undefined ? 'negotiation' : 'certificate';
  if (seen.bytesSent !== 0) return 'certificate';
  // The name is known once the whole ClientHello was read.
  return seen.serverName === undefined ? 'client_hello' : 'negotiation';
}

const PHASES: readonly Phase[] = ['client_hello', 'negotiation', 'certificate', 'finished', 'post_handshake'];

function later(one: Phase, other: Phase): Phase {
  return PHASES.indexOf(one) < PHASES.indexOf(other) ? other : one;
}

function failed(
  reason: FailureReason,
  decidedBy: DecidedBy,
  phase: Phase,
  more: Pick<HandshakeFailure, 'alert' | 'code'>,
): Outcome {
  return Object.freeze({ kind: 'failed', failure: Object.freeze({ reason, decidedBy, phase, ...more }) });
}

/** The operating system's word about the connection, not OpenSSL's about TLS: EPROTO is OpenSSL's in disguise. */
function isTransportError(error: ObservedError): boolean {
  return error.syscall !== undefined && error.code !== 'EPROTO' && !error.message?.includes(':error:');
}

function isAbort(error: ObservedError): boolean {
  return error.name === 'AbortError' || error.code === 'ABORT_ERR';
}

function saysNoCertificate(error: ObservedError | undefined): boolean {
  return error !== undefined && reasonForError(error) === 'certificate_required';
}

/** The one of every handshake of today. */
const TLS_1_3: Protocol = Object.freeze({ name: 'tls', version: '1.3' });

function protocolNamed(name: string): Protocol {
  if (name === 'TLSv1.3') return TLS_1_3;
  const [, family, version] = /^(TLS|SSL)v(\d(?:\.\d)?)$/.exec(name) ?? [];
  if (family === undefined || version === undefined) return Object.freeze({ name: 'tls', version: name });
  return Object.freeze(
    family === 'SSL' ? { name: 'ssl', version } : { name: 'tls', version: version === '1' ? '1.0' : version },
  );
}

/**
 * A live TLSSocket -> plain facts. The only place that reads a TLS socket, because a wrong read at a wrong moment kills
 * the process or breaks the connection, on every Node version:
 *
 * - every getter here needs a live handle, so they are called before Node's own `_finishInit` or `destroy`, never at
 *   'close' and never on a handle that was kept;
 * - `verifyError()` crashes before a cipher was negotiated;
 * - `getPeerX509Certificate()` takes the leaf off OpenSSL's chain on Node 20 to 24, so it is for connections that
 *   are being torn down; before Node has decided, the leaf is read out of the session;
 * - the legacy certificate getter is neither cheap nor safe for every key, and never called.
 */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Endpoint, Side, Transport } from '../handshake/handshake';
import type { ObservedError, Observation } from '../handshake/observation';

/** Certificates of a presented chain that are read, leaf included. */
const MAX_CHAIN_LENGTH = 10;
/** Characters of an error's message that are kept: OpenSSL's own are shorter, an application's may be anything. */
const MAX_MESSAGE_LENGTH = 512;

/** The parts of Node's internal TLSWrap that are read. All optional: what a Node version lacks is simply not known. */
interface TlsWrap {
  getSession?(): Buffer | undefined;
  /** These two fill the object they are given. A pipe and a stream of the application's have neither. */
  getpeername?(found: Endpoint): unknown;
  getsockname?(found: Endpoint): unknown;
  verifyError?(): { code?: string; message?: string } | null | undefined;
  getServername?(): string | false | undefined;
  getProtocol?(): string | null | undefined;
  getCipher?(): { name?: string; standardName?: string; version?: string } | undefined;
  isSessionReused?(): boolean;
  onhandshakestart?: unknown;
  /** The context for the name that was asked for, where the server had one: by its SNICallback, or by addContext. */
  sni_context?: unknown;
  _parent?: Pick<TlsWrap, 'getpeername' | 'getsockname'> & {
    bytesRead?: number;
    bytesWritten?: number;
    isStreamBase?: boolean;
    constructor?: { name?: string };
  };
  /** Takes encrypted bytes that Node had read before TLS began. */
  receive?(bytes: Uint8Array): unknown;
}

/** The parts of a TLSSocket that Node does not document. */
interface UndocumentedSocket {
  _handle?: TlsWrap | null;
  _tlsOptions?: {
    isServer?: boolean;
    secureContext?: object;
    pskCallback?: unknown;
    server?: { ca?: unknown; pfx?: unknown };
  };
  _parent?: Socket;
  _requestCert?: boolean;
  _rejectUnauthorized?: boolean;
  /** The host name that was looked up. Null when an address was given. */
  _host?: string | null;
  secureConnecting?: boolean;
  /** OpenSSL is done, whether or not anybody verifies. */
  _secureEstablished?: boolean;
  /** OpenSSL failed: Node keeps the handle until the listeners have heard of it, and closes it in a microtask. */
  _closeAfterHandlingError?: boolean;
}

function insideOf(socket: TLSSocket): UndocumentedSocket {
  return socket as unknown as UndocumentedSocket;
}

export function sideOf(socket: TLSSocket): Side {
  return insideOf(socket)._tlsOptions?.isServer ? 'server' : 'client';
}

/** True when Node has told the application that the connection is secure. Set right before it does. */
export function isSecured(socket: TLSSocket): boolean {
  return insideOf(socket).secureConnecting === false;
}

function hasHandle(socket: TLSSocket): boolean {
  return handleOf(socket) !== undefined;
}

/**
 * Undefined when it is gone, or was never OpenSSL's: an application that destroys its socket at once and lets it connect
 * all the same has a plain TCP handle there.
 */
function handleOf(socket: TLSSocket): TlsWrap | undefined {
  const handle = insideOf(socket)._handle;
  return typeof handle?.verifyError === 'function' ? handle : undefined;
}

/** The application's listeners will be told of the error while the handle still lives: they may read it, so let them. */
export function outlivesDestroy(socket: TLSSocket): boolean {
  return insideOf(socket)._closeAfterHandlingError === true;
}

/** TCP stands, or nobody is still working on it. */
export function isConnected(socket: TLSSocket): boolean {
  return !socket.connecting && hasHandle(socket);
}

export function observeBirth(socket: TLSSocket, at: number): Observation {
  const inside = insideOf(socket);
  const side = sideOf(socket);
  // Now, because after a reset nobody can read it any more.
  const peer = side === 'server' ? endpointFrom(inside._handle, 'getpeername') : NOWHERE;
  // Every field from the start: an object that grows one by one is copied again and again, on the handshake's path.
  return {
    side,
    // Only TCP has an address.
    transport: peer.address === undefined ? transportOf(inside) : 'tcp',
    peer,
    local: NOWHERE,
    born: at,
    begun: undefined,
    negotiated: undefined,
    ended: undefined,
    ending: undefined,
    error: undefined,
    peerEnded: undefined,
    bytesReceived: undefined,
    bytesSent: undefined,
    plaintext: plaintextBefore(inside),
    carrierDestroyed: undefined,
    serverName: undefined,
    protocol: undefined,
    cipher: undefined,
    curve: undefined,
    alpn: undefined,
    resumed: undefined,
    knowsPreSharedKeys: typeof inside._tlsOptions?.pskCallback === 'function',
    certificate: undefined,
    chain: undefined,
    certificateRequested: side === 'client' || Boolean(inside._requestCert),
    // A TLSSocket without a tls.Server has nobody who would look at the verification.
    enforced: Boolean(inside._rejectUnauthorized) && (side === 'client' || inside._tlsOptions?.server !== undefined),
    verifyCode: undefined,
    verifyMessage: undefined,
    authorizationError: undefined,
    authorized: undefined,
    secureContext: undefined,
    trustAnchors: undefined,
    revocationLists: undefined,
    ownCertificate: undefined,
    clientHello: undefined,
  };
}

const NOWHERE: Endpoint = Object.freeze({ address: undefined, port: undefined });

/**
 * An established connection whose handshake nobody watched: what can still be read. Undefined while it is under way, and
 * once the connection is gone.
 */
export function observeEstablished(socket: TLSSocket, at: number): Observation | undefined {
  const established = isSecured(socket) || insideOf(socket)._secureEstablished === true;
  if (!established || socket.destroyed || !hasHandle(socket)) return undefined;
  const observation = observeBirth(socket, at);
  observeNegotiation(socket, observation);
  observeDecision(socket, observation);
  observation.ending = isSecured(socket) ? 'secured' : 'secured_unverified';
  observation.ended = at;
  return observation;
}

/** Calls `begun` when OpenSSL starts: on a server, when the first bytes arrive. Node replaces the handle on a retry. */
export function onHandshakeStart(socket: TLSSocket, begun: () => void): void {
  const handle = handleOf(socket);
  const original = handle?.onhandshakestart;
  if (!handle || typeof original !== 'function') return;
  handle.onhandshakestart = function onhandshakestart(this: unknown, at: unknown) {
    begun();
    return original.call(this, at);
  };
}

/** Where a server's TLS gets its bytes from. */
export interface EncryptedSource {
  /** The stream below: TCP, a pipe, TLS again. Of Node's own kind, so that what is native can listen to it. */
  readonly stream: object;
  /** Hands encrypted bytes to OpenSSL, as if they had just come. */
  readonly receive: (bytes: Uint8Array) => void;
  /** Some have come already, and Node will hand them over in a moment. Tells of them; answers how to stop that. */
  readonly onBuffered: (told: (bytes: Uint8Array) => void) => () => void;
}

/** At the socket's birth only. Undefined where Node lacks any of it. */
export function encryptedSourceOf(socket: TLSSocket): EncryptedSource | undefined {
  const handle = handleOf(socket);
  const stream = handle?._parent;
  const original = handle?.receive;
  if (!handle || stream?.isStreamBase !== true || typeof original !== 'function') return undefined;
  const receive = (bytes: Uint8Array) => void original.call(handle, bytes);
  const nothing = () => {};
  return {
    stream,
    receive,
    onBuffered(told) {
      // STARTTLS, or a server that looks at the first bytes itself and then puts them back.
      if (!insideOf(socket)._parent?.readableLength) return nothing;
      const listening = (bytes: Uint8Array) => {
        told(bytes);
        return original.call(handle, bytes);
      };
      handle.receive = listening;
      return () => {
        if (handle.receive === listening) delete handle.receive;
      };
    },
  };
}

/** A client's TCP connection stands. */
export function observeConnection(socket: TLSSocket, observation: Observation): void {
  observation.peer = endpointFrom(insideOf(socket)._handle, 'getpeername');
}

/** Nobody upgrades a connection to TLS without having read that the other end wants it: one question is enough for most. */
function plaintextBefore({ _parent: carrier }: UndocumentedSocket): Observation['plaintext'] {
  if (!carrier?.bytesRead) return undefined;
  // What was read and put back is TLS already.
  return { received: carrier.bytesRead - carrier.readableLength, sent: carrier.bytesWritten };
}

function since(before: number | undefined, counted: number | undefined): number | undefined {
  return counted === undefined || before === undefined ? counted : counted - before;
}

/** OpenSSL is done and Node has not decided yet. False: there is nothing left to read, nor to decide. */
export function observeNegotiation(socket: TLSSocket, observation: Observation): boolean {
  const inside = insideOf(socket);
  const handle = handleOf(socket);
  if (!handle) return false;
  observation.negotiated = true;
  observation.local = endpointFrom(handle, 'getsockname');
  if (observation.peer.address === undefined) observation.peer = endpointFrom(handle, 'getpeername');
  // Of the handle, not of the socket, whose methods an application may have replaced.
  const cipher = handle.getCipher?.();
  // Cipher suites of TLS 1.3 are of no other version, and one question less is asked.
  observation.protocol = cipher?.version === 'TLSv1.3' ? cipher.version : (handle.getProtocol?.() ?? undefined);
  observation.cipher = cipher?.standardName ?? cipher?.name;
  observation.resumed = handle.isSessionReused?.();
  observation.secureContext = secureContextOf(inside);
  if (observation.side === 'client') {
    observation.serverName = serverNameOf(socket, handle);
    observation.curve = curveOf(socket);
  }
  if (!observation.certificateRequested) return true;
  observation.certificate = leafFromSession(handle);
  if (cipher?.name) readVerifyError(handle, observation);
  return true;
}

/** Node has decided: what only then is known. */
export function observeDecision(socket: TLSSocket, observation: Observation): void {
  // Node asks the handle itself, right before it decides.
  if (observation.side === 'server') observation.serverName ??= text(socket.servername);
  const alpn = socket.alpnProtocol;
  observation.alpn = typeof alpn === 'string' && alpn !== '' ? alpn : undefined;
  const refusal = socket.authorizationError as unknown;
  if (refusal !== null && refusal !== undefined) observation.authorizationError = spoken(refusal);
  if (observation.side === 'server' && observation.resumed) observation.authorized = socket.authorized;
}

/** The handshake is being given up. Disturbs nobody: on a plain tls.Server it may succeed after its timeout. */
export function observeTeardown(socket: TLSSocket, observation: Observation): void {
  const inside = insideOf(socket);
  const handle = handleOf(socket);
  observation.peerEnded = socket.readableEnded;
  const { plaintext } = observation;
  observation.bytesReceived = since(plaintext?.received, inside._parent?.bytesRead ?? handle?._parent?.bytesRead);
  observation.bytesSent = since(plaintext?.sent, inside._parent?.bytesWritten ?? handle?._parent?.bytesWritten);
  observation.carrierDestroyed = inside._parent?.destroyed;
  if (!handle) return;
  if (observation.local.address === undefined) observation.local = endpointFrom(handle, 'getsockname');
  observation.serverName ??= serverNameOf(socket, handle);
  const cipher = handle.getCipher?.();
  if (cipher?.name) {
    observation.cipher ??= cipher.standardName ?? cipher.name;
    observation.protocol ??= handle.getProtocol?.() ?? undefined;
  }
}

/**
 * Everything that the peer presented, on a connection whose handshake has failed and at whose certificate nobody can
 * look any more after us: Node 20 to 24 take the chain apart when they hand it out.
 */
export function observePresented(socket: TLSSocket, observation: Observation): void {
  const inside = insideOf(socket);
  const handle = handleOf(socket);
  if (!handle || !observation.certificateRequested) return;
  const chain = presentedChain(socket);
  if (chain.length > 0) {
    observation.chain = chain;
    observation.certificate ??= chain[0];
  }
  if (observation.certificate && observation.verifyCode === undefined && handle.getCipher?.()?.name) {
    readVerifyError(handle, observation);
  }
  if (observation.verifyCode === undefined) return;
  observation.secureContext = secureContextOf(inside);
  observation.trustAnchors = authoritiesAsked(inside);
}

/** That of the name that was asked for, where the server has one for it; otherwise the server's, or the client's own. */
function secureContextOf({ _handle: handle, _tlsOptions: options }: UndocumentedSocket): object | undefined {
  const found = handle?.sni_context ?? options?.secureContext;
  return typeof found === 'object' && found !== null ? found : undefined;
}

/** The server's `ca`. Undefined where others may have been asked: those of a name's own context, those within a PKCS #12. */
function authoritiesAsked({ _handle: handle, _tlsOptions: options }: UndocumentedSocket): unknown {
  const { server } = options ?? {};
  return handle?.sni_context === undefined && server?.pfx === undefined ? server?.ca : undefined;
}

/** True when the application never got a decrypted byte and the other end closed first, politely or by a reset. */
export function closedWithoutAByte(socket: TLSSocket, error: ObservedError | undefined): boolean {
  const reset = error?.syscall !== undefined && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
  return socket.bytesRead === 0 && (socket.readableEnded || reset);
}

/** True when this client has a certificate of its own to present. Whether the server asked for it, nobody tells. */
export function hasOwnCertificate(socket: TLSSocket): boolean {
  return hasHandle(socket) && socket.getX509Certificate() !== undefined;
}

/** Copies what an error says of itself. Anything can be thrown; what does not let itself be read says nothing. */
export function describeError(error: unknown): ObservedError | undefined {
  if (error === null || error === undefined) return undefined;
  if (typeof error !== 'object') return { message: spoken(error) };
  return {
    name: said(error, 'name'),
    code: said(error, 'code'),
    message: said(error, 'message'),
    syscall: said(error, 'syscall'),
  };
}

function said(error: object, field: string): string | undefined {
  try {
    return text(Reflect.get(error, field));
  } catch {
    return undefined;
  }
}

/** A string as it is; of an object, whose own toString() might be anybody's code, only what kind of thing it is. */
function spoken(value: unknown): string {
  const isPrimitive = typeof value !== 'object' && typeof value !== 'function';
  return isPrimitive ? bounded(String(value)) : typeof value;
}

/** A Diffie-Hellman group smaller than the application accepts: Node then destroys the socket without an error. */
export function usedFiniteFieldGroup(socket: TLSSocket): boolean {
  const info = hasHandle(socket) ? socket.getEphemeralKeyInfo() : null;
  return (info as { type?: string } | null)?.type === 'DH';
}

function transportOf(inside: UndocumentedSocket): Transport {
  switch (inside._handle?._parent?.constructor?.name) {
    case 'Pipe':
      return 'pipe';
    case 'JSStream':
      return 'stream';
    default:
      return 'tcp';
  }
}

/** The other end of any connection, with TLS or without, that is still there. */
export function otherEnd(socket: Socket): Endpoint & { readonly transport: Transport } {
  const handle = (socket as unknown as UndocumentedSocket)._handle;
  const bare = handle?.constructor?.name;
  const transport = bare === 'Pipe' ? 'pipe' : transportOf(socket as unknown as UndocumentedSocket);
  return { ...endpointFrom(handle, 'getpeername'), transport };
}

/**
 * Asked of the handle: the socket's own getters leave what they found behind, where the application can see it. Of the one
 * below TLS, to which that would only hand the question on.
 */
function endpointFrom(handle: TlsWrap | null | undefined, ask: 'getpeername' | 'getsockname'): Endpoint {
  // With the fields that Node fills: to add them one by one from outside of JavaScript takes longer than to ask the kernel.
  const found = { address: undefined, family: undefined, port: undefined };
  const below = handle?._parent ?? handle;
  below?.[ask]?.(found);
  return { address: found.address, port: found.port };
}

function serverNameOf(socket: TLSSocket, handle: TlsWrap): string | undefined {
  const name = handle.getServername?.();
  if (typeof name === 'string' && name !== '') return bounded(name);
  return text(insideOf(socket)._host);
}

function curveOf(socket: TLSSocket): string | undefined {
  const info = socket.getEphemeralKeyInfo() as { type?: string; name?: string } | null;
  return text(info?.name);
}

function readVerifyError(handle: TlsWrap, observation: Observation): void {
  const error = handle.verifyError?.();
  if (!error) return;
  observation.verifyCode = text(error.code);
  observation.verifyMessage = text(error.message);
}

function presentedChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  while (certificate && chain.length < MAX_CHAIN_LENGTH) {
    const der = new Uint8Array(certificate.raw);
    const previous = chain.at(-1);
    if (previous && Buffer.compare(previous, der) === 0) break;
    chain.push(der);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

/**
 * The peer's leaf out of OpenSSL's serialised session (SSL_SESSION, field [3]): the one read that disturbs nobody.
 * The bytes hold the session's secret, so the certificate is copied out and they are overwritten.
 */
function leafFromSession(handle: TlsWrap): Uint8Array | undefined {
  const session = handle.getSession?.();
  if (!session) return undefined;
  try {
    return peerCertificateOf(session);
  } finally {
    session.fill(0);
  }
}

const SEQUENCE = 0x30;
/** Context tag [3], constructed: SSL_SESSION's `peer`. */
const PEER_FIELD = 0xa3;

/** Undefined when the session holds no peer certificate, or is not the DER that OpenSSL writes. */
export function peerCertificateOf(session: Uint8Array): Uint8Array | undefined {
  const outer = elementAt(session, 0);
  if (!outer || outer.tag !== SEQUENCE) return undefined;
  for (let at = outer.contentStart; at < outer.end; ) {
    const field = elementAt(session, at);
    if (!field) return undefined;
    if (field.tag === PEER_FIELD) return new Uint8Array(session.subarray(field.contentStart, field.end));
    at = field.end;
  }
  return undefined;
}

interface DerElement {
  readonly tag: number;
  readonly contentStart: number;
  readonly end: number;
}

function elementAt(der: Uint8Array, at: number): DerElement | undefined {
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  let length = first;
  let contentStart = at + 2;
  if (first & 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) return undefined;
    length = 0;
    for (let i = 0; i < count; i++) {
      const byte = der[contentStart++];
      if (byte === undefined) return undefined;
      length = length * 256 + byte;
    }
  }
  const end = contentStart + length;
  return end <= der.length ? { tag, contentStart, end } : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? bounded(value) : undefined;
}

/** Copies, so that a short piece does not keep a long original alive. */
function bounded(value: string): string {
  if (value.length <= MAX_MESSAGE_LENGTH) return value;
  return Buffer.from(value.slice(0, MAX_MESSAGE_LENGTH)).toString();
}

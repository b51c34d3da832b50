import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Certificates, Identity } from './certificates';

/** Somebody who calls the server. */
export interface Caller {
  /** `a client with ...`, for sentences. */
  readonly who: string;
  /** What the server's handshake must be reported as: an outcome, or the reason of a failure. */
  readonly expected: string;
  /** Makes the call. Resolves with the caller's own port when it is over; what came of it is the server's to tell. */
  call(server: Server): Promise<number>;
}

export interface Server {
  readonly port: number;
  readonly certificates: Certificates;
}

/** One good caller and eleven bad ones, in the order in which they call. */
export const CALLERS: readonly Caller[] = [
  { who: 'a client with a good certificate', expected: 'established', call: fetchWelcome },
  {
    who: 'a client whose certificate has expired',
    expected: 'certificate_expired',
    call: presenting(certificates => certificates.expired),
  },
  {
    who: 'a client whose certificate is not valid yet',
    expected: 'certificate_not_yet_valid',
    call: presenting(certificates => certificates.notYetValid),
  },
  {
    who: 'a client with a certificate of an authority nobody trusts',
    expected: 'unknown_ca',
    call: presenting(certificates => certificates.strangers),
  },
  {
    who: 'a client that signed its certificate itself',
    expected: 'self_signed_certificate',
    call: presenting(certificates => certificates.selfSigned),
  },
  {
    who: 'a client whose certificate was revoked',
    expected: 'certificate_revoked',
    call: presenting(certificates => certificates.revoked),
  },
  {
    who: "a client with a server's certificate",
    expected: 'certificate_purpose_invalid',
    call: presenting(certificates => certificates.wrongPurpose),
  },
  { who: 'a client without a certificate', expected: 'certificate_required', call: presenting(() => undefined) },
  {
    who: 'a client with a stolen certificate and without its key',
    expected: 'decrypt_error',
    call: presenting(certificates => certificates.stolen),
  },
  {
    who: 'a client that knows only TLS 1.1',
    expected: 'protocol_version',
    // OpenSSL offers it only when asked to lower its standards.
    call: presenting(({ alice }) => alice, {
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
  },
  { who: 'a client that speaks plain HTTP', expected: 'not_tls', call: speakPlainHttp },
  { who: 'a port scan', expected: 'abandoned', call: scan },
];

/** What somebody does who has tried all of these from one address: two calls more with what was revoked, and one that works. */
export const ATTACK: readonly Caller[] = [
  ...Array.from({ length: 2 }, () => CALLERS.find(({ expected }) => expected === 'certificate_revoked')!),
  { who: "somebody with bob's certificate and key", expected: 'established', call: fetchWelcomeAsBob },
];

/** What all of it is, seen together. */
export const ATTACK_PATTERNS = ['certificate_rotation', 'revoked_replay', 'fail_then_success'] as const;

function fetchWelcomeAsBob({ port, certificates }: Server): Promise<number> {
  return fetchWelcome({ port, certificates: { ...certificates, alice: certificates.bob } });
}

function fetchWelcome({ port, certificates }: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = https.get(
      { host: '127.0.0.1', port, path: '/', agent: false, ca: certificates.authority, ...certificates.alice },
      response => {
        const { localPort } = response.socket;
        response.resume();
        response.on('end', () => resolve(localPort!));
      },
    );
    request.on('error', reject);
  });
}

/** A bare TLS client: it says what it has to say in the handshake. */
function presenting(
  choose: (certificates: Certificates) => Identity | undefined,
  options: tls.ConnectionOptions = {},
): Caller['call'] {
  return ({ port, certificates }) =>
    untilClosed(
      tls.connect({ host: '127.0.0.1', port, ca: certificates.authority, ...choose(certificates), ...options }),
    );
}

function speakPlainHttp({ port }: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path: '/', agent: false });
    request.on('socket', socket => untilClosed(socket).then(resolve, reject));
    // A TLS server has no answer to this, which is what is to be seen.
    request.on('error', () => {});
  });
}

/** What a scanner does: the port is open, that is all it wanted to know. */
function scan({ port }: Server): Promise<number> {
  const socket = net.connect({ host: '127.0.0.1', port });
  socket.on('connect', () => socket.end());
  return untilClosed(socket);
}

function untilClosed(socket: net.Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let localPort: number | undefined;
    let fault: Error | undefined;
    socket.on('connect', () => {
      localPort = socket.localPort;
    });
    socket.on('error', error => {
      fault = error;
    });
    socket.on('close', () => {
      // Being refused is what they came for; not even being connected is not.
      if (localPort === undefined) reject(fault ?? new Error('no connection'));
      else resolve(localPort);
    });
    // Unread data would keep the end from being seen.
    socket.resume();
  });
}

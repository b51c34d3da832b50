import type { PeerCertificate } from '../../src/certificate/peer-certificate';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import type { Handshake, HandshakeFailure } from '../../src/handshake/handshake';
import { OPTIONS, type Settings } from '../../src/settings';

/** Milliseconds since the epoch: 2026-11-22T10:00:00.000Z. */
export const NOON = 1_795_341_600_000;

export const DEFAULT_SETTINGS = Object.fromEntries(
  Object.entries(OPTIONS).map(([name, row]) => [name, row.byDefault]),
) as Settings;

/** A certificate of which everything is known. */
export const BILLING: PeerCertificate = {
  fingerprint: '9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08',
  byteLength: 600,
  parsed: true,
  subject: 'CN=billing,O=Acme',
  issuer: 'CN=Acme CA,O=Acme',
  serialNumber: '5F3A09C1',
  notBefore: Date.parse('2026-01-01T00:00:00.000Z'),
  notAfter: Date.parse('2026-06-01T00:00:00.000Z'),
  alternativeNames: [
    { type: 'DNS', value: 'billing.acme.test' },
    { type: 'URI', value: 'spiffe://acme/billing' },
  ],
  spiffeId: 'spiffe://acme/billing',
  isCa: false,
  selfIssued: false,
  details: {
    publicKeyAlgorithm: 'EC',
    publicKeySize: 256,
    publicKeyCurve: 'prime256v1',
    signatureAlgorithm: 'ecdsa-with-SHA256',
    extendedKeyUsage: ['clientAuth'],
    selfSigned: false,
  },
  pem: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
};

export const ACME_CA: PeerCertificate = {
  ...BILLING,
  fingerprint: 'B5BB9D8014A0F9B1D61E21E796D78DCCDF1352F23CD32812F4850B878AE4944C',
  subject: 'CN=Acme CA,O=Acme',
  issuer: 'CN=Acme CA,O=Acme',
  pem: '-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n',
};

/** A certificate of which nothing is known: too large to parse. */
export const UNREADABLE: PeerCertificate = {
  fingerprint: '00'.repeat(32),
  byteLength: 100_000,
  parsed: false,
  alternativeNames: [],
  details: {},
  pem: undefined,
};

/** A server that let a client in without asking for a certificate. */
export function serverHandshake(facts: Partial<Handshake> = {}): Handshake {
  return {
    side: 'server',
    peer: { address: '192.0.2.7', port: 51034 },
    local: { address: '192.0.2.1', port: 8443 },
    transport: 'tcp',
    started: NOON,
    ended: NOON + 4.25,
    serverName: 'api.example.com',
    protocol: { name: 'tls', version: '1.3' },
    cipher: 'TLS_AES_256_GCM_SHA384',
    alpn: 'h2',
    resumed: false,
    peerChain: [],
    verification: { result: 'not_requested', errors: [] },
    outcome: { kind: 'established' },
    ...facts,
  };
}

/** A client that trusts its server. */
export function clientHandshake(facts: Partial<Handshake> = {}): Handshake {
  return serverHandshake({
    side: 'client',
    curve: 'X25519',
    peerCertificate: BILLING,
    verification: { result: 'ok', enforced: true, errors: [] },
    ...facts,
  });
}

/** A server that refused an expired client certificate. */
export function refusedClient(facts: Partial<Handshake> = {}): Handshake {
  return serverHandshake({
    alpn: undefined,
    peerCertificate: BILLING,
    peerChain: [BILLING, ACME_CA],
    verification: {
      result: 'failed',
      enforced: true,
      errors: ['certificate_expired'],
      code: 'CERT_HAS_EXPIRED',
      message: 'certificate has expired',
    },
    outcome: failed('certificate_expired', { code: 'CERT_HAS_EXPIRED' }),
    ...facts,
  });
}

/** A server that let a verified client in. */
export function acceptedClient(facts: Partial<Handshake> = {}): Handshake {
  return serverHandshake({
    peerCertificate: BILLING,
    verification: { result: 'ok', enforced: true, errors: [] },
    ...facts,
  });
}

/** A server that let a client in by a session whose certificate has expired since. */
export function staleClient(facts: Partial<Handshake> = {}): Handshake {
  return acceptedClient({ resumed: true, staleIdentity: 'certificate_expired', ...facts });
}

/** A client without a certificate, which Node on a resumed session calls authorized. */
export function unfoundedClient(facts: Partial<Handshake> = {}): Handshake {
  return serverHandshake({
    resumed: true,
    verification: { result: 'not_presented', enforced: false, authorized: true, errors: [] },
    ...facts,
  });
}

/** A server that refused a client certificate whose time comes in a minute. */
export function hastyClient(facts: Partial<Handshake> = {}): Handshake {
  return refusedClient({
    verification: {
      result: 'failed',
      enforced: true,
      errors: ['certificate_not_yet_valid'],
      hints: ['clock_skew'],
      clockSkew: 60,
      code: 'CERT_NOT_YET_VALID',
      message: 'certificate is not yet valid',
    },
    outcome: failed('certificate_not_yet_valid', { code: 'CERT_NOT_YET_VALID' }),
    ...facts,
  });
}

export function failed(reason: FailureReason, more: Partial<HandshakeFailure> = {}): Handshake['outcome'] {
  return { kind: 'failed', failure: { reason, decidedBy: 'us', phase: 'certificate', ...more } };
}

/** A client that the server's alert ended. */
export function alertedClient(facts: Partial<Handshake> = {}): Handshake {
  return clientHandshake({
    peerCertificate: undefined,
    verification: { result: 'unverified', enforced: true, errors: [] },
    outcome: failed('unknown_ca', {
      decidedBy: 'peer',
      alert: { code: 48, description: 'unknown_ca' },
      code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    }),
    ...facts,
  });
}

/** A port scan. */
export function portScan(facts: Partial<Handshake> = {}): Handshake {
  return serverHandshake({
    serverName: undefined,
    protocol: undefined,
    cipher: undefined,
    alpn: undefined,
    outcome: { kind: 'abandoned', phase: 'client_hello', decidedBy: 'peer' },
    ...facts,
  });
}

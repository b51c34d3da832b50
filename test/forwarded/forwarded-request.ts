import { CertificateCache } from '../../src/certificate/certificate-cache';
import type {
  ForwardedCertificate,
  ForwardedOutcome,
  Forwarder,
  Suspicion,
} from '../../src/forwarded/forwarded-certificate';
import { ForwardedReader } from '../../src/forwarded/forwarded-reader';
import type { Preset } from '../../src/forwarded/presets';
import { TrustedProxies } from '../../src/forwarded/trust';
import type { IssuedCertificate } from '../support/certificate-authority';

/** Header lines in order, as pairs or as one object. */
export type HeaderLines = ReadonlyArray<readonly [string, string]> | Readonly<Record<string, string>>;

/** A reader that trusts what comes over loopback. */
export function readerOf(preset: Preset, ...proxies: string[]): ForwardedReader {
  const trustedProxies = TrustedProxies.parse(proxies.length === 0 ? ['loopback'] : proxies, complaint => {
    throw new Error(complaint);
  })!;
  const certificates = new CertificateCache({ now: () => Date.now() });
  return new ForwardedReader({ preset, trustedProxies, parseCertificate: der => certificates.get(der, false) });
}

export const FROM_THE_PROXY: Forwarder = { address: '127.0.0.1', transport: 'tcp' };
export const FROM_A_STRANGER: Forwarder = { address: '192.0.2.7', transport: 'tcp' };

/** What the headers say when the proxy itself sends them. */
export function outcomeOf(preset: Preset, headers: HeaderLines, forwarder = FROM_THE_PROXY): ForwardedOutcome {
  return readerOf(preset).read(rawHeaders(headers), forwarder);
}

/** As `outcomeOf`; fails unless the headers are believed. */
export function believed(preset: Preset, headers: HeaderLines, forwarder = FROM_THE_PROXY): ForwardedCertificate {
  const outcome = outcomeOf(preset, headers, forwarder);
  if (outcome.kind === 'forwarded') return outcome.forwarded;
  throw new Error(`not believed: ${JSON.stringify(outcome)}`);
}

/** As `outcomeOf`; fails unless the headers are suspected. The reason and the header: `malformed x-ssl-client-cert`. */
export function suspicionOf(preset: Preset, headers: HeaderLines, forwarder = FROM_THE_PROXY): string {
  const outcome = outcomeOf(preset, headers, forwarder);
  if (outcome.kind === 'suspected') return spoken(outcome.suspicion);
  throw new Error(`not suspected: ${JSON.stringify(outcome)}`);
}

export function spoken({ reason, header }: Suspicion): string {
  return `${reason} ${header}`;
}

export function rawHeaders(headers: HeaderLines): string[] {
  const lines = Array.isArray(headers)
    ? (headers as ReadonlyArray<readonly [string, string]>)
    : Object.entries(headers);
  return lines.flat();
}

/** Percent-encoded PEM, as nginx and Envoy write it. */
export function escapedPem(certificate: IssuedCertificate): string {
  return encodeURIComponent(certificate.certificate.replace(/\n?$/, '\n'));
}

export function base64Der(certificate: IssuedCertificate): string {
  return certificate.der.toString('base64');
}

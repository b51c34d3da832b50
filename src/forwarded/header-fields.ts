import { Buffer } from 'node:buffer';
import type { CertificateDecoder } from './certificate-encodings';
import { type Copied, distinguishedName } from './copied-values';
import type { SuspicionReason } from './forwarded-certificate';

/** At most so many certificates, leaf and chain together. */
export const MAX_CERTIFICATES = 10;

/** The headers of one format in one request, each at most once, and what is amiss with them. */
export class HeaderFields {
  readonly #values: ReadonlyMap<string, string>;
  readonly #origins = new Map<Uint8Array, string>();
  #suspicion: { readonly reason: SuspicionReason; readonly header: string } | undefined;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** The first one that was raised. */
  get suspicion(): { readonly reason: SuspicionReason; readonly header: string } | undefined {
    return this.#suspicion;
  }

  /** To be called for whatever cannot be believed; `header` is one of the format's own names. */
  suspect(reason: SuspicionReason, header: string): undefined {
    this.#suspicion ??= { reason, header };
  }

  /** Each character is a byte, as Node has it. Undefined: not there, or there with one of the values that mean nothing. */
  text(header: string): string | undefined {
    const value = this.#values.get(header);
    return value === undefined || meansNothing(value) ? undefined : value;
  }

  /** `decode` returns undefined for what it cannot read: then the header is malformed. */
  decoded<Value>(header: string, decode: (text: string) => Value | undefined): Value | undefined {
    const text = this.text(header);
    if (text === undefined) return undefined;
    const value = decode(text);
    if (value === undefined) this.suspect('malformed', header);
    return value;
  }

  /** As `decoded`, with the header's name beside the value. */
  copied<Value>(header: string, decode: (text: string) => Value | undefined): Copied<Value> | undefined {
    const value = this.decoded(header, decode);
    return value === undefined ? undefined : { value, header };
  }

  /**
   * A distinguished name, RFC 4514 or 2253. The one-line form (`/C=DE/CN=alice`) is not escaped by everybody who writes it,
   * so it can be made to say anything: it is as if it were not there.
   */
  name(header: string): Copied<string> | undefined {
    return this.text(header)?.startsWith('/') ? undefined : this.copied(header, distinguishedName);
  }

  /** DER of the certificates in a header, at most ten; empty where it is absent or malformed. */
  certificates(header: string, decode: CertificateDecoder): readonly Uint8Array[] {
    const certificates = this.decoded(header, decode) ?? [];
    for (const der of certificates) this.#origins.set(der, header);
    if (certificates.length <= MAX_CERTIFICATES) return certificates;
    this.suspect('malformed', header);
    return [];
  }

  /** The header that a certificate came out of. Undefined: not by `certificates()`. */
  headerOf(der: Uint8Array): string | undefined {
    return this.#origins.get(der);
  }

  /** DER of the one certificate in a header. */
  certificate(header: string, decode: CertificateDecoder): Uint8Array | undefined {
    const certificates = this.certificates(header, decode);
    if (certificates.length > 1) this.suspect('malformed', header);
    return certificates[0];
  }

  /** DER of the one certificate that is in either of two headers, or the same in both. */
  certificateInEither(
    [one, decodeOne]: CertificateHeader,
    [other, decodeOther]: CertificateHeader,
  ): Uint8Array | undefined {
    const first = this.certificate(one, decodeOne);
    const second = this.certificate(other, decodeOther);
    if (first && second && Buffer.compare(first, second) !== 0) this.suspect('contradicts_itself', other);
    return first ?? second;
  }
}

export type CertificateHeader = readonly [header: string, decode: CertificateDecoder];

/**
 * What proxies write where there is no value: nothing at all, a byte sequence of no bytes (HAProxy, Caddy), `(null)`
 * (Apache), `<nil>` and the SHA-256 of nothing (Caddy). proxy-recordings, nginx 1.22 to Caddy 2.11. Last checked 2026-11-22.
 */
export function meansNothing(value: string): boolean {
  return value.length <= 64 && NOTHING.has(value.trim().toLowerCase());
}

const NOTHING: ReadonlySet<string> = new Set([
  '',
  '::',
  '(null)',
  '<nil>',
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  '47deqpj8hbsa+/timw+5jceuqerkm5nmpjwzg3hsufu=',
]);

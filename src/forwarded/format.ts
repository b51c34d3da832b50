import type { AlternativeName, PeerCertificate } from '../certificate/peer-certificate';
import type { Verification } from '../handshake/handshake';
import type { Copied } from './copied-values';
import type { HeaderFields } from './header-fields';

/**
 * The headers of one kind of proxy: one file a format, and its line in formats.ts.
 *
 * The names are exact. A format has no options: its names are those of the proxy's own documentation, and where an
 * operator chooses them, those of the configurations in `examples/proxies/`. Other spellings and aliases are a
 * client's to send, since no proxy strips what it does not set.
 */
export interface Format {
  /** The preset's name: `nginx`. */
  readonly id: string;
  /** Lower-case names, `-` and `_` kept apart, and what each is. Nothing else is looked at. */
  readonly headers: Readonly<Record<string, HeaderRole>>;
  /**
   * What they say. Only called when at least one claim is there that has a value, and no header of the format is there
   * twice, is larger than any proxy's, or has control characters. Whatever is amiss goes to `fields.suspect()`, the
   * first one stands; what is returned then is not looked at. Undefined: nothing is said of any certificate.
   */
  read(fields: HeaderFields): Claim | undefined;
}

/**
 * - `claim`: read, and names the client, its certificate or what came of verifying it. From a peer that is no trusted
 *   proxy, or beside another format's headers, it is an attempt.
 * - `session`: read, but of the connection only: proves nothing, and other formats may send it too.
 * - `unread`: a claim that the proxy sends and the format has no use for. Never looked at.
 */
export type HeaderRole = 'claim' | 'session' | 'unread';

/** What a proxy says of its client, decoded; not yet compared with itself. */
export interface Claim {
  /** DER of the client's certificate. Undefined: it was not forwarded whole. */
  readonly leaf?: Uint8Array | undefined;
  /** Certificates of the chain, DER, issuer of the leaf first, without the leaf. */
  readonly chain?: readonly Uint8Array[] | undefined;
  /**
   * What the proxy copied out of the certificate. Beside `leaf` it is only compared; without, it is all there is. A field
   * whose text can be made to lie (a one-line DN, a list of names that is not escaped) does not belong here.
   */
  readonly copied?: CopiedFields | undefined;
  readonly verification: Verification;
  /** The header that the certificate itself, once parsed, makes unbelievable. Undefined: none. */
  readonly refutedBy?: ((certificate: PeerCertificate) => string | undefined) | undefined;
  /** The client's session with the proxy was resumed. Undefined: the proxy does not say. */
  readonly resumed?: boolean | undefined;
}

export interface CopiedFields {
  /** RFC 4514 or 2253, bytes as Node gives them (latin1): see `distinguishedName` in copied-values.ts. */
  readonly subject?: Copied<string> | undefined;
  readonly issuer?: Copied<string> | undefined;
  /** Upper-case hex. */
  readonly serialNumber?: Copied<string> | undefined;
  /** SHA-256 and SHA-1 over the DER, upper-case hex without colons. */
  readonly sha256?: Copied<string> | undefined;
  readonly sha1?: Copied<string> | undefined;
  /** Milliseconds since the epoch. */
  readonly notBefore?: Copied<number> | undefined;
  readonly notAfter?: Copied<number> | undefined;
  readonly spiffeId?: Copied<string> | undefined;
  /** Subject alternative names from a header that encodes each by itself; not always all of them. */
  readonly alternativeNames?: readonly Copied<AlternativeName>[] | undefined;
}

import { hash } from 'node:crypto';
import type { AlternativeName, CertificateIdentity, PeerCertificate } from '../certificate/peer-certificate';
import { MAX_ALTERNATIVE_NAMES } from '../certificate/subject-alternative-names';
import { mayBeSameName, nameToShow } from './copied-values';
import type { CopiedFields, Format } from './format';
import type * as formats from './formats';
import type { ForwardedOutcome, Forwarder, SuspicionReason } from './forwarded-certificate';
import { HeaderFields, meansNothing } from './header-fields';
import type { Preset } from './presets';
import type { TrustedProxies } from './trust';
import { Verdicts } from './verdicts';

export interface ForwardedReaderOptions {
  /** The one format whose headers are read. */
  readonly preset: Preset;
  /** Who may say so. */
  readonly trustedProxies: TrustedProxies;
  /**
   * DER to a certificate; undefined, or one with `parsed` false, where that cannot be. `refuted`: the proxy says that it does
   * not verify, so anybody may have made it.
   */
  readonly parseCertificate: (der: Uint8Array, refuted: boolean) => PeerCertificate | undefined;
}

/** Reads the certificate headers of requests, for one preset. Keeps nothing of a request but which authorities are accepted. */
export class ForwardedReader {
  readonly #format: Format;
  readonly #known: KnownHeaders;
  readonly #trustedProxies: TrustedProxies;
  readonly #parseCertificate: ForwardedReaderOptions['parseCertificate'];
  readonly #verdicts = new Verdicts();

  constructor({ preset, trustedProxies, parseCertificate }: ForwardedReaderOptions) {
    const { FORMATS } = require('./formats') as typeof formats;
    this.#format = FORMATS.find(format => format.id === preset)!;
    this.#known = knownHeaders ??= headersOf(FORMATS);
    this.#trustedProxies = trustedProxies;
    this.#parseCertificate = parseCertificate;
  }

  /**
   * What the headers of one request say of its client. Never throws.
   *
   * @param rawHeaders Node's: name, value, name, value, every line as it came. Joined headers would hide that one came twice.
   * @param forwarder The other end of the connection that the request came over.
   */
  read(rawHeaders: readonly string[], forwarder: Forwarder): ForwardedOutcome {
    let header = Object.keys(this.#format.headers)[0]!;
    try {
      const found = this.#find(rawHeaders);
      if (found === undefined) return ABSENT;
      header = found.claim;

      const trust = this.#trustedProxies.trusts(forwarder);
      if (trust === undefined) return this.#suspected('untrusted_peer', found.claim);
      if (found.twice !== undefined) return this.#suspected('duplicate_header', found.twice);
      if (found.foreign !== undefined) return this.#suspected('several_presets', found.foreign);
      if (found.unfit !== undefined) return this.#suspected('malformed', found.unfit);
      return this.#judge(new HeaderFields(found.values), forwarder, trust === 'by_address', found.claim);
    } catch {
      // Nothing here is known to throw. What cannot be read must not be believed, and must not harm the request.
      return this.#suspected('malformed', header);
    }
  }

  /** The headers that any format knows. Undefined: none of them claims anything. */
  #find(rawHeaders: readonly string[]): FoundHeaders | undefined {
    const own = this.#format.headers;
    const { names, claims, longest } = this.#known;
    const found: FoundHeaders = { claim: '', values: new Map() };
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const spelled = rawHeaders[at]!;
      if (spelled.length > longest) continue;
      const name = spelled.toLowerCase();
      if (!names.has(name)) continue;
      const value = rawHeaders[at + 1]!;
      const role = Object.hasOwn(own, name) ? own[name] : undefined;
      if (role !== 'session' && found.claim === '' && (role === 'claim' || claims.has(name)) && !meansNothing(value)) {
        found.claim = name;
      }
      if (role === undefined) {
        if (claims.has(name) && !meansNothing(value)) found.foreign ??= name;
        continue;
      }
      if (found.values.has(name)) found.twice ??= name;
      if (role !== 'unread' && (value.length > MAX_VALUE_BYTES || CONTROL.test(value))) found.unfit ??= name;
      found.values.set(name, role === 'unread' ? '' : value);
    }
    return found.claim === '' ? undefined : found;
  }

  #judge(fields: HeaderFields, forwarder: Forwarder, byAddress: boolean, header: string): ForwardedOutcome {
    const claim = this.#format.read(fields);
    if (fields.suspicion) return this.#suspected(fields.suspicion.reason, fields.suspicion.header);
    if (claim === undefined) return ABSENT;

    const refuted = claim.verification.result === 'failed';
    const whole = claim.leaf && this.#parseCertificate(claim.leaf, refuted);
    if (claim.leaf && !whole?.parsed) return this.#suspected('malformed', fields.headerOf(claim.leaf) ?? header);
    const differing = whole && (differingField(claim.copied ?? {}, whole, claim.leaf!) ?? claim.refutedBy?.(whole));
    if (differing !== undefined) return this.#suspected('contradicts_itself', differing);

    const certificate = whole ?? copiedIdentity(claim.copied ?? {});
    const presented = claim.verification.result !== 'not_presented';
    if (presented && certificate === undefined) return this.#suspected('incomplete', header);
    if (!presented && certificate !== undefined) return this.#suspected('contradicts_itself', header);

    // A trusted address is where the proxy is, and not only the proxy: whoever comes from there with a certificate of its own
    // that is not named as a proxy's is a client, and speaks for nobody else.
    const direct = forwarder.certificate;
    if (byAddress && direct !== undefined && !isSame(direct, certificate)) {
      return this.#suspected('contradicts_handshake', header);
    }

    let chain: readonly PeerCertificate[] | undefined;
    const parsedChain = () => (chain ??= this.#parsed((presented && claim.chain) || [], refuted));
    return {
      kind: 'forwarded',
      forwarded: Object.freeze({
        preset: this.#format.id,
        certificate,
        recomputed: whole !== undefined,
        get chain() {
          return parsedChain();
        },
        verification: this.#verdicts.on(whole, claim.verification),
        resumed: claim.resumed,
      }),
    };
  }

  #parsed(chain: readonly Uint8Array[], refuted: boolean): readonly PeerCertificate[] {
    const certificates = chain.map(der => this.#parseCertificate(der, refuted));
    return Object.freeze(certificates.filter(certificate => certificate?.parsed)) as readonly PeerCertificate[];
  }

  #suspected(reason: SuspicionReason, header: string): ForwardedOutcome {
    return { kind: 'suspected', suspicion: Object.freeze({ reason, preset: this.#format.id, header }) };
  }
}

interface FoundHeaders {
  /** The first one that claims something. Empty: none yet. */
  claim: string;
  /** The configured format's, by lower-case name. */
  readonly values: Map<string, string>;
  twice?: string;
  /** Another format's claim. */
  foreign?: string;
  /** Too large, or with control characters. */
  unfit?: string;
}

const ABSENT: ForwardedOutcome = Object.freeze({ kind: 'absent' });

/** No proxy's header block is larger by Node's default either. */
const MAX_VALUE_BYTES = 16 * 1024;

/** C0 and DEL; bytes above are UTF-8. */
const CONTROL = /[\x00-\x1f\x7f]/;

/** The first header that does not say of the certificate what the certificate says. */
function differingField(copied: CopiedFields, certificate: PeerCertificate, der: Uint8Array): string | undefined {
  const { subject, issuer, serialNumber, sha256, sha1, notBefore, notAfter, spiffeId, alternativeNames } = copied;
  if (sha256 && sha256.value !== certificate.fingerprint) return sha256.header;
  if (sha1 && sha1.value !== hash('sha1', der, 'hex').toUpperCase()) return sha1.header;
  if (serialNumber && certificate.serialNumber && !isSameNumber(serialNumber.value, certificate.serialNumber)) {
    return serialNumber.header;
  }
  if (subject && certificate.subject !== undefined && !mayBeSameName(subject.value, certificate.subject)) {
    return subject.header;
  }
  if (issuer && certificate.issuer !== undefined && !mayBeSameName(issuer.value, certificate.issuer)) {
    return issuer.header;
  }
  if (notBefore && certificate.notBefore !== undefined && notBefore.value !== certificate.notBefore) {
    return notBefore.header;
  }
  if (notAfter && certificate.notAfter !== undefined && notAfter.value !== certificate.notAfter) return notAfter.header;
  if (spiffeId && spiffeId.value !== certificate.spiffeId) return spiffeId.header;
  return alternativeNames?.find(({ value }) => !hasName(certificate, value))?.header;
}

/** True also where it cannot be told, because the certificate has more names than are kept. */
function hasName({ alternativeNames }: PeerCertificate, { type, value }: AlternativeName): boolean {
  if (alternativeNames.length >= MAX_ALTERNATIVE_NAMES) return true;
  return alternativeNames.some(own => own.type === type && own.value === value);
}

/** Upper-case hex; one may have zeros in front. A certificate's own may be negative, which no proxy writes alike. */
function isSameNumber(copied: string, own: string): boolean {
  return own.startsWith('-') || copied.replace(/^0+/, '') === own.replace(/^0+/, '');
}

/** Undefined when nothing was copied that tells one certificate from another. */
function copiedIdentity(copied: CopiedFields): CertificateIdentity | undefined {
  const { sha256, subject, serialNumber } = copied;
  const spiffeId = copied.spiffeId?.value;
  const spiffeName = spiffeId === undefined ? [] : [{ type: 'URI' as const, value: spiffeId }];
  const names = [...spiffeName, ...(copied.alternativeNames ?? []).map(({ value }) => value)];
  if ((sha256 ?? subject ?? serialNumber ?? names[0]) === undefined) return undefined;
  return Object.freeze({
    fingerprint: copied.sha256?.value,
    subject: copied.subject && nameToShow(copied.subject.value),
    issuer: copied.issuer && nameToShow(copied.issuer.value),
    serialNumber: copied.serialNumber?.value,
    notBefore: copied.notBefore?.value,
    notAfter: copied.notAfter?.value,
    alternativeNames: Object.freeze(names.slice(0, MAX_ALTERNATIVE_NAMES).map(name => Object.freeze(name))),
    spiffeId,
  });
}

function isSame(direct: CertificateIdentity, forwarded: CertificateIdentity | undefined): boolean {
  return direct.fingerprint !== undefined && direct.fingerprint === forwarded?.fingerprint;
}

interface KnownHeaders {
  /** Every name that any format knows, and those of them that claim something. */
  readonly names: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  /** Characters of the longest name. */
  readonly longest: number;
}

/** Made with the first reader, for nobody who has none. */
let knownHeaders: KnownHeaders | undefined;

function headersOf(all: readonly Format[]): KnownHeaders {
  const roles = all.flatMap(({ headers }) => Object.entries(headers));
  const names = new Set(roles.map(([name]) => name));
  const claims = new Set(roles.flatMap(([name, role]) => (role === 'session' ? [] : [name])));
  return { names, claims, longest: Math.max(...[...names].map(name => name.length)) };
}

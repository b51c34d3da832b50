import { Buffer } from 'node:buffer';
import type { PeerCertificate } from '../certificate/peer-certificate';
import type { Verification } from '../handshake/handshake';
import { percentEncodedPem } from './certificate-encodings';
import { distinguishedName, sha256InHex } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { certificateItem } from './structured-fields';
import { NOT_PRESENTED, UNVERIFIED, VERIFIED, verdictInWords } from './verdicts';
import { onlyElement, type XfccElement } from './xfcc-element';

/**
 * Envoy, `forward_client_cert_details: SANITIZE_SET`, as in `examples/proxies/envoy.yaml`. The header has exactly one
 * element: with APPEND_FORWARD and FORWARD_ONLY elements of the client's own come along, and which is whose cannot be told.
 *
 * Names are read from the certificate alone, never from `URI=` and `DNS=`, which are not escaped. A certificate with a
 * name that could pass for another element is not believed at all.
 *
 * The header has no verdict. The few lines of Lua in that configuration send one in `X-SSL-Client-Verify`, and the
 * certificate it is about in `Client-Cert`: SUCCESS is believed of that certificate only. FAILED is what it also says of
 * every resumed session, good ones too, and therefore no verdict.
 */
// Envoy's HTTP connection manager, "headers"; recorded from Envoy 1.40.0. Last checked 2026-11-22.
export const envoyXfcc = {
  id: 'envoy-xfcc',
  headers: {
    'x-forwarded-client-cert': 'claim',
    'x-ssl-client-verify': 'claim',
    'client-cert': 'claim',
    'x-ssl-client-cert': 'unread',
    'x-ssl-client-subject': 'unread',
    'x-ssl-client-issuer': 'unread',
    'x-ssl-client-serial': 'unread',
    'x-ssl-client-sha256': 'unread',
    'x-ssl-client-sha1': 'unread',
    'x-ssl-client-v-start': 'unread',
    'x-ssl-client-v-end': 'unread',
    'x-ssl-client-uri-san': 'unread',
    'x-ssl-client-dns-san': 'unread',
    'x-ssl-client-email-san': 'unread',
    'x-ssl-client-chain-sha256': 'unread',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const item = fields.certificate('client-cert', certificateItem);
    const said = fields.decoded('x-ssl-client-verify', verdictInWords);
    const element = elementOf(fields);
    if (element === undefined) {
      const none = said === NOT_PRESENTED && item === undefined;
      return none ? { verification: said } : fields.suspect('incomplete', XFCC);
    }
    const claim = claimOf(fields, element, item);
    return { ...claim, verification: verdict(said, item !== undefined), refutedBy: hasDeceptiveName };
  },
} as const satisfies Format;

/** The element of `x-forwarded-client-cert`; undefined when it is absent or was suspected. */
export function elementOf(fields: HeaderFields): XfccElement | undefined {
  const element = fields.decoded(XFCC, onlyElement);
  return element === 'forged' ? fields.suspect('contradicts_itself', XFCC) : element;
}

/** What an element says. `item`: the certificate where it stands beside the header too. */
export function claimOf(fields: HeaderFields, element: XfccElement, item?: Uint8Array): Omit<Claim, 'verification'> {
  const [cert, ...none] = inElement(fields, element.cert, percentEncodedPem) ?? [];
  const [first, ...chain] = inElement(fields, element.chain, percentEncodedPem) ?? [];
  const leaf = cert ?? first ?? item;
  if (none.length > 0) fields.suspect('malformed', XFCC);
  for (const other of [first, item]) {
    if (other && leaf && Buffer.compare(other, leaf) !== 0) fields.suspect('contradicts_itself', XFCC);
  }
  const hash = inElement(fields, element.hash, sha256InHex);
  if (hash === undefined) fields.suspect('incomplete', XFCC);
  // Older Envoys wrote the one-line form, which can be made to say anything.
  const written = element.subject?.startsWith('/') ? undefined : element.subject;
  const subject = inElement(fields, written, distinguishedName);
  return {
    leaf,
    chain,
    copied: {
      sha256: hash === undefined ? undefined : { value: hash, header: XFCC },
      subject: subject === undefined ? undefined : { value: subject, header: XFCC },
    },
  };
}

export const XFCC = 'x-forwarded-client-cert';

function inElement<Value>(
  fields: HeaderFields,
  text: string | undefined,
  decode: (text: string) => Value | undefined,
): Value | undefined {
  if (text === undefined || text === '') return undefined;
  return decode(text) ?? fields.suspect('malformed', XFCC);
}

function verdict(said: Verification | undefined, aboutThisCertificate: boolean): Verification {
  if (said === NOT_PRESENTED) return NOT_PRESENTED;
  return said === VERIFIED && aboutThisCertificate ? VERIFIED : UNVERIFIED;
}

/** A separator, a quote, or what is shown as an escape: a control character or a backslash. */
function hasDeceptiveName({ alternativeNames }: PeerCertificate): string | undefined {
  const deceptive = alternativeNames.some(
    ({ type, value }) => (type === 'URI' || type === 'DNS') && /[,;"\\]/.test(value),
  );
  return deceptive ? XFCC : undefined;
}

import type { Verification } from '../handshake/handshake';
import { awsValidity } from './aws-validity';
import { percentEncodedPem } from './certificate-encodings';
import { hexNumber, sha256InHex } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { certificateItem, certificateList } from './structured-fields';
import { NOT_PRESENTED, UNVERIFIED } from './verdicts';

/**
 * Amazon CloudFront, viewer mutual TLS: whichever of these headers the origin request policy lists. `Client-Cert` and
 * `Client-Cert-Chain` are those of RFC 9440.
 *
 * In the mode Required CloudFront refuses what does not verify, in Passthrough it verifies nothing, and no header tells
 * which mode it was. So a certificate is never more than unverified here.
 */
// CloudFront Developer Guide, "Viewer mTLS headers" and "Helper methods for mutual TLS". Last checked 2026-11-22.
export const awsCloudfront = {
  id: 'aws-cloudfront',
  headers: {
    'cloudfront-viewer-cert-present': 'claim',
    'cloudfront-viewer-cert-pem': 'claim',
    'cloudfront-viewer-cert-sha256': 'claim',
    'cloudfront-viewer-cert-serial-number': 'claim',
    'cloudfront-viewer-cert-validity': 'claim',
    'cloudfront-viewer-cert-subject': 'claim',
    'cloudfront-viewer-cert-issuer': 'claim',
    'client-cert': 'claim',
    'client-cert-chain': 'claim',
  },
  read: (fields: HeaderFields): Claim => ({
    leaf: fields.certificateInEither(
      ['cloudfront-viewer-cert-pem', percentEncodedPem],
      ['client-cert', certificateItem],
    ),
    chain: fields.certificates('client-cert-chain', certificateList),
    copied: {
      subject: fields.name('cloudfront-viewer-cert-subject'),
      issuer: fields.name('cloudfront-viewer-cert-issuer'),
      serialNumber: fields.copied('cloudfront-viewer-cert-serial-number', hexNumber),
      sha256: fields.copied('cloudfront-viewer-cert-sha256', sha256InHex),
      ...awsValidity(fields, 'cloudfront-viewer-cert-validity'),
    },
    verification: fields.decoded('cloudfront-viewer-cert-present', presence) ?? UNVERIFIED,
  }),
} as const satisfies Format;

function presence(text: string): Verification | undefined {
  return text === '1' ? UNVERIFIED : text === '0' ? NOT_PRESENTED : undefined;
}

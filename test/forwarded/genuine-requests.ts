import type { Preset } from '../../src/forwarded/presets';
import type { IssuedCertificate } from '../support/certificate-authority';
import { base64Der, escapedPem } from './forwarded-request';
import { awsPem, awsValidity, byteSequence, digest } from './vendor-encodings';

/** What the client of every genuine request is called, whole or in part, as the format has it. */
export interface Client {
  readonly certificate: IssuedCertificate;
  /** RFC 4514. */
  readonly subject: string;
  readonly spiffeId: string;
}

/** What each proxy sends of a client whose certificate is good. Every format has its line: the contract is for all. */
export const GENUINE_REQUESTS: Readonly<Record<Preset, (client: Client) => Readonly<Record<string, string>>>> = {
  rfc9440: ({ certificate }) => ({ 'client-cert': byteSequence(certificate) }),
  'envoy-xfcc': ({ certificate, subject, spiffeId }) => ({
    'x-forwarded-client-cert': [
      'By=spiffe://acme.test/proxy',
      `Hash=${digest(certificate, 'sha256', 'hex')}`,
      `Cert="${escapedPem(certificate)}"`,
      `Chain="${escapedPem(certificate)}"`,
      `Subject="${subject}"`,
      `URI=${spiffeId}`,
      'DNS=good.acme.test',
    ].join(';'),
    'x-ssl-client-verify': 'SUCCESS',
    'client-cert': byteSequence(certificate),
  }),
  istio: ({ certificate, spiffeId }) => ({
    'x-forwarded-client-cert': `By=spiffe://acme.test/proxy;Hash=${digest(certificate, 'sha256', 'hex')};Subject="";URI=${spiffeId}`,
  }),
  linkerd: () => ({ 'l5d-client-id': 'default.good.serviceaccount.identity.linkerd.cluster.local' }),
  'aws-alb-verify': ({ certificate, subject }) => ({
    'x-amzn-mtls-clientcert-leaf': awsPem(certificate.certificate),
    'x-amzn-mtls-clientcert-serial-number': certificate.serialNumber,
    'x-amzn-mtls-clientcert-validity': awsValidity(certificate),
    'x-amzn-mtls-clientcert-subject': subject,
  }),
  'aws-alb-passthrough': ({ certificate }) => ({ 'x-amzn-mtls-clientcert': awsPem(certificate.certificate) }),
  'aws-cloudfront': ({ certificate, subject }) => ({
    'cloudfront-viewer-cert-present': '1',
    'cloudfront-viewer-cert-pem': escapedPem(certificate),
    'cloudfront-viewer-cert-sha256': digest(certificate, 'sha256', 'hex'),
    'cloudfront-viewer-cert-subject': subject,
    'client-cert': byteSequence(certificate),
  }),
  'gcp-alb': ({ certificate, spiffeId }) => ({
    'x-client-cert-present': 'true',
    'x-client-cert-chain-verified': 'true',
    'x-client-cert-hash': digest(certificate, 'sha256', 'base64'),
    'x-client-cert-leaf': byteSequence(certificate),
    'x-client-cert-spiffe-id': spiffeId,
    'x-client-cert-dnsname-sans': Buffer.from('good.acme.test').toString('base64'),
  }),
  'azure-app-gateway': ({ certificate }) => ({
    'x-client-cert-verify': 'SUCCESS',
    'x-client-cert': escapedPem(certificate),
    'x-client-cert-fingerprint': digest(certificate, 'sha1', 'hex'),
    'x-client-cert-serial': certificate.serialNumber,
  }),
  'azure-app-service': ({ certificate }) => ({ 'x-arr-clientcert': base64Der(certificate) }),
  'cloudflare-managed': ({ certificate, subject }) => ({
    'cf-cert-presented': 'true',
    'cf-cert-verified': 'true',
    'cf-cert-revoked': 'false',
    'cf-cert-fingerprint-sha256': digest(certificate, 'sha256', 'hex'),
    'cf-cert-subject-dn-rfc2253': subject,
    'client-cert': byteSequence(certificate),
  }),
  'cloudflare-legacy': ({ certificate }) => ({
    'cf-client-cert-der-base64': base64Der(certificate),
    'cf-client-cert-sha256': digest(certificate, 'sha256', 'hex'),
    'cf-client-cert-pem': escapedPem(certificate),
  }),
  nginx: ({ certificate, subject }) => ({
    'x-ssl-client-verify': 'SUCCESS',
    'x-ssl-client-cert': escapedPem(certificate),
    'x-ssl-client-s-dn': subject,
    'x-ssl-client-serial': certificate.serialNumber,
    'x-ssl-client-fingerprint': digest(certificate, 'sha1', 'hex'),
    'x-ssl-session-reused': '.',
  }),
  'ingress-nginx': ({ certificate, subject }) => ({
    'ssl-client-verify': 'SUCCESS',
    'ssl-client-subject-dn': subject,
    'ssl-client-cert': escapedPem(certificate),
  }),
  haproxy: ({ certificate, subject }) => ({
    'x-ssl-client-used': '1',
    'x-ssl-client-verify': '0',
    'x-ssl-client-ca-err': '0',
    'x-ssl-client-dn': subject,
    'x-ssl-client-serial': certificate.serialNumber.toUpperCase(),
    'x-ssl-client-sha1': digest(certificate, 'sha1', 'hex').toUpperCase(),
    'x-ssl-client-sha256': certificate.fingerprint,
    'x-ssl-client-chain-der': base64Der(certificate),
    'client-cert': byteSequence(certificate),
    'x-ssl-resumed': '0',
  }),
  apache: ({ certificate, subject }) => ({
    'x-ssl-client-verify': 'SUCCESS',
    'x-ssl-client-cert': certificate.certificate.trim().replaceAll('\n', ' '),
    'x-ssl-client-chain-0': certificate.certificate.trim().replaceAll('\n', ' '),
    'x-ssl-client-s-dn': subject,
    'x-ssl-client-serial': certificate.serialNumber.toUpperCase(),
    'client-cert': byteSequence(certificate),
    'x-ssl-session-resumed': 'Initial',
  }),
  traefik: ({ certificate }) => ({ 'x-forwarded-tls-client-cert': base64Der(certificate) }),
  caddy: ({ certificate }) => ({
    'x-ssl-client-present': 'true',
    'x-ssl-client-der': base64Der(certificate),
    'x-ssl-client-fingerprint': digest(certificate, 'sha256', 'hex'),
    'x-ssl-client-serial': BigInt(`0x${certificate.serialNumber}`).toString(),
    'client-cert': byteSequence(certificate),
    'x-ssl-resumed': 'false',
  }),
  'kong-mtls-auth': () => ({ 'x-client-cert-dn': 'CN=good' }),
};

/** These forward no certificate: who the client is, is what the one header says. */
export const WITHOUT_CERTIFICATE: ReadonlySet<Preset> = new Set(['istio', 'linkerd', 'kong-mtls-auth']);

import type { IssuedCertificate } from '../support/certificate-authority';
import { base64Der, escapedPem } from '../forwarded/forwarded-request';

/** How a client may spell a header's name to get it past a proxy. */
export const SPELLINGS = {
  'as they are': (name: string) => name,
  'in capitals': (name: string) => name.toUpperCase(),
  'with underscores': (name: string) => name.replaceAll('-', '_'),
  'with one underscore': (name: string) => name.replace('-', '_'),
} as const;

/**
 * What a client sends that would like to be taken for another: a certificate and a verdict in the headers of every proxy
 * whose format is known, all saying that it is verified.
 */
export function forgedHeaders(victim: IssuedCertificate): [name: string, value: string][] {
  const [pem, der, sha256] = [escapedPem(victim), base64Der(victim), victim.fingerprint.toLowerCase()];
  return Object.entries({
    'X-SSL-Client-Verify': 'SUCCESS',
    'X-SSL-Client-Cert': pem,
    'X-SSL-Client-S-DN': 'CN=admin,O=Acme',
    'X-SSL-Client-I-DN': 'CN=Acme Clients CA',
    'X-SSL-Client-Serial': victim.serialNumber,
    'X-SSL-Session-Reused': '.',
    'X-SSL-Client-Used': '1',
    'X-SSL-Client-CA-Err': '0',
    'X-SSL-Client-DN': 'CN=admin,O=Acme',
    'X-SSL-Client-SHA256': sha256,
    'X-SSL-Client-Der': der,
    'X-SSL-Client-Present': 'true',
    'X-SSL-Client-Fingerprint': sha256,
    'X-SSL-Client-Subject': 'CN=admin,O=Acme',
    'Client-Cert': `:${der}:`,
    'X-Forwarded-Client-Cert': `Hash=${sha256};Cert="${pem}";Subject="CN=admin,O=Acme"`,
    'X-Forwarded-Tls-Client-Cert': encodeURIComponent(der),
    'X-Amzn-Mtls-Clientcert': pem,
    'X-Amzn-Mtls-Clientcert-Subject': 'CN=admin,O=Acme',
    'X-ARR-ClientCert': der,
    'l5d-client-id': 'admin.acme.serviceaccount.identity.linkerd.cluster.local',
  });
}

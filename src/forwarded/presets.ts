import type { VerificationResult } from '../handshake/handshake';

interface PresetRow {
  readonly proxy: string;
  /** What its headers can say of the certificate's verification, as far as they can be relied on. */
  readonly says: readonly VerificationResult[];
  /** What an operator should know. Undefined: nothing beyond the proxy's own documentation. */
  readonly note?: string;
}

const ANY = ['ok', 'failed', 'not_presented'] as const;
const NOTHING = ['unverified'] as const;

/**
 * What `forwarded.preset` may be, in the order in which they are told of; the README's table is made of them. Names alone: an
 * application without a proxy does not load the formats.
 */
export const PRESET_ROWS = {
  rfc9440: { proxy: 'any that sends `Client-Cert`', says: NOTHING, note: 'RFC 9440 has no field for a verdict.' },
  'envoy-xfcc': {
    proxy: 'Envoy',
    says: ['ok', 'not_presented', 'unverified'],
    note: '`ok` needs the lines of Lua in `examples/proxies/envoy.yaml`: the header itself has no verdict.',
  },
  istio: {
    proxy: 'Istio',
    says: NOTHING,
    note: 'A sidecar lets verified peers in only; nothing in the header says so.',
  },
  nginx: { proxy: 'nginx', says: ANY },
  'ingress-nginx': { proxy: 'ingress-nginx', says: ANY },
  haproxy: { proxy: 'HAProxy', says: ANY },
  apache: {
    proxy: 'Apache httpd',
    says: ['ok', 'failed', 'not_presented', 'unverified'],
    note: '`ok` needs `X-SSL-Session-Resumed: Initial`: on a resumed session Apache may call any certificate verified.',
  },
  caddy: { proxy: 'Caddy', says: ['not_presented', 'unverified'], note: 'Caddy sends no verdict.' },
  linkerd: { proxy: 'Linkerd', says: ['ok'], note: "The workload's identity only." },
  'aws-alb-verify': { proxy: 'AWS ALB, verify mode', says: ['ok'], note: 'Whoever does not verify never gets here.' },
  'aws-alb-passthrough': { proxy: 'AWS ALB, passthrough mode', says: NOTHING },
  'aws-cloudfront': {
    proxy: 'AWS CloudFront',
    says: ['not_presented', 'unverified'],
    note: 'No header tells whether CloudFront verifies.',
  },
  'gcp-alb': { proxy: 'Google Cloud Application Load Balancer', says: [...ANY, 'unverified'] },
  'azure-app-gateway': { proxy: 'Azure Application Gateway', says: ANY },
  'azure-app-service': { proxy: 'Azure App Service', says: NOTHING, note: 'App Service does not verify.' },
  'cloudflare-managed': { proxy: 'Cloudflare, managed transform', says: ANY },
  'cloudflare-legacy': { proxy: 'Cloudflare, legacy headers', says: NOTHING },
  traefik: { proxy: 'Traefik', says: NOTHING, note: 'Needs `pem: true`: the Info header can be forged by a name.' },
  'kong-mtls-auth': { proxy: 'Kong, mtls-auth', says: NOTHING, note: 'Only a subject that is one plain common name.' },
} as const satisfies Record<string, PresetRow>;

export type Preset = keyof typeof PRESET_ROWS;

export const PRESETS = Object.keys(PRESET_ROWS) as readonly Preset[];

/**
 * What `forwarded.preset` may be, in the order in which they are told of. Names alone: an application without a proxy does not
 * load the formats.
 */
export const PRESETS = [
  'rfc9440',
  'envoy-xfcc',
  'istio',
  'nginx',
  'ingress-nginx',
  'haproxy',
  'apache',
  'caddy',
  'linkerd',
  'aws-alb-verify',
  'aws-alb-passthrough',
  'aws-cloudfront',
  'gcp-alb',
  'azure-app-gateway',
  'azure-app-service',
  'cloudflare-managed',
  'cloudflare-legacy',
  'traefik',
  'kong-mtls-auth',
] as const;

export type Preset = (typeof PRESETS)[number];

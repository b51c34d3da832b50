import { apache } from './apache';
import { awsAlbPassthrough } from './aws-alb-passthrough';
import { awsAlbVerify } from './aws-alb-verify';
import { awsCloudfront } from './aws-cloudfront';
import { azureAppGateway } from './azure-app-gateway';
import { azureAppService } from './azure-app-service';
import { caddy } from './caddy';
import { cloudflareLegacy } from './cloudflare-legacy';
import { cloudflareManaged } from './cloudflare-managed';
import { envoyXfcc } from './envoy-xfcc';
import type { Format } from './format';
import { gcpAlb } from './gcp-alb';
import { haproxy } from './haproxy';
import { ingressNginx } from './ingress-nginx';
import { istio } from './istio';
import { kongMtlsAuth } from './kong-mtls-auth';
import { linkerd } from './linkerd';
import { nginx } from './nginx';
import type { Preset } from './presets';
import { rfc9440 } from './rfc9440';
import { traefik } from './traefik';

/** Every format, in the order of presets.ts. A new one is a file beside this one, its name there, and its line here. */
export const FORMATS = [
  rfc9440,
  envoyXfcc,
  istio,
  nginx,
  ingressNginx,
  haproxy,
  apache,
  caddy,
  linkerd,
  awsAlbVerify,
  awsAlbPassthrough,
  awsCloudfront,
  gcpAlb,
  azureAppGateway,
  azureAppService,
  cloudflareManaged,
  cloudflareLegacy,
  traefik,
  kongMtlsAuth,
] as const satisfies readonly (Format & { readonly id: Preset })[];

import { apache } from './apache';
import { caddy } from './caddy';
import { envoyXfcc } from './envoy-xfcc';
import type { Format } from './format';
import { haproxy } from './haproxy';
import { ingressNginx } from './ingress-nginx';
import { istio } from './istio';
import { nginx } from './nginx';
import { rfc9440 } from './rfc9440';

/** Every format, in the order in which they are told of. A new one is a file beside this one, and its line here. */
export const FORMATS = [
  rfc9440,
  envoyXfcc,
  istio,
  nginx,
  ingressNginx,
  haproxy,
  apache,
  caddy,
] as const satisfies readonly Format[];

/** What `forwarded.preset` may be. */
export type Preset = (typeof FORMATS)[number]['id'];

export const PRESETS: readonly Preset[] = FORMATS.map(format => format.id);

import { type Context, createContextKey, type Span } from '@opentelemetry/api';
import { boundedText } from '../certificate/untrusted-text';

/** Of paths and routes. */
const MAX_BYTES = 256;

/** Which endpoint a request was for. */
export interface RequestLine {
  /** As the semantic conventions have it: `_OTHER` for a method that is none of the known. */
  readonly method: string | undefined;
  /** The template: `/orders/:id`. Undefined: whoever routes does not tell us. */
  readonly route: string | undefined;
  /** The path as it was asked for, without its query, bounded and escaped. Undefined where `route` is known. */
  readonly path: string | undefined;
}

/** Where the request was going, before anybody could change it. */
export interface Target {
  readonly method: unknown;
  readonly path: unknown;
}

/** Of Node's own request, or of an HTTP/2 stream with its headers: `[':method', 'GET', ...]`. */
export function targetOf(request: object, rawHeaders: unknown): Target {
  const { method, url } = request as { method?: unknown; url?: unknown };
  const pseudo = (name: string): unknown => {
    if (!Array.isArray(rawHeaders)) return undefined;
    const at = rawHeaders.indexOf(name);
    // Headers and their values take turns.
    return at % 2 === 0 ? rawHeaders[at + 1] : undefined;
  };
  return { method: method ?? pseudo(':method'), path: url ?? pseudo(':path') };
}

/** To be asked when the request has been answered: only then everybody knows. */
export function requestLineOf(target: Target, request: object, span: Span | undefined, context: Context): RequestLine {
  const route = routeOf(request, span, context);
  return { method: methodOf(target.method), route, path: route === undefined ? pathOf(target.path) : undefined };
}

/**
 * `GET /orders/:id`, of the request alone: its path with what looks like an identifier replaced. Known before anybody has
 * routed it, and without anybody. Undefined: there is no path.
 */
export function endpointOf({ method, path }: Target): string | undefined {
  const asked = pathOf(path);
  if (asked === undefined) return undefined;
  const segments = asked.split('/', MAX_SEGMENTS + 1).map(segment => (isIdentifier(segment) ? ':id' : segment));
  return `${methodOf(method) ?? '_OTHER'} ${segments.join('/')}`;
}

const MAX_SEGMENTS = 8;

/** Digits tell, except of a version (`v2`) or at the end of a word (`oauth2`); so does what no router would have as a name. */
function isIdentifier(segment: string): boolean {
  return (
    /[%@=:,;\\]|^[0-9a-f-]{16,}$|^.{33,}$/i.test(segment) || (/\d/.test(segment) && !/^(v\d+|[a-z]+\d)$/i.test(segment))
  );
}

/**
 * Where the instrumentations of express, koa, fastify and others leave the route for `instrumentation-http`, which puts it
 * on its span at the very end. Keys are `Symbol.for(description)`: this is the key of `@opentelemetry/core`.
 */
const RPC_METADATA = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');

function routeOf(request: object, span: Span | undefined, context: Context): string | undefined {
  const said = (span as { attributes?: Record<string, unknown> } | undefined)?.attributes?.['http.route'];
  const noted = (context.getValue(RPC_METADATA) as { route?: unknown } | undefined)?.route;
  for (const route of [said, noted, expressRouteOf(request)]) {
    if (typeof route === 'string' && route !== '') return boundedText(route, MAX_BYTES, 'plain');
  }
  return undefined;
}

/** express puts it on Node's own request. A route of several paths does not tell which of them it was. */
function expressRouteOf(request: object): string | undefined {
  const { route, baseUrl } = request as { route?: { path?: unknown }; baseUrl?: unknown };
  const path = route?.path;
  if (typeof path !== 'string' && !(path instanceof RegExp)) return undefined;
  return `${typeof baseUrl === 'string' ? baseUrl : ''}${path}`;
}

/** RFC 9110 section 9.3, RFC 5789, and the QUERY method: the conventions' list. Last checked 2026-11-22. */
const METHODS: ReadonlySet<unknown> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

function methodOf(method: unknown): string | undefined {
  if (typeof method !== 'string') return undefined;
  return METHODS.has(method) ? method : '_OTHER';
}

function pathOf(target: unknown): string | undefined {
  if (typeof target !== 'string') return undefined;
  const path = target.startsWith('/') ? (target.split(/[?#]/, 1)[0] ?? '') : absolutePathOf(target);
  return path && boundedText(path, MAX_BYTES, 'plain');
}

/** `https://host/path`, as a client of a proxy writes it. */
function absolutePathOf(target: string): string | undefined {
  return URL.canParse(target) ? new URL(target).pathname : undefined;
}

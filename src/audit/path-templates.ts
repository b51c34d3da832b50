import type { Operation } from './operations';

/** Where a request went, as its span says. */
export interface RequestTarget {
  /** Upper case. */
  readonly method: string;
  /** `http.route`: the template as the framework writes it. */
  readonly route?: string | undefined;
  /** Without its query. */
  readonly path?: string | undefined;
  /** `server.address`, lower case. */
  readonly host?: string | undefined;
}

/** Which operation a request belongs to. */
export interface Matcher {
  /** Undefined: none that is described. */
  match(target: RequestTarget): Operation | undefined;
}

/** Longer targets are nobody's operation: what is compared ought to be bounded. */
const LONGEST_TARGET = 4096;
/** A server has few routes, and a stranger as many paths as it likes. */
const MOST_REMEMBERED = 10_000;

/**
 * The operation that route and path both fit; else the path alone, for routes of a mounted router or a catch-all; else the
 * route alone. Among several the one on the host that was asked, then the most concrete (`/orders/mine` before
 * `/orders/{id}`, as OpenAPI has it). A base path may be missing in the request, as behind a gateway that takes it off,
 * but never be another one.
 */
export function createMatcher(operations: readonly Operation[]): Matcher {
  const byLength = new Map<string, Template[]>();
  for (const template of operations.flatMap(templatesOf).sort(inOrder)) {
    const key = `${template.operation.method} ${template.segments.length}`;
    byLength.set(key, [...(byLength.get(key) ?? []), template]);
  }
  const remembered = new Map<string, Operation | undefined>();

  function find({ method, route, path, host }: RequestTarget): Operation | undefined {
    const shape = route === undefined ? undefined : segmentsOf(route).map(routeSegment);
    const segments = path === undefined ? undefined : segmentsOf(path).map(decoded);
    const ofLength = (length: number | undefined) => byLength.get(`${method} ${length}`) ?? [];
    const byRoute = shape ? ofLength(shape.length).filter(({ shape: own }) => own === shape.join('/')) : [];
    const byPath = segments ? ofLength(segments.length).filter(template => fits(template, segments)) : [];
    const byBoth = segments ? byRoute.filter(template => byPath.includes(template)) : byRoute;
    for (const candidates of [byBoth, byPath, byRoute]) {
      const best = candidates.find(template => template.host !== undefined && template.host === host) ?? candidates[0];
      if (best) return best.operation;
    }
    return undefined;
  }

  return {
    match(target) {
      const { method, route, path, host } = target;
      // No path is another one than an empty path.
      const key = `${method}\n${host}\n${route}\n${path}`;
      if (key.length > LONGEST_TARGET) return undefined;
      if (remembered.has(key)) return remembered.get(key);
      // Whoever answers GET answers HEAD, described or not.
      const operation = find(target) ?? (method === 'HEAD' ? find({ ...target, method: 'GET' }) : undefined);
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      remembered.set(key, operation);
      return operation;
    },
  };
}

/** One operation at one of its places. */
interface Template {
  readonly operation: Operation;
  readonly host: string | undefined;
  /** Without the base path that the description has. */
  readonly isStripped: boolean;
  readonly segments: readonly Segment[];
  /** `orders/{}`: what a route must come to. */
  readonly shape: string;
  /** Of each segment: 0 literal, 1 mixed, 2 nothing but a parameter. */
  readonly openness: string;
}

/** The literal pieces around the parameters of a segment: one piece, no parameter; `['', '']`, nothing but a parameter. */
type Segment = readonly string[];

function templatesOf(operation: Operation): Template[] {
  return operation.servers.flatMap(({ host, basePath }) =>
    (basePath === '' ? [false] : [false, true]).map(isStripped => {
      const segments = segmentsOf(isStripped ? operation.path : basePath + operation.path).map(segment =>
        segment.split(/\{[^{}]*\}/).map(decoded),
      );
      return {
        operation,
        host,
        isStripped,
        segments,
        shape: segments.map(pieces => pieces.join('{}')).join('/'),
        openness: segments.map(opennessOf).join(''),
      };
    }),
  );
}

function opennessOf(pieces: Segment): 0 | 1 | 2 {
  if (pieces.length === 1) return 0;
  return pieces.every(piece => piece === '') ? 2 : 1;
}

/** As the description has it before without its base path; then the more concrete. */
function inOrder(one: Template, other: Template): number {
  if (one.isStripped !== other.isStripped) return one.isStripped ? 1 : -1;
  if (one.openness === other.openness) return 0;
  return one.openness < other.openness ? -1 : 1;
}

/** `/orders/` is `/orders`. */
function segmentsOf(path: string): string[] {
  const segments = path.replace(/^\//, '').split('/');
  if (segments.at(-1) === '') segments.pop();
  return segments;
}

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function fits({ segments: template }: Template, segments: readonly string[]): boolean {
  return template.every((pieces, index) => segmentFits(pieces, segments[index]!));
}

/** A parameter is at least one character. Found from the left, each piece once: no text makes this slow. */
function segmentFits(pieces: Segment, segment: string): boolean {
  const first = pieces[0]!;
  if (pieces.length === 1) return first === segment;
  const last = pieces.at(-1)!;
  if (!segment.startsWith(first) || !segment.endsWith(last)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = segment.indexOf(piece, at + 1);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return segment.length - last.length > at;
}

/**
 * A segment of a framework's route in OpenAPI's shape: `:id` and `:id(\\d+)` (Express, Koa, Hono), `{id}` and `{id:int}`
 * (Hapi, ASP.NET, Spring), `<int:id>` (Flask, Rocket), `[id]` (Next.js).
 */
function routeSegment(segment: string): string {
  return decoded(
    segment
      .replace(/\{[^{}]*\}/g, '{}')
      .replace(/<[^<>]*>/g, '{}')
      .replace(/\[[^[\]]*\]/g, '{}')
      .replace(/(^|[^}:\w]):\w+(?:\([^()]*\))?[?+*]?/g, '$1{}'),
  );
}

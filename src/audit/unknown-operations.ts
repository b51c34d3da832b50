import type { Finding } from './audit-result';
import { BoundedMap, BoundedSet } from './bounded-collections';
import { Counts, MOST_SUBJECTS } from './counts';
import type { SeenRequest } from './evidence';
import { type Found, findingsOf } from './found';
import type { RequestTarget } from './path-templates';

/** More than there are, unless somebody makes them up. */
const MOST_SERVICES = 400_000;

/** Requests to operations that nobody has described. */
export class UnknownOperations {
  readonly #found: Found;
  /** Targets, by service. */
  readonly #targets = new BoundedMap<Counts>(MOST_SUBJECTS);
  readonly #servicesOfApi = new BoundedSet(MOST_SERVICES);
  #preflights = 0;

  constructor(found: Found) {
    this.#found = found;
  }

  request({ target, status, service, at, example, suspicion }: SeenRequest): void {
    if (suspicion !== undefined) this.#found.add('forwarded-certificate-spoofed', targetText(target), at, example);
    // What is not there is in nobody's use; browsers ask before they call.
    if (status === 404 || status === 405) return;
    if (target.method === 'OPTIONS') this.#preflights++;
    else this.#targets.getOrMake(service, () => new Counts())?.add(targetText(target), at, example);
  }

  /** Serves an operation that is described: what else it serves ought to be described too. */
  isOfApi(service: string): void {
    this.#servicesOfApi.add(service);
  }

  findings(): readonly Finding[] {
    return [...this.#targets].flatMap(([service, targets]) =>
      this.#servicesOfApi.has(service) ? findingsOf('shadow-operation', targets, 'request') : [],
    );
  }

  /** Requests to services that have nothing to do with this API. */
  get foreign(): number {
    let foreign = 0;
    for (const [service, targets] of this.#targets)
      if (!this.#servicesOfApi.has(service)) for (const [, { count }] of targets) foreign += count;
    return foreign;
  }

  /** Taken for what a browser asks before it calls. */
  get preflights(): number {
    return this.#preflights;
  }

  /** How many requests there was no room for. */
  get leftOut(): number {
    let leftOut = this.#targets.leftOut;
    for (const targets of this.#targets.values()) leftOut += targets.leftOut;
    return leftOut;
  }

  get servicesLeftOut(): number {
    return this.#servicesOfApi.leftOut;
  }
}

/** `POST /internal/{}`: the route, else the path with what looks like an identifier left open. */
export function targetText({ method, route, path }: RequestTarget): string {
  const target = route ?? path?.split('/').map(withoutIdentifier).join('/') ?? 'an unknown path';
  return `${method} ${target}`.slice(0, 200);
}

function withoutIdentifier(segment: string): string {
  return /^(?:\d+|[0-9a-f]{8,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.test(segment) ? '{}' : segment;
}

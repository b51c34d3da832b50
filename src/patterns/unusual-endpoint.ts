import type { CertificateIdentity } from '../certificate/peer-certificate';
import { boundedText } from '../certificate/untrusted-text';
import { BoundedTable } from './bounded-table';
import { digestOf, digestOfFingerprint, digestOfIdentity } from './digest';
import { pattern, type RequestSeen } from './pattern';
import { Tally, tallyBytes } from './tally';

/** An identity that uses more routes is at home everywhere, or its routes are raw paths: it is not judged. */
const MAX_ROUTES = 64;
const MAX_ROUTE_BYTES = 256;

export const unusualEndpoint = pattern({
  brief:
    'An identity uses a route that it never used while it was learnt: a stolen certificate looks around, or a client does what it was not made for.',
  hint: 'Look at the requests of this identity since then, and ask its owner. If the route is not for it, authorization there is too wide.',
  falsePositives:
    'A new version of the client, a monthly job, an administrator. What was learnt is forgotten when the process restarts, and learning begins again: a server that is replaced every day never comes to judge.',
  cost: 'Of each verified identity: a number for each of at most 64 routes, five connections. An identity that uses more is not judged.',
  thresholds: {
    learning: {
      brief: 'seconds since its first request in which the routes of an identity are learnt',
      byDefault: 86_400,
      atMost: 2_592_000,
    },
    requests: { brief: 'requests of the identity that must have been seen besides', byDefault: 100, atMost: 1_000_000 },
    window: { brief: 'said once in so many seconds of each identity', byDefault: 3600, atMost: 86_400 },
  },
  watch({ learning, requests, window }) {
    const windowMs = window * 1000;
    const identities = new BoundedTable<number, Habits>({
      bytes: 704 * 1024,
      bytesPerEntry: tallyBytes(MAX_ROUTES) + 160,
    });
    return {
      tables: [identities],
      request(seen: RequestSeen) {
        const identity = nameOf(seen.identity);
        if (identity === undefined) return undefined;
        const habits = identities.touch(identity, () => new Habits(seen.at));
        const route = digestOf(seen.route);
        const isNew = !habits.routes.includes(route);
        const isJudged =
          seen.at - habits.since >= learning * 1000 && habits.requests >= requests && habits.routes.length < MAX_ROUTES;
        habits.requests++;
        if (isNew && habits.routes.length < MAX_ROUTES) habits.routes.push(route);
        if (!isNew || !isJudged) return undefined;
        habits.tally.note(seen, windowMs);
        if (!habits.tally.mayBeSaid(seen.at, windowMs)) return undefined;
        const said = boundedText(seen.route, MAX_ROUTE_BYTES, 'plain');
        return { ...habits.tally.found, route: said, identity: seen.identity };
      },
    };
  },
});

/** By its certificate alone where that has no name. */
function nameOf(identity: CertificateIdentity): number | undefined {
  const { fingerprint } = identity;
  return digestOfIdentity(identity) ?? (fingerprint ? digestOfFingerprint(fingerprint) : undefined);
}

class Habits {
  readonly since: number;
  readonly routes: number[] = [];
  requests = 0;
  /** Of the routes that were new after learning. */
  readonly tally = new Tally();

  constructor(since: number) {
    this.since = since;
  }
}

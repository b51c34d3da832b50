import type { CertificateIdentity } from '../certificate/peer-certificate';
import { boundedText } from '../certificate/untrusted-text';
import { BoundedTable } from './bounded-table';
import { digestOf, digestOfFingerprint, digestOfIdentity } from './digest';
import { pattern, type RequestSeen } from './pattern';
import { Tally, tallyBytes } from './tally';

/** An identity that uses more endpoints is at home everywhere, or its endpoints are raw paths: it is not judged. */
const MAX_ENDPOINTS = 64;
const MAX_ENDPOINT_BYTES = 256;

export const unusualEndpoint = pattern({
  brief:
    'An identity uses an endpoint that it never used while it was learnt: a stolen certificate looks around, or a client does what it was not made for.',
  hint: 'Look at the requests of this identity since then, and ask its owner. If the endpoint is not for it, authorization there is too wide.',
  falsePositives:
    'A new version of the client, a monthly job, an administrator. An endpoint is a method and a path with what looks like an identifier replaced; where names of things are part of the path, each is an endpoint of its own, and an identity soon has too many to be judged. What was learnt is forgotten when the process restarts, and learning begins again: a server that is replaced every day never comes to judge.',
  cost: 'Of each verified identity: a number for each of at most 64 endpoints, five connections. An identity that uses more is not judged. A request of a verified client costs some microseconds.',
  onlyWhenNamed: true,
  thresholds: {
    learning: {
      brief: 'seconds since its first request in which the endpoints of an identity are learnt',
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
      bytesPerEntry: tallyBytes(MAX_ENDPOINTS) + 160,
    });
    return {
      tables: [identities],
      request(seen: RequestSeen) {
        const identity = nameOf(seen.identity);
        if (identity === undefined) return undefined;
        const habits = identities.touch(identity, () => new Habits(seen.at));
        const endpoint = digestOf(seen.endpoint);
        const isNew = !habits.endpoints.includes(endpoint);
        const isJudged =
          seen.at - habits.since >= learning * 1000 &&
          habits.requests >= requests &&
          habits.endpoints.length < MAX_ENDPOINTS;
        habits.requests++;
        if (isNew && habits.endpoints.length < MAX_ENDPOINTS) habits.endpoints.push(endpoint);
        if (!isNew || !isJudged) return undefined;
        habits.tally.note(seen, windowMs);
        if (!habits.tally.mayBeSaid(seen.at, windowMs)) return undefined;
        const said = boundedText(seen.endpoint, MAX_ENDPOINT_BYTES, 'plain');
        return { ...habits.tally.found, endpoint: said, identity: seen.identity };
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
  readonly endpoints: number[] = [];
  requests = 0;
  /** Of the endpoints that were new after learning. */
  readonly tally = new Tally();

  constructor(since: number) {
    this.since = since;
  }
}

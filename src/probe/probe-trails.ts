import type { ProbeResult, ProbeTrail } from '../audit/audit-result';
import {
  type EvidenceAttributes,
  type EvidenceLog,
  type EvidenceSpan,
  seenHandshake,
  seenRequest,
  serviceOf,
  textOf,
} from '../audit/evidence';
import { PROBE_KINDS, type ProbeKind } from './probe-kinds';
import type { PlannedProbe } from './probe-plan';

/** A probe that was sent, and what was seen of it from here. */
export interface SentProbe {
  readonly planned: PlannedProbe;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly outcome: ProbeResult['outcome'];
  readonly detail: string;
  readonly status?: number | undefined;
  /** The port that it came from. Undefined: it did not come as far as TLS, and nobody can have a trail of it. */
  readonly port: number | undefined;
  /** Of the certificate that it came with. Undefined: it came with none. */
  readonly serialNumber?: string | undefined;
  readonly fingerprint?: string | undefined;
}

/** What the evidence has of one probe. */
export type TrailFound = Pick<ProbeResult, 'trail' | 'recorded'>;

/** Clocks of different machines, and the time until a handshake that nobody ends is over. */
const SLACK_MS = 120_000;
/** What may be the trail of a probe that has no certificate of its own: so much of others' is kept at most. */
const MOST_STRANGERS = 20_000;

/** Finds in the evidence, as it comes and however often it comes, what tells of the probes. */
export class ProbeTrails {
  readonly #traces: ReadonlySet<string>;
  readonly #since: number;
  readonly #certificates = new Set<string>();
  readonly #requests = new Map<string, Sighting[]>();
  /** By span; of log records by what they are of. What was seen once is not counted again when it is read again. */
  readonly #ours = new Map<string, Sighting>();
  readonly #strangers = new Map<string, Sighting>();
  #isOverfull = false;

  /** `since`: milliseconds since the epoch, when the first probe was about to be sent. */
  constructor(planned: readonly PlannedProbe[], since: number) {
    this.#traces = new Set(planned.map(({ traceId }) => traceId));
    this.#since = since - SLACK_MS;
  }

  /** A certificate that is about to be presented: what names it is ours. */
  expect({ serialNumber, fingerprint }: Pick<SentProbe, 'serialNumber' | 'fingerprint'>): void {
    for (const mark of [serialNumber, fingerprint]) if (mark !== undefined) this.#certificates.add(mark.toUpperCase());
  }

  span(span: EvidenceSpan): void {
    if (this.#traces.has(span.traceId)) this.#request(span);
    const handshake = seenHandshake(span);
    if (handshake?.side !== 'server') return;
    this.#keep(span.spanId, {
      ...sightingOf(span.attributes, span, 'handshake'),
      at: span.ended,
      hasFailed: handshake.hasFailed,
    });
  }

  log(log: EvidenceLog): void {
    if (log.eventName !== 'tls.handshake.failed') return;
    // A client's own failure names the server's certificate, and is nobody's trail here.
    if (textOf(log.attributes, 'tls.server.hash.sha256') !== undefined) return;
    const key = log.spanId !== '' ? log.spanId : `${log.traceId} ${log.at} ${String(log.attributes[PORT])}`;
    if (this.#ours.has(key) || this.#strangers.has(key)) return;
    this.#keep(key, { ...sightingOf(log.attributes, log, 'log record'), at: log.at, hasFailed: true });
  }

  /** Whether there is nothing to wait for any more. */
  isComplete(sent: readonly SentProbe[]): boolean {
    return this.find(sent).every(({ trail }) => trail === 'found' || trail === 'not expected');
  }

  /** Of each probe, in their order. */
  find(sent: readonly SentProbe[]): readonly TrailFound[] {
    const used = new Set<Sighting>();
    const found = new Map<SentProbe, ProbeTrail>();
    const settle = (probe: SentProbe, sighting: Sighting | undefined, by: ProbeTrail['by']) => {
      if (sighting === undefined) return;
      used.add(sighting);
      if (!found.has(probe)) found.set(probe, trailOf(sighting, by));
    };
    const connected = sent.filter(({ port }) => port !== undefined);
    for (const probe of connected) settle(probe, this.#requests.get(probe.planned.traceId)?.[0], 'traceparent');

    // A certificate that was made for one probe alone says which it was; with one that was supplied go several.
    const [single, shared] = byCertificate(connected);
    const sources = sourcesOf(single, this.#ours.values());
    for (const probe of single) settle(probe, ...namedBy(probe, this.#ours.values()));
    const own = [...this.#ours.values()].filter(one => !used.has(one)).sort((one, other) => one.at - other.at);
    for (const probe of shared)
      settle(
        probe,
        ...namedBy(
          probe,
          own.filter(one => !used.has(one) && one.port === probe.port),
        ),
      );
    for (const probe of shared) {
      if ([...used].some(one => one.port === probe.port && one.fingerprint === probe.fingerprint)) continue;
      const rest = own.filter(one => !used.has(one) && isNear(one, probe));
      settle(
        probe,
        ...namedBy(
          probe,
          rest.filter(({ port }) => port === undefined || !sources.hasOurPorts),
        ),
      );
    }

    const isOpen = (probe: SentProbe) => !found.has(probe);
    const strangers = [...this.#strangers.values()].filter(one => !isOther(one) && sources.isOurs(one));
    if (sources.hasOurPorts)
      for (const probe of connected.filter(isOpen))
        settle(
          probe,
          strangers.find(one => !used.has(one) && one.port === probe.port && isNear(one, probe)),
          'port',
        );

    return sent.map(probe => {
      const recorded = found.get(probe);
      if (recorded) return { trail: 'found', recorded };
      if (probe.port === undefined) return { trail: 'not expected' };
      // Something was recorded then that does not say enough to tell whether it was this one. With a port it would have
      // been found, unless ports change on their way.
      const mayBe = strangers.some(
        one =>
          !used.has(one) &&
          isNear(one, probe) &&
          (one.port === undefined || !sources.hasOurPorts) &&
          (probe.fingerprint !== undefined || one.fingerprint === undefined) &&
          (probe.outcome !== 'refused' || one.hasFailed),
      );
      return { trail: mayBe ? 'undecided' : 'missing' };
    });
  }

  /** Sentences: what could not be looked at. */
  notes(): readonly string[] {
    return this.#isOverfull
      ? [
          `more than ${MOST_STRANGERS} handshakes came while probing: not all were searched for those without a certificate`,
        ]
      : [];
  }

  #request(span: EvidenceSpan): void {
    const known = this.#requests.get(span.traceId) ?? [];
    if (known.length >= 20 || known.some(({ spanId }) => spanId === span.spanId)) return;
    // The request itself is the best of the spans that one request leaves.
    const sighting = { ...sightingOf(span.attributes, span, 'request'), at: span.ended, hasFailed: false };
    if (seenRequest(span)) known.unshift(sighting);
    else known.push(sighting);
    this.#requests.set(span.traceId, known);
  }

  #keep(key: string, sighting: Sighting): void {
    const { fingerprint, serialNumber } = sighting;
    const isOurs = [fingerprint, serialNumber].some(mark => mark !== undefined && this.#certificates.has(mark));
    if (isOurs) {
      this.#ours.set(key, sighting);
      this.#strangers.delete(key);
      return;
    }
    if (sighting.at < this.#since) return;
    if (this.#strangers.size < MOST_STRANGERS || this.#strangers.has(key)) this.#strangers.set(key, sighting);
    else this.#isOverfull = true;
  }
}

/** A handshake, or a request, as far as it can be told from others by. */
interface Sighting {
  readonly as: ProbeTrail['as'];
  readonly at: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly service: string;
  readonly hasFailed: boolean;
  readonly reason: string | undefined;
  /** Upper case; undefined: none was presented, or it is not told. A pseudonym stays what it is. */
  readonly fingerprint: string | undefined;
  readonly serialNumber: string | undefined;
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** From where the server sees us, as far as our certificates tell. A NAT or a proxy between changes address and port. */
interface Sources {
  /** The server sees the ports that we come from, or nothing speaks against it. */
  readonly hasOurPorts: boolean;
  /** Nothing speaks against its being of ours. */
  readonly isOurs: (sighting: Sighting) => boolean;
}

function sourcesOf(single: readonly SentProbe[], ours: Iterable<Sighting>): Sources {
  const sightings = [...ours];
  const pairs = single.flatMap(probe => {
    const [sighting] = namedBy(probe, sightings);
    return sighting ? [{ probe, sighting }] : [];
  });
  const addresses = new Set(pairs.flatMap(({ sighting: { address } }) => address ?? []));
  return {
    hasOurPorts: pairs.every(({ probe, sighting: { port } }) => port === undefined || port === probe.port),
    // Who reaches a server by IPv4 and IPv6 has an address of each.
    isOurs: ({ address }) => {
      const ofFamily = [...addresses].filter(one => isIpv4(one) === isIpv4(address));
      return ofFamily.length === 0 || address === undefined || ofFamily.includes(address);
    },
  };
}

function isIpv4(address: string | undefined): boolean {
  return address?.includes('.') === true;
}

/** Those whose certificate nobody else has, and those who share one. */
function byCertificate(probes: readonly SentProbe[]): [single: readonly SentProbe[], shared: readonly SentProbe[]] {
  const named = probes.filter(({ fingerprint }) => fingerprint !== undefined);
  const isMade = ({ planned }: SentProbe) => (PROBE_KINDS[planned.kind] as ProbeKind).presents === 'made';
  return [named.filter(isMade), named.filter(probe => !isMade(probe))];
}

/** The first that names the probe's certificate, and by what. */
function namedBy(
  { fingerprint, serialNumber }: SentProbe,
  sightings: Iterable<Sighting>,
): [Sighting | undefined, 'fingerprint' | 'serial number'] {
  const all = [...sightings];
  const byFingerprint = all.find(one => one.fingerprint !== undefined && one.fingerprint === fingerprint);
  if (byFingerprint) return [byFingerprint, 'fingerprint'];
  return [all.find(one => one.serialNumber !== undefined && one.serialNumber === serialNumber), 'serial number'];
}

const PORT = 'network.peer.port';

function sightingOf(
  attributes: EvidenceAttributes,
  { resource, traceId, spanId }: Pick<EvidenceSpan, 'resource' | 'traceId' | 'spanId'>,
  as: Sighting['as'],
): Omit<Sighting, 'at' | 'hasFailed'> {
  const port = attributes[PORT];
  return {
    as,
    traceId,
    spanId,
    service: serviceOf(resource),
    reason: textOf(attributes, 'error.type'),
    fingerprint: textOf(attributes, 'tls.client.hash.sha256')?.toUpperCase(),
    serialNumber: textOf(attributes, 'tls.client.x509.serial_number')?.toUpperCase(),
    address: textOf(attributes, 'network.peer.address'),
    port: typeof port === 'number' ? port : undefined,
  };
}

function isNear({ at }: Sighting, probe: SentProbe): boolean {
  return Math.abs(at - probe.at) <= SLACK_MS;
}

/** It names a certificate, in full, which is none of ours. */
function isOther({ fingerprint }: Sighting): boolean {
  return fingerprint !== undefined && /^[0-9A-F]{64}$/.test(fingerprint);
}

function trailOf({ as, traceId, spanId, service, reason, hasFailed }: Sighting, by: ProbeTrail['by']): ProbeTrail {
  return {
    as,
    by,
    traceId,
    spanId,
    ...(service !== '' && { service }),
    ...(reason !== undefined && { reason }),
    hasFailed,
  };
}

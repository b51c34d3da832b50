import type { ExampleSpan, Finding, Occurrences, ProbeReport, ProbeResult } from '../audit/audit-result';
import { Count } from '../audit/counts';
import { FINDINGS } from '../audit/findings';
import { ofRule } from '../audit/found';
import { PROBE_NAME } from './probe-certificates';
import { PROBE_KINDS, type ProbeKind } from './probe-kinds';
import type { ProbePlan } from './probe-plan';
import type { SentProbe, TrailFound } from './probe-trails';

/** What was sent and what the evidence has of it, for the report. */
export function probeReport(
  address: string,
  plan: ProbePlan,
  sent: readonly SentProbe[],
  trails: readonly TrailFound[],
): ProbeReport {
  return {
    address,
    planned: plan.probes.length,
    sent: sent.length,
    sendings: sent.map((probe, index) => resultOf(probe, trails[index]!)),
  };
}

function resultOf(probe: SentProbe, trail: TrailFound): ProbeResult {
  const { planned, at, outcome, detail, status, serialNumber, fingerprint, port } = probe;
  return {
    certificate: planned.kind,
    operation: planned.target.operation.name,
    path: planned.target.path,
    at: new Date(at).toISOString(),
    outcome,
    detail,
    ...(status !== undefined && { status }),
    ...trail,
    traceId: planned.traceId,
    ...(serialNumber !== undefined && { serialNumber }),
    ...(fingerprint !== undefined && { fingerprint }),
    ...(port !== undefined && { port }),
  };
}

/** Bad certificates that were let in, by operation; and probes of which the evidence has nothing. */
export function probeFindings(
  sent: readonly SentProbe[],
  trails: readonly TrailFound[],
  evidenceName: string,
): readonly Finding[] {
  const findings: Finding[] = [];
  const byOperation = groupedBy(sent, ({ planned }) => planned.target.operation.name);
  for (const [name, probes] of byOperation) {
    const { location } = probes[0]!.planned.target.operation;
    const bad = probes.filter(({ planned }) => !kindOf(planned.kind).isGood);
    const accepted = bad.filter(({ outcome }) => outcome === 'accepted');
    const titles = [...new Set(accepted.map(({ planned }) => kindOf(planned.kind).title))];
    if (accepted.length > 0)
      findings.push({
        ...ofRule('probe-accepted', `${name}\n${titles.toSorted().join('\n')}`),
        operation: name,
        location,
        message: `${accepted.length} of ${bad.length} probes ${FINDINGS['probe-accepted'].seen}: ${titles.join(', ')}`,
        occurrences: occurrencesOf(accepted, bad.length),
      });
  }
  const isMissing = (probe: SentProbe) => trails[sent.indexOf(probe)]?.trail === 'missing';
  const isExpected = (probe: SentProbe) => trails[sent.indexOf(probe)]?.trail !== 'not expected';
  // Who was refused in the handshake had not said yet what he wanted: that is the server's gap and no operation's.
  for (const [kind, probes] of groupedBy(sent.filter(isExpected), ({ planned }) => planned.kind)) {
    const missing = probes.filter(isMissing).filter(({ status }) => status === undefined);
    if (missing.length === 0) continue;
    const subject = `probe with ${article(kindOf(kind).title)}`;
    findings.push({
      ...ofRule('probe-without-trail', subject),
      subject,
      message: `${missing.length} of ${probes.length} ${FINDINGS['probe-without-trail'].seen} in ${evidenceName}`,
      occurrences: occurrencesOf(missing, probes.length),
    });
  }
  for (const [name, probes] of byOperation) {
    const answered = probes.filter(isExpected).filter(({ status }) => status !== undefined);
    const missing = answered.filter(isMissing);
    if (missing.length === 0) continue;
    findings.push({
      ...ofRule('probe-without-trail', name),
      operation: name,
      location: probes[0]!.planned.target.operation.location,
      message: `${missing.length} of ${answered.length} probes that were answered ${FINDINGS['probe-without-trail'].seen} in ${evidenceName}`,
      occurrences: occurrencesOf(missing, answered.length),
    });
  }
  return findings;
}

/** It is about a certificate that was made to be found: that it ends soon is no news. */
export function isAboutProbe({ rule, subject }: Finding): boolean {
  return rule === 'certificate-near-end' && subject?.startsWith(`CN=${PROBE_NAME}: `) === true;
}

/** Sentences: what the probes do not prove, and why. */
export function probeNotes(
  plan: ProbePlan,
  sent: readonly SentProbe[],
  trails: readonly TrailFound[],
): readonly string[] {
  const notes: string[] = [];
  const told = (probes: readonly SentProbe[]) => {
    const [first, ...rest] = probes;
    const what = `${kindOf(first!.planned.kind).title}, ${first!.planned.target.operation.name}: ${first!.detail}`;
    return rest.length === 0 ? what : `${what}; and ${rest.length} more`;
  };
  const of = (isOfThese: (probe: SentProbe, trail: TrailFound) => boolean) =>
    sent.filter((probe, index) => isOfThese(probe, trails[index]!));

  const good = of(({ planned }) => kindOf(planned.kind).isGood === true);
  const turnedAway = good.filter(({ outcome }) => outcome !== 'accepted');
  if (turnedAway.length > 0)
    notes.push(
      `probe: the good certificate was not answered with success everywhere (${told(turnedAway)}): what the others met there may have had other causes than their certificates`,
    );
  const undecided = of(({ planned, outcome }) => outcome === 'undecided' && !kindOf(planned.kind).isGood);
  if (undecided.length > 0)
    notes.push(`probe: neither accepted nor refused, as far as can be told (${told(undecided)})`);
  const unsure = of((_, { trail }) => trail === 'undecided');
  if (unsure.length > 0)
    notes.push(
      `probe: whether there is a trail cannot be told (${told(unsure)}): what was recorded then has neither the certificate nor the port in full`,
    );
  const unrecorded = of(
    ({ outcome, status }, { recorded }) =>
      outcome === 'refused' && status === undefined && recorded?.as === 'handshake' && !recorded.hasFailed,
  );
  if (unrecorded.length > 0)
    notes.push(
      `probe: ended without an answer, and its trail knows of no failure (${told(unrecorded)}): who refused it, if anybody did, is not recorded`,
    );
  const handshakeOnly = of(({ status }, { recorded }) => status !== undefined && recorded?.as === 'handshake');
  if (handshakeOnly.length > 0)
    notes.push(
      `probe: answered, and only the handshake is in the evidence (${told(handshakeOnly)}): the request is not recorded, or not under the traceparent that it carried`,
    );
  if (sent.length < plan.probes.length)
    notes.push(`probe: ${plan.probes.length - sent.length} of ${plan.probes.length} requests were not sent any more`);
  if (plan.leftOut.length > 0)
    notes.push(
      `probe: ${plan.leftOut.length} of ${plan.leftOut.length + plan.targets.length} operations were not asked for: more requests than are sent at most`,
    );
  return notes;
}

function kindOf(name: keyof typeof PROBE_KINDS): ProbeKind {
  return PROBE_KINDS[name];
}

function article(title: string): string {
  return title.startsWith('no ') ? title : `${/^[aeiou]/.test(title) ? 'an' : 'a'} ${title}`;
}

/** Of what was sent: what to look for, and not to be found there. */
function occurrencesOf(probes: readonly SentProbe[], of: number): Occurrences {
  const count = new Count();
  for (const probe of probes) count.add(probe.at, exampleOf(probe));
  count.asked = of;
  return count.occurrences;
}

function exampleOf({ planned, detail, status, serialNumber, fingerprint, port }: SentProbe): ExampleSpan {
  const { target, traceId, spanId, kind } = planned;
  return {
    traceId,
    spanId,
    name: `probe with ${article(kindOf(kind).title)}: ${target.operation.name}`.slice(0, 200),
    attributes: {
      'http.request.method': target.method,
      'url.path': target.path.slice(0, 200),
      ...(status !== undefined && { 'http.response.status_code': status }),
      ...(port !== undefined && { 'network.peer.port': port }),
      ...(serialNumber !== undefined && { 'tls.client.x509.serial_number': serialNumber }),
      ...(fingerprint !== undefined && { 'tls.client.hash.sha256': fingerprint }),
      outcome: detail.slice(0, 200),
    },
  };
}

function groupedBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

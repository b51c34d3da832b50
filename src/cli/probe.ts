import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Finding, ProbeReport } from '../audit/audit-result';
import type { DescriptionDocument, Operation } from '../audit/operations';
import { encodedName } from '../certificate/encoded-name';
import {
  type Authorities,
  ProbeCertificates,
  type ProbeCredentials,
  SERIAL_PREFIX,
  UnusableKey,
} from '../probe/probe-certificates';
import { probeFindings, probeNotes, probeReport } from '../probe/probe-findings';
import { PROBE_KINDS, type ProbeKind, type ProbeKindName } from '../probe/probe-kinds';
import { outcomeOf } from '../probe/probe-outcome';
import { type PlannedProbe, type ProbePlan, planProbes, traceparentOf } from '../probe/probe-plan';
import { probeTargets } from '../probe/probe-targets';
import { ProbeTrails, type SentProbe, type TrailFound } from '../probe/probe-trails';
import { PACKAGE_VERSION } from '../version';
import type { EvidenceSink } from './evidence-files';
import { acceptedNames, type Visit, visit } from './probe-client';
import { hostOf, type ProbeOptions } from './probe-options';
import { printable } from './terminal-text';
import { UsageError } from './usage-error';

/** A probe of one server: planned, agreed to, sent, and looked for in the evidence. */
export class Probe {
  readonly #options: ProbeOptions;
  readonly #leftOut: ProbePlan['leftOut'];
  readonly #notes: string[] = [];
  /** Whether the server has to be asked for the name that is forged. */
  readonly #asksForName: boolean;
  #plan: ProbePlan;
  #trails: ProbeTrails;
  #sent: readonly SentProbe[] = [];
  #isInterrupted = false;

  private constructor(options: ProbeOptions, plan: ProbePlan, asksForName: boolean) {
    this.#options = options;
    this.#plan = plan;
    this.#leftOut = plan.leftOut;
    this.#asksForName = asksForName;
    this.#trails = new ProbeTrails(plan.probes, Date.now());
  }

  /** Nothing is sent yet. Throws `UsageError` where there is nothing to ask for. */
  static plan(options: ProbeOptions, operations: readonly Operation[], document: DescriptionDocument): Probe {
    const { methods, url, basePath, limit, good, revoked, issuer } = options;
    const targets = probeTargets(operations, document, { methods, host: hostOf(url).toLowerCase(), basePath });
    if (targets.length === 0)
      throw new UsageError(
        `--probe '${options.address}': no operation of ${methods.join(', ')} demands a certificate; expected one in the description, or another method with --probe-method`,
      );
    const kinds = (Object.keys(PROBE_KINDS) as ProbeKindName[]).filter(kind => {
      if (kind === 'good') return good !== undefined;
      return kind !== 'revoked' || revoked !== undefined;
    });
    const asksForName = issuer === undefined && good === undefined && limit > 1;
    const plan = planProbes(targets, kinds, asksForName ? limit - 1 : limit, bytes =>
      randomBytes(bytes).toString('hex'),
    );
    return new Probe(options, plan, asksForName);
  }

  /**
   * Says what will be sent, and asks. `absent`: files of evidence that are not there yet. Throws `UsageError` unless
   * somebody agrees.
   */
  async agree(absent: readonly string[]): Promise<void> {
    const { stdin, stderr } = process;
    const { address, isAgreed } = this.#options;
    const count = numbered(this.#plan.probes.length, 'request');
    const canAsk = stdin.isTTY === true && stderr.isTTY === true;
    if (!isAgreed && !canAsk)
      throw new UsageError(
        `--probe '${address}': ${count} would be sent, and there is no terminal to ask on whether they may; expected --yes`,
      );
    const waitedFor = absent.map(file => `${printable(file)} is not there yet: it is waited for.`);
    stderr.write(`${[...this.#lines(), ...waitedFor].join('\n')}\n`);
    if (isAgreed) return;
    if (!(await isConfirmed('Send them? [y/N] ')))
      throw new UsageError(`--probe '${address}': nothing was sent, as nobody agreed; expected y`);
  }

  /**
   * Sends what is planned, one after the other and not faster than agreed. Throws `UsageError` when the server cannot be
   * reached, or is not to be believed. Ends early when `signal` says so.
   */
  async send(signal: AbortSignal, onProgress: (line: string) => void): Promise<void> {
    const { rate, address } = this.#options;
    const certificates = await this.#certificates(signal);
    const { probes } = this.#plan;
    this.#trails = new ProbeTrails(probes, Date.now());
    const visits: { readonly probe: PlannedProbe; readonly seen: Visit; readonly shown?: ProbeCredentials }[] = [];
    for (const [index, probe] of probes.entries()) {
      if (index > 0) await sleep(1000 / rate, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      onProgress(`probing ${address}: ${index + 1} of ${probes.length}`);
      const shown = await this.#credentials(probe, certificates);
      if (shown) this.#trails.expect(shown);
      const headers = { traceparent: traceparentOf(probe), 'user-agent': `otel-tls-probe/${PACKAGE_VERSION}` };
      const { method, path } = probe.target;
      const seen = await visit(
        this.#options,
        { method, path, headers, certificate: shown?.certificate, key: shown?.key },
        signal,
      );
      // Of one that was broken off nothing is known.
      if (signal.aborted && seen.status === undefined) break;
      if (index === 0) this.#demandServer(seen);
      visits.push({ probe, seen, ...(shown && { shown }) });
    }
    this.#isInterrupted = signal.aborted;
    const distrusted = visits.find(({ seen }) => seen.distrust !== undefined && seen.reached === 'tls');
    if (distrusted)
      this.#notes.push(
        `probe: the server's certificate does not verify (${distrusted.seen.distrust}), and was gone on with (--probe-insecure)`,
      );
    this.#sent = visits.map(({ probe, seen, shown }) => ({
      planned: probe,
      at: seen.at,
      ...outcomeOf(
        seen,
        visits.find(({ probe: other }) => other.kind === 'good' && other.target === probe.target)?.seen.status,
      ),
      status: seen.status,
      port: seen.port,
      serialNumber: shown?.serialNumber,
      fingerprint: shown?.fingerprint,
    }));
  }

  /** Waits until there is a trail of each, or until the deadline. `look` looks anew at what has come. */
  async awaitTrails(look: () => Promise<void>, signal: AbortSignal, onProgress: (line: string) => void): Promise<void> {
    const deadline = Date.now() + this.#options.waitMs;
    for (;;) {
      await look();
      const left = deadline - Date.now();
      if (signal.aborted || left <= 0 || this.#trails.isComplete(this.#sent)) break;
      onProgress(`waiting for trails: ${Math.ceil(left / 1000)} s`);
      await sleep(Math.min(left, LOOK_EVERY_MS), undefined, { signal }).catch(() => undefined);
    }
    this.#isInterrupted ||= signal.aborted;
  }

  /** Where the evidence goes besides the audit itself; as often as it is read. */
  get sink(): EvidenceSink {
    return {
      span: span => this.#trails.span(span),
      log: log => this.#trails.log(log),
      point: () => {},
      note: () => {},
      gap: () => {},
    };
  }

  /** What came of it; asked for when all the evidence has been read. */
  conclude(evidence: readonly string[]): {
    readonly report: ProbeReport;
    readonly findings: readonly Finding[];
    readonly notes: readonly string[];
  } {
    const { address, waitMs } = this.#options;
    const found = this.#trails.find(this.#sent);
    const trails = found.map(one => this.#unlessInterrupted(one));
    const plan = { ...this.#plan, leftOut: this.#leftOut };
    const sources = evidence.length > 1 ? `${evidence.length} files` : evidence.join();
    return {
      report: probeReport(address, plan, this.#sent, trails),
      findings: probeFindings(this.#sent, trails, `${sources.slice(0, 100)} within ${waitMs / 1000} s`),
      notes: [...this.#notes, ...probeNotes(plan, this.#sent, found), ...this.#trails.notes()],
    };
  }

  /** What has not come yet may come: only who waited to the end may say that it did not. */
  #unlessInterrupted(found: TrailFound): TrailFound {
    return this.#isInterrupted && found.trail === 'missing' ? { trail: 'undecided' } : found;
  }

  /** Before anything else is sent: the server is there, and is who it ought to be. */
  #demandServer({ reached, code, distrust, speaksNoTls, hasTimedOut }: Visit): void {
    const { address, isInsecure } = this.#options;
    const fault = (what: string) =>
      new UsageError(`--probe '${address}': ${what}; a server that speaks TLS was expected there`);
    if (reached === 'nothing') throw fault(`not reachable (${hasTimedOut ? 'no answer in time' : code})`);
    if (speaksNoTls) throw fault('what answers there speaks no TLS');
    if (reached === 'server' && hasTimedOut) throw fault('the handshake came to no end in time');
    if (distrust !== undefined && !isInsecure)
      throw new UsageError(
        `--probe '${address}': the server's certificate does not verify (${distrust}); expected its authority with --probe-ca FILE, or --probe-insecure to go on all the same`,
      );
  }

  async #certificates(signal: AbortSignal): Promise<ProbeCertificates> {
    const authorities = await this.#authorities(signal);
    if (authorities.accepted === undefined)
      this.#notes.push(
        `probe: issued by an authority that nobody knows, as no --probe-issuer was given, so that a server has two reasons to refuse it: ${titlesOf(this.#plan, ({ made }) => made?.issuer === 'accepted')}`,
      );
    if (authorities.acceptedName === undefined) {
      const isForged = ({ kind }: PlannedProbe) => (PROBE_KINDS[kind] as ProbeKind).made?.issuer === 'forged';
      this.#plan = { ...this.#plan, probes: this.#plan.probes.filter(probe => !isForged(probe)) };
      this.#notes.push(
        'probe: no issuer was forged, as the server names no authority that it accepts; --probe-certificate or --probe-ca would tell one',
      );
    }
    return ProbeCertificates.open(authorities).catch(fault => {
      if (!(fault instanceof UnusableKey)) throw fault;
      throw new UsageError(
        `--probe-issuer-key: a key of the kind ${fault.message} cannot sign here; expected RSA, P-256, P-384, P-521 or Ed25519`,
      );
    });
  }

  /** Whose name is forged: that of who issues for the server, as far as that is known; else whom it says it accepts. */
  async #authorities(signal: AbortSignal): Promise<Authorities> {
    const { issuer, good, ca } = this.#options;
    const accepted = issuer;
    if (issuer !== undefined)
      return {
        accepted,
        acceptedName: ProbeCertificates.nameIn(issuer.certificate, 'subject'),
        acceptedChain: issuer.chain,
      };
    if (good !== undefined)
      return {
        accepted,
        acceptedName: ProbeCertificates.nameIn(good.der[0]!, 'issuer'),
        acceptedChain: good.chain,
      };
    const [named] = this.#asksForName ? await acceptedNames(this.#options, signal) : [];
    const readable = named !== undefined && encodedName(named) ? named : undefined;
    const [first] = ca ?? [];
    return {
      accepted,
      acceptedName: readable ?? (first === undefined ? undefined : ProbeCertificates.nameIn(derOf(first), 'subject')),
      acceptedChain: '',
    };
  }

  async #credentials({ kind }: PlannedProbe, certificates: ProbeCertificates): Promise<ProbeCredentials | undefined> {
    if (kind === 'good') return this.#options.good;
    if (kind === 'revoked') return this.#options.revoked;
    return certificates.make(kind);
  }

  /** Where it matters who issues it. */
  #issuerOf(kind: ProbeKindName): string {
    if ((PROBE_KINDS[kind] as ProbeKind).made?.issuer !== 'accepted') return '';
    return this.#options.issuer
      ? ', issued by --probe-issuer'
      : ', and of an unknown authority too (no --probe-issuer)';
  }

  /** What will be sent, for whoever is to agree. */
  #lines(): string[] {
    const { address, rate, ca, isInsecure, waitMs } = this.#options;
    const { probes, targets, leftOut } = this.#plan;
    const kinds = [...new Set(probes.map(({ kind }) => kind))];
    const lines = [
      `otel-tls audit will send ${numbered(probes.length, 'request')} to ${address}, ${rate} a second, each on a connection of its own.`,
      '',
      'Asked for:',
      ...targets.map(({ method, path }) => `  ${method} ${printable(path, 100)}`),
      ...(leftOut.length > 0 ? [`  (${leftOut.length} more are left out, as so many requests are not sent)`] : []),
      '',
      'Each of these with:',
      ...kinds.map(kind => `  ${PROBE_KINDS[kind].title}: ${PROBE_KINDS[kind].brief}${this.#issuerOf(kind)}`),
      '',
      ...(this.#asksForName
        ? ['Before them one handshake in TLS 1.2 that is broken off, to learn which authorities the server accepts.']
        : []),
      `Serial numbers of certificates made for it begin with ${SERIAL_PREFIX}. The server's own certificate is verified with ${ca ? '--probe-ca' : 'what Node trusts'}${isInsecure ? ', and whatever comes of that is gone on with' : ''}.`,
      `To who watches the server they look like an attack, and may ring an alarm. Their trail is awaited for ${waitMs / 1000} s.`,
      '',
    ];
    return lines;
  }
}

const LOOK_EVERY_MS = 500;

function titlesOf({ probes }: ProbePlan, isOfThese: (kind: ProbeKind) => boolean): string {
  const kinds = [...new Set(probes.map(({ kind }) => PROBE_KINDS[kind] as ProbeKind))];
  return kinds
    .filter(isOfThese)
    .map(({ title }) => title)
    .join(', ');
}

function derOf(pem: string): Uint8Array {
  return Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64');
}

function numbered(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Whoever closes the terminal, or interrupts, has not agreed. */
function isConfirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  return new Promise(resolve => {
    lines.once('close', () => resolve(false));
    lines.question(question, answer => {
      resolve(/^y(es)?$/i.test(answer.trim()));
      lines.close();
    });
  });
}

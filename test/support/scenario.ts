import assert from 'node:assert/strict';
import type * as net from 'node:net';
import type * as tls from 'node:tls';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import type {
  DecidedBy,
  Handshake,
  Outcome,
  Phase,
  Refusal,
  Transport,
  Verification,
  VerificationResult,
} from '../../src/handshake/handshake';
import { TlsSocketHook } from '../../src/hooks/tls-socket-hook';
import { Reporter } from '../../src/reporter';
import type { Program } from './external-peer';
import { HandshakeRecorder } from './handshake-recorder';
import { type Presented, type ScenarioCertificates, scenarioCertificates } from './scenario-certificates';
import { needsProgram } from './summary';
import { close, type End, greeter, listen, visit } from './tls-pair';

/** Something that happens between two real peers, and what must be reported of it: no more and no less. */
export interface Scenario {
  /** What happens, as the end of a sentence: `an expired client certificate is refused`. */
  readonly name: string;
  /** Which versions it is played in, each a test of its own. Default both; `any` where it never comes to a version. */
  readonly tls?: TlsVersion | 'any';
  /** Which Node majors it goes like this on. Default all. */
  readonly on?: ((major: number) => boolean) | undefined;
  readonly needs?: Program;
  /** Plays it to the end: resolves when nobody of the stage has anything more to do. */
  readonly play: (stage: Stage) => Promise<unknown>;
  /** What is reported of our server's sockets, in the order of the handshakes' ends. Absent: nothing. */
  readonly server?: Expected | Expected[] | ((stage: Stage) => Expected | Expected[]);
  /** The same for our client's. */
  readonly client?: Expected | Expected[] | ((stage: Stage) => Expected | Expected[]);
}

export type TlsVersion = '1.2' | '1.3';

/** A handshake in short. Every field is compared: one that is undefined must not be there. */
export interface Expected {
  outcome: 'established' | 'failed' | 'abandoned';
  reason?: FailureReason;
  decidedBy?: DecidedBy;
  phase?: Phase;
  /** IANA name of the received alert. */
  alert?: string;
  /** `client.expired`: the very certificate of that name in scenario-certificates.ts, by its fingerprint. */
  certificate?: string;
  verification: Pick<Verification, 'result' | 'enforced' | 'errors'>;
  /** Default: the scenario's, when established; otherwise not compared. */
  protocol?: string;
  /** `undefined` where nobody can know it. */
  resumed?: boolean | undefined;
  /** Compared where it is given. */
  serverName?: string;
  /** Compared where it is given. */
  alpn?: string;
  /** How many certificates of the presented chain the report has. Compared where it is given. */
  chainLength?: number;
  transport?: Transport;
  /** The peer's address. Default loopback; `null` where nobody can know it. */
  address?: string | null;
  refusal?: Pick<Expected, 'reason' | 'decidedBy' | 'phase' | 'alert'> & { derived?: boolean };
}

/** Where a scenario is played: the certificates, the version, and everything that must be cleared away. */
export class Stage {
  readonly certificates: ScenarioCertificates;
  readonly tls: TlsVersion | 'any';
  observing = true;
  readonly #servers: net.Server[] = [];
  /** What an earlier, failed scenario may have left behind. */
  readonly #before = openConnections();

  constructor(certificates: ScenarioCertificates, version: TlsVersion | 'any') {
    this.certificates = certificates;
    this.tls = version;
  }

  /** Options that pin the version. */
  get version(): { minVersion?: tls.SecureVersion; maxVersion?: tls.SecureVersion } {
    return this.tls === 'any' ? {} : { minVersion: `TLSv${this.tls}`, maxVersion: `TLSv${this.tls}` };
  }

  /** A server's own certificate, and the root it trusts. */
  server(presented: Presented = 'good'): tls.TlsOptions {
    const { key, chain } = this.certificates.server[presented];
    return { key, cert: chain, ca: this.certificates.root.certificate };
  }

  /** The same, and it wants a certificate of its clients. */
  mutual(presented: Presented = 'good'): tls.TlsOptions {
    return { ...this.server(presented), requestCert: true };
  }

  /** A client that trusts the root, with a certificate of its own or without. */
  client(presented?: Presented): tls.ConnectionOptions {
    const trust = { ca: this.certificates.root.certificate, servername: 'localhost', ...this.version };
    if (presented === undefined) return trust;
    const { key, chain } = this.certificates.client[presented];
    return { ...trust, key, cert: chain };
  }

  /** Listens on a free port until the scenario is over. */
  async listen(server: net.Server): Promise<number> {
    const port = await listen(server);
    this.#servers.push(server);
    return port;
  }

  /** A greeter and one visitor. */
  async meet(server: tls.TlsOptions, client: tls.ConnectionOptions): Promise<End> {
    const port = await this.listen(greeter(server));
    return visit({ port, ...client });
  }

  /** Does something on the side that nobody watches: the TLS sockets made meanwhile are none of the scenario's. */
  async unobserved<Result>(work: () => Promise<Result>): Promise<Result> {
    this.observing = false;
    try {
      return await work();
    } finally {
      this.observing = true;
    }
  }

  /** Resolves when all is over: no server listens, no connection of this process stands. */
  async clear(): Promise<void> {
    await Promise.all(this.#servers.map(close));
    await until(() => openConnections() <= this.#before);
  }
}

/** The tests of one table. */
export function playAll(title: string, scenarios: readonly Scenario[]): void {
  describe(title, () => {
    const recorder = new HandshakeRecorder();
    let stage: Stage | undefined;
    const reporter = new Reporter([recorder], () => stage?.observing === true);
    const hook = new TlsSocketHook(reporter);
    let certificates: ScenarioCertificates;

    before(async () => {
      certificates = await scenarioCertificates();
      hook.enable();
    });
    after(() => hook.disable());

    for (const scenario of scenarios.filter(({ on }) => on?.(NODE_MAJOR) ?? true)) {
      for (const version of versionsOf(scenario)) {
        it(version === 'any' ? scenario.name : `TLS ${version}: ${scenario.name}`, async function () {
          if (scenario.needs) needsProgram(this, scenario.needs);
          recorder.clear();
          stage = new Stage(certificates, version);
          try {
            await scenario.play(stage);
          } finally {
            await stage.clear();
            reporter.drain();
          }
          const { server, client } = describeAll(recorder, stage);
          const expected = { server: allExpected(scenario.server, stage), client: allExpected(scenario.client, stage) };
          assert.deepEqual(
            { server: comparable(server, expected.server), client: comparable(client, expected.client) },
            expected,
          );
        });
      }
    }
  });
}

export const established = (more: Partial<Expected> = {}): Expected => ({
  outcome: 'established',
  verification: more.certificate === undefined ? NOT_REQUESTED : TRUSTED,
  ...more,
});

export const failed = (
  reason: FailureReason,
  decidedBy: DecidedBy,
  phase: Phase,
  more: Partial<Expected> = {},
): Expected => ({ outcome: 'failed', reason, decidedBy, phase, verification: UNVERIFIED, ...more });

export const abandoned = (phase: Phase, decidedBy: DecidedBy, more: Partial<Expected> = {}): Expected => ({
  outcome: 'abandoned',
  decidedBy,
  phase,
  verification: UNVERIFIED,
  ...more,
});

/**
 * What our client learns of a Node server that refuses its certificate: Node sends no alert. In TLS 1.2 the connection is
 * gone before it was secure, in TLS 1.3 right after.
 */
export function refusedWithoutAWord({ tls: version }: Stage): Expected {
  if (version === '1.2') return failed('connection_closed', 'peer', 'certificate', { certificate: 'server.good' });
  return established({
    certificate: 'server.good',
    refusal: { reason: 'peer_closed_after_handshake', decidedBy: 'peer', phase: 'post_handshake', derived: true },
  });
}

export const TRUSTED = verification('ok', true);
export const NOT_REQUESTED = verification('not_requested', undefined);
/** The handshake ended before anybody looked, or without a certificate to look at. */
export const UNVERIFIED = verification('unverified', true);
export const NOT_PRESENTED = verification('not_presented', true);

/** Something is wrong with the certificate, and it ends the connection. */
export const distrusted = (...errors: FailureReason[]) => verification('failed', true, errors);
/** Something is wrong with the certificate, and nobody acts on it. */
export const tolerated = (...errors: FailureReason[]) => verification('failed', false, errors);

export function verification(
  result: VerificationResult,
  enforced: boolean | undefined,
  errors: readonly FailureReason[] = [],
) {
  return { result, enforced, errors };
}

export const NODE_MAJOR = Number(process.versions.node.split('.')[0]);

/** Node 22 came with OpenSSL 3.5, where Node 20 has 3.0. */
export const from22 = (major: number) => major >= 22;
export const before22 = (major: number) => major < 22;

/** Node 24 raised OpenSSL's default security level from 1 to 2. */
export const from24 = (major: number) => major >= 24;
export const before24 = (major: number) => major < 24;

/** Resolves when the condition holds; fails after ten seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `never came true: ${condition}`);
    await new Promise(resolve => setTimeout(resolve, 1));
  }
}

function versionsOf({ tls: version }: Scenario): ReadonlyArray<TlsVersion | 'any'> {
  return version === undefined ? ['1.2', '1.3'] : [version];
}

/** TCP connections of this process, both ends. Idle connections that keep no process alive are not among them. */
function openConnections(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap' || name === 'TLSWrap').length;
}

function allExpected(expected: Scenario['server'], stage: Stage) {
  const value = typeof expected === 'function' ? expected(stage) : expected;
  return [value ?? []].flat().map(one => ({ ...DEFAULTS, ...one, protocol: one.protocol ?? protocolOf(one, stage) }));
}

const DEFAULTS = {
  reason: undefined,
  decidedBy: undefined,
  phase: undefined,
  alert: undefined,
  certificate: undefined,
  resumed: false,
  transport: 'tcp' as Transport,
  address: '127.0.0.1',
  refusal: undefined,
};

/** Without what is compared only where it is given. */
function comparable(described: Array<Record<string, unknown>>, expected: readonly Expected[]) {
  return described.map((one, index) => {
    const { serverName, alpn, chainLength, ...always } = one;
    const wanted = expected[index] ?? {};
    return {
      ...always,
      ...('serverName' in wanted ? { serverName } : {}),
      ...('alpn' in wanted ? { alpn } : {}),
      ...('chainLength' in wanted ? { chainLength } : {}),
    };
  });
}

function protocolOf(expected: Expected, stage: Stage): string | undefined {
  return expected.outcome === 'established' && stage.tls !== 'any' ? stage.tls : undefined;
}

function describeAll({ handshakes, refusals }: HandshakeRecorder, stage: Stage) {
  const described = handshakes.map(handshake => {
    const refusal = refusals.filter(one => one.handshake === handshake);
    assert.ok(refusal.length <= 1, 'a handshake was refused twice');
    return { side: handshake.side, ...describeOne(handshake, refusal[0], stage) };
  });
  const strangers = refusals.filter(({ handshake }) => !handshakes.includes(handshake));
  assert.deepEqual(strangers, [], 'a refusal of a handshake that was never reported');
  const of = (wanted: string) => described.filter(({ side }) => side === wanted).map(({ side, ...rest }) => rest);
  return { server: of('server'), client: of('client') };
}

function describeOne(handshake: Handshake, refusal: Refusal | undefined, { certificates, tls: version }: Stage) {
  const { outcome, verification: verified, peerCertificate, protocol } = handshake;
  const compareProtocol = outcome.kind === 'established' && version !== 'any';
  return {
    outcome: outcome.kind,
    reason: outcome.kind === 'failed' ? outcome.failure.reason : undefined,
    ...whoAndWhere(outcome),
    alert: outcome.kind === 'failed' ? outcome.failure.alert?.description : undefined,
    certificate: peerCertificate && certificates.nameOf(peerCertificate.fingerprint),
    verification: { result: verified.result, enforced: verified.enforced, errors: verified.errors },
    protocol: compareProtocol ? protocol?.version : undefined,
    resumed: handshake.resumed,
    serverName: handshake.serverName,
    alpn: handshake.alpn,
    chainLength: handshake.peerChain.length,
    transport: handshake.transport,
    address: handshake.peer.address ?? null,
    refusal: refusal && describeRefusal(refusal),
  };
}

function whoAndWhere(outcome: Outcome) {
  if (outcome.kind === 'established') return { decidedBy: undefined, phase: undefined };
  const { decidedBy, phase } = outcome.kind === 'failed' ? outcome.failure : outcome;
  return { decidedBy, phase };
}

function describeRefusal({ failure }: Refusal) {
  const { reason, decidedBy, phase, alert, derived } = failure;
  return {
    reason,
    decidedBy,
    phase,
    ...(alert ? { alert: alert.description } : {}),
    ...(derived === undefined ? {} : { derived }),
  };
}

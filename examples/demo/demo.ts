import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { detectionLines, type SeenDetection, seenDetection } from '../../src/cli/detection-lines';
import { startOtlpReceiver } from '../../src/cli/otlp-receiver';
import { type SeenHandshake, seenHandshake } from '../../src/cli/seen-handshake';
import { paintFor, printable, widthOf } from '../../src/cli/terminal-text';
import { createTimeline, Tally } from '../../src/cli/timeline';
import { ATTACK, ATTACK_PATTERNS, CALLERS, type Caller, type Server } from './callers';
import { type Certificates, makeCertificates } from './certificates';
import { type Forwarding, forwardingFrom } from './forwarding';

const REPOSITORY = join(__dirname, '../../..');
const REGISTER = join(REPOSITORY, 'build/src/register.js');
const SERVER = join(REPOSITORY, 'examples/demo/server.js');

/** How long the slowest machine may take for one step before something is wrong. */
const PATIENCE_MS = 15_000;
/** After the last call. What has not come by then comes when the server is stopped: it sends what it still has. */
const LAST_SPANS_MS = 3000;

const { stdout } = process;
const paint = paintFor(stdout, process.env);
const say = (line = '') => void stdout.write(`${line}\n`);

async function demo(): Promise<number> {
  const forwarding = readForwarding();
  say(
    paint(
      'strong',
      'An ordinary HTTPS server that demands client certificates (examples/demo/server.js), started with',
    ),
  );
  say();
  say(paint('advice', '  OTEL_INSTRUMENTATION_TLS_ABANDONED_SPANS=true \\'));
  say(paint('advice', '    node --require opentelemetry-instrumentation-tls/register server.js'));
  say();
  say(`One good client and ${CALLERS.length - 1} bad ones call it. This is what is reported:`);
  say();

  const seen = new Map<number, SeenHandshake>();
  const detections = new Map<string, SeenDetection>();
  let arrived = () => {};
  const receiver = await startOtlpReceiver(
    {
      spans(spans) {
        for (const span of spans) {
          const handshake = seenHandshake(span);
          if (handshake?.peer.port !== undefined) seen.set(handshake.peer.port, handshake);
        }
        arrived();
      },
      logs(logs) {
        for (const detection of logs.map(seenDetection)) if (detection) detections.set(detection.pattern, detection);
        arrived();
      },
      request: request => forwarding?.pass(request),
    },
    { port: 0 },
  );

  const calls = new Map<number, Caller>();
  const attack = new Map<number, Caller>();
  const isComplete = () =>
    attack.size === ATTACK.length &&
    [...calls.keys(), ...attack.keys()].every(port => seen.has(port)) &&
    ATTACK_PATTERNS.every(pattern => detections.has(pattern));
  const complete = new Promise<void>(resolve => {
    arrived = () => isComplete() && resolve();
  });
  let printed = '';
  try {
    const certificates = await makeCertificates();
    const server = await startServer(certificates, receiver.url);
    try {
      for (const caller of CALLERS) calls.set(await callOf(caller, { port: server.port, certificates }), caller);
      for (const caller of ATTACK) attack.set(await callOf(caller, { port: server.port, certificates }), caller);
      arrived();
      await within(LAST_SPANS_MS, complete).catch(() => {});
    } finally {
      await server.stop();
    }
    printed = server.printed();
  } finally {
    await receiver.close();
  }

  const look = { paint, width: widthOf(stdout) };
  const handshakes = [...seen].filter(([port]) => calls.has(port)).map(([, handshake]) => handshake);
  for (const line of createTimeline(look).lines(handshakes)) say(line);
  say();

  const missing = [...calls, ...attack].flatMap(([port, caller]) => complaintAbout(caller, seen.get(port)));
  for (const pattern of ATTACK_PATTERNS) if (!detections.has(pattern)) missing.push(`${pattern} was not reported`);
  if (missing.length > 0) {
    process.stderr.write(`The demo failed:\n${missing.map(line => `  ${line}\n`).join('')}${printed}`);
    return 1;
  }

  const tally = new Tally();
  for (const handshake of handshakes) tally.add(handshake);
  say(tally.summary(paint)[0]);
  say();
  say(
    'All of them came from one address. It calls three times more, twice with the revoked certificate, then with a good',
  );
  say('one. What only shows when handshakes are seen together is reported too:');
  say();
  for (const pattern of ATTACK_PATTERNS) for (const line of detectionLines(detections.get(pattern)!, look)) say(line);
  say();
  const lines = printed.split('\n').filter(Boolean).length;
  say(`What the server itself printed about those it did not let in: ${lines === 0 ? 'nothing' : `${lines} lines`}.`);
  if (forwarding) await tellOf(forwarding);
  say();
  whereToGoNext(forwarding);
  return 0;
}

function readForwarding(): Forwarding | undefined {
  try {
    return forwardingFrom(process.env);
  } catch (error) {
    say(paint('bad', `! ${printable((error as Error).message)}`));
    return undefined;
  }
}

async function tellOf(forwarding: Forwarding): Promise<void> {
  const { arrived, sentence } = await forwarding.outcome();
  say(paint(arrived ? 'good' : 'bad', printable(sentence, 400)));
}

function whereToGoNext(forwarding: Forwarding | undefined): void {
  const steps = [
    ['No collector yet', 'npx otel-tls watch'],
    ['Your application', 'node --require opentelemetry-instrumentation-tls/register app.js'],
    ...(forwarding
      ? []
      : [['This demo in your collector', 'OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npm run demo']]),
    ['A collector and Jaeger to try', 'docker compose -f collector-config/compose.yaml up'],
  ] as const;
  say(paint('strong', 'Where to go next'));
  for (const [what, command] of steps) say(`  ${what.padEnd(30)}${paint('advice', command!)}`);
}

interface RunningServer {
  readonly port: number;
  /** Everything it printed after it said where it listens, both streams. */
  printed(): string;
  /** As an operator stops it. Resolves when its process has ended. */
  stop(): Promise<void>;
}

/** In its own process, preloaded, with its telemetry going to us. */
async function startServer(certificates: Certificates, telemetry: string): Promise<RunningServer> {
  const folder = await mkdtemp(join(tmpdir(), 'otel-tls-demo-'));
  await Promise.all(
    Object.entries({
      'server-key.pem': certificates.server.key,
      'server.pem': certificates.server.cert,
      'authority.pem': certificates.authority,
      'revoked.pem': certificates.revocations,
    }).map(([file, text]) => writeFile(join(folder, file), text, { mode: 0o600 })),
  );
  const child = spawn(process.execPath, ['--require', REGISTER, SERVER, folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentFor(telemetry),
  });
  const ended = once(child, 'exit');
  const killed = () => void child.kill('SIGKILL');
  process.once('exit', killed);
  let printed = '';
  const listening = /listening on port (\d+)\n/;
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  try {
    await within(
      PATIENCE_MS,
      until(child, () => listening.test(printed)),
    );
  } catch {
    throw new Error(`the server did not start:\n${printed}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    port: Number(listening.exec(printed)![1]),
    printed: () => printed.replace(listening, ''),
    async stop() {
      child.kill('SIGTERM');
      await within(PATIENCE_MS, ended).catch(killed);
      process.off('exit', killed);
    },
  };
}

/** Ours, but for what would send the server's telemetry elsewhere. What names it in a collector may stay. */
function environmentFor(telemetry: string): NodeJS.ProcessEnv {
  const kept = ['OTEL_RESOURCE_ATTRIBUTES', 'OTEL_SERVICE_NAME'];
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_') || kept.includes(name));
  return {
    OTEL_SERVICE_NAME: 'otel-tls-demo',
    ...Object.fromEntries(inherited),
    OTEL_EXPORTER_OTLP_ENDPOINT: telemetry,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    // An operator is content to wait five seconds for a batch; whoever watches a demo is not.
    OTEL_BSP_SCHEDULE_DELAY: '100',
    OTEL_BLRP_SCHEDULE_DELAY: '100',
    // So that the port scan is seen: by default, connections that say nothing are only counted.
    OTEL_INSTRUMENTATION_TLS_ABANDONED_SPANS: 'true',
  };
}

async function callOf(caller: Caller, server: Server): Promise<number> {
  try {
    return await within(PATIENCE_MS, caller.call(server));
  } catch (error) {
    throw new Error(`${caller.who}: ${(error as Error).message}`);
  }
}

function complaintAbout(caller: Caller, handshake: SeenHandshake | undefined): string[] {
  if (!handshake) return [`${caller.who}: expected ${caller.expected}, but its handshake was not reported`];
  const told = handshake.reason ?? handshake.outcome;
  return told === caller.expected ? [] : [`${caller.who}: expected ${caller.expected}, reported as ${printable(told)}`];
}

/** Resolves when `isDone` holds after some output; rejects when the process ends first. */
function until(child: ChildProcess, isDone: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => isDone() && resolve();
    child.stdout!.on('data', look);
    child.once('exit', () => reject(new Error('ended')));
    child.once('error', reject);
  });
}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

demo().then(
  exitCode => {
    process.exitCode = exitCode;
  },
  error => {
    process.stderr.write(`The demo failed: ${(error as Error).message}\n`);
    process.exitCode = 1;
  },
);

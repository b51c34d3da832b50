import { BlockList, isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { FAILURE_REASONS } from '../handshake/failure-reasons';
import { detectionLines, seenDetection } from './detection-lines';
import { type OtlpReceiver, startOtlpReceiver } from './otlp-receiver';
import { jsonOf, type SeenHandshake, seenHandshake, seenHandshakeOfLog } from './seen-handshake';
import { seenSuppression, suppressionLines } from './suppression-lines';
import { type Paint, paintFor, printable, printableJson, widthOf } from './terminal-text';
import { createTimeline, Tally } from './timeline';
import { UsageError } from './usage-error';

const HELP = `otel-tls watch: receive OTLP here and show the TLS handshakes as they come

  --port N        listen on this port (default 4318; 0 takes a free one)
  --host A        listen on this address (default 127.0.0.1)
  --reason R      only handshakes that failed for this reason (error.type); may be repeated
  --peer A        only handshakes with this peer: an address, address:port, a network (10.0.0.0/8)
                  or a server's name; may be repeated
  --subject S     only handshakes whose peer certificate has this in its subject, SPIFFE id or
                  alternative names, in upper or lower case; may be repeated
  --failed        only handshakes that failed or were refused afterwards
  --json          one JSON object a handshake, nothing else on stdout
  --help

Run the application with
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 \\
    node --require opentelemetry-instrumentation-tls/register app.js

A JSON object has: time, durationMs, side (client, server), outcome (established, failed, abandoned),
reason, origin (local, peer, network), derived, phase, peer {address, port}, local {address, port}, serverName,
protocol, cipher, curve, alpn, resumed, verification {result, enforced, errors, code, message},
certificate {subject, issuer, fingerprint, serialNumber, notBefore, notAfter, alternativeNames, spiffeId,
publicKeyAlgorithm, publicKeySize, publicKeyCurve, signatureAlgorithm, extendedKeyUsage, selfSigned},
alert {code, description, direction}, errorCode, hint, service, traceId, spanId; and refusalOf, when the
peer was refused after the handshake had succeeded: its span id. What is not known is left out.

Patterns of abuse (tls.abuse.detected) are shown as they are found, and how many failures a flood left unsaid
(tls.telemetry.suppressed), but not with --json, and not where --reason, --peer or --subject chooses handshakes.

Ends on Ctrl-C with a summary.
`;

/** `otel-tls watch`. Resolves with the exit code when it was told to end (SIGINT, SIGTERM). */
export async function watch(parameters: readonly string[]): Promise<number> {
  const options = optionsFrom(parameters);
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const { stdout } = process;
  // In a pipe of JSON objects, everything else is in the way.
  const aside = options.json ? process.stderr : stdout;
  const paint = paintFor(stdout, process.env);
  const say = (line: string) => void aside.write(`${line}\n`);
  const note = paintFor(aside, process.env);

  const look = { paint, width: widthOf(stdout) };
  const timeline = createTimeline(look);
  const tally = new Tally();
  const services = new Set<string>();
  const problems = new Set<string>();

  const show = (handshakes: readonly (SeenHandshake | undefined)[]) => {
    const wanted = handshakes.filter(handshake => handshake !== undefined).filter(options.wants);
    for (const handshake of wanted) tally.add(handshake);
    const lines = options.json ? wanted.map(jsonOf).map(one => printableJson(one)) : timeline.lines(wanted);
    if (lines.length > 0) stdout.write(`${lines.join('\n')}\n`);
  };

  const receiver = await listen(options, {
    spans: spans => show(spans.map(seenHandshake)),
    logs(logs) {
      show(logs.map(seenHandshakeOfLog));
      const detections = options.showsDetections ? logs.map(seenDetection) : [];
      for (const detection of detections)
        if (detection) stdout.write(`${detectionLines(detection, look).join('\n')}\n`);
      const suppressions = options.showsDetections ? logs.map(seenSuppression) : [];
      for (const suppression of suppressions)
        if (suppression) stdout.write(`${suppressionLines(suppression, look).join('\n')}\n`);
    },
    resource(attributes) {
      const name = attributes['service.name'];
      if (typeof name !== 'string' || services.has(name) || services.size >= MOST_SERVICES) return;
      services.add(name);
      say(note('quiet', `${printable(name, 80)} is sending`));
    },
    problem(sentence) {
      // A sender repeats its mistake with every batch; the reader needs it once.
      if (problems.has(sentence) || problems.size >= MOST_PROBLEMS) return;
      problems.add(sentence);
      say(note('bad', `! ${printable(sentence, 300)}`));
    },
  });

  // Before anything is said: who reads that we listen may end us.
  const end = told(['SIGINT', 'SIGTERM']);
  say(greeting(receiver, note, widthOf(aside)).join('\n'));
  await end;
  await receiver.close();
  say('');
  for (const line of tally.summary(note)) say(line);
  return 0;
}

const MOST_SERVICES = 1000;
const MOST_PROBLEMS = 100;

interface Options {
  readonly host: string;
  readonly port: number;
  readonly json: boolean;
  /** They are not handshakes: they neither fit what handshakes were chosen by, nor their JSON. */
  readonly showsDetections: boolean;
  wants(handshake: SeenHandshake): boolean;
}

function optionsFrom(parameters: readonly string[]): Options | 'help' {
  const { values } = parsed(parameters);
  if (values.help) return 'help';
  const reasons = new Set((values.reason ?? []).map(reasonFrom));
  const peers = (values.peer ?? []).map(peerFrom);
  const subjects = (values.subject ?? []).map(subjectFrom);
  const failedOnly = values.failed ?? false;
  return {
    host: hostFrom(values.host ?? '127.0.0.1'),
    port: portFrom(values.port ?? '4318'),
    json: values.json ?? false,
    showsDetections: !values.json && reasons.size + peers.length + subjects.length === 0,
    wants: handshake =>
      (!failedOnly || handshake.outcome === 'failed') &&
      (reasons.size === 0 || (handshake.reason !== undefined && reasons.has(handshake.reason))) &&
      (peers.length === 0 || peers.some(matches => matches(handshake))) &&
      (subjects.length === 0 || subjects.some(matches => matches(handshake))),
  };
}

function parsed(parameters: readonly string[]) {
  try {
    return parseArgs({
      args: [...parameters],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        reason: { type: 'string', multiple: true },
        peer: { type: 'string', multiple: true },
        subject: { type: 'string', multiple: true },
        failed: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    // Node names the option and, for a value, what was expected.
    throw new UsageError(`${(error as Error).message}; see otel-tls watch --help`);
  }
}

function portFrom(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  if (!(port <= 65535)) throw new UsageError(`--port '${value}': expected a number from 0 to 65535`);
  return port;
}

function hostFrom(value: string): string {
  if (isIP(value) === 0 && !HOST_NAME.test(value))
    throw new UsageError(`--host '${value}': expected an address or name of this machine, such as 127.0.0.1`);
  return value;
}

const HOST_NAME = /^[a-z0-9_]([a-z0-9_.-]{0,252})$/i;

function reasonFrom(value: string): string {
  if (Object.hasOwn(FAILURE_REASONS, value)) return value;
  const near = nearest(value, Object.keys(FAILURE_REASONS));
  const help =
    near.length > 0
      ? `did you mean ${near.join(' or ')}?`
      : `expected one of ${Object.keys(FAILURE_REASONS).join(', ')}`;
  throw new UsageError(`--reason '${value}': no such reason; ${help}`);
}

function subjectFrom(value: string): (handshake: SeenHandshake) => boolean {
  if (value === '') throw new UsageError("--subject '': expected a part of a name, such as CN=billing");
  const wanted = value.toLowerCase();
  return ({ certificate }) =>
    [certificate?.subject, certificate?.spiffeId, ...(certificate?.alternativeNames ?? [])].some(name =>
      name?.toLowerCase().includes(wanted),
    );
}

/** `10.0.0.1`, `10.0.0.1:443`, `[::1]:443`, `10.0.0.0/8`, `fd00::/8`, `api.example.com`, `api.example.com:443`. */
function peerFrom(value: string): (handshake: SeenHandshake) => boolean {
  const [, bracketed, bare, portText] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(value) ?? [];
  const host = bracketed ?? bare ?? value;
  const port = portText === undefined ? undefined : Number(portText);
  const [network = '', prefix, ...rest] = host.split('/');
  const family = isIP(network);
  const prefixFits = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
  const isNetwork = family !== 0 && prefixFits && rest.length === 0;
  const isName = prefix === undefined && bracketed === undefined && !host.includes(':') && HOST_NAME.test(host);
  if (!(isNetwork || isName) || (port !== undefined && port > 65535))
    throw new UsageError(
      `--peer '${value}': expected an address, address:port, a network such as 10.0.0.0/8, or a server's name`,
    );
  const addresses = new BlockList();
  if (isNetwork) {
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (prefix === undefined) addresses.addAddress(network, type);
    else addresses.addSubnet(network, Number(prefix), type);
  }
  return ({ peer, serverName, side }) => {
    if (port !== undefined && peer.port !== port) return false;
    if (!isNetwork) return side === 'client' && serverName?.toLowerCase() === host.toLowerCase();
    // An IPv4 peer of a dual-stack server has an IPv6 name.
    const address = peer.address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? '';
    // A BlockList takes every IPv4 address for an IPv6 one as well.
    return isIP(address) === family && addresses.check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
}

/** The names that are nearly this one, hold it, or have a word that is nearly this one: at most three, the nearest first. */
function nearest(value: string, names: readonly string[]): string[] {
  const wanted = value
    .toLowerCase()
    .replace(/[\s-]+/g, '_')
    .slice(0, 60);
  return names
    .map(name => {
      const words = [name, ...name.split('_')].map(word => editDistance(wanted, word) + (word === name ? 0 : 1));
      return { name, distance: wanted.length > 2 && name.includes(wanted) ? 1 : Math.min(...words) };
    })
    .filter(({ distance }) => distance <= 1 + wanted.length / 4)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein: how many letters must be changed, added or taken away. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries())
      next.push(Math.min(row[j]! + (letter === other ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    row = next;
  }
  return row[to.length]!;
}

async function listen(options: Options, listener: Parameters<typeof startOtlpReceiver>[0]): Promise<OtlpReceiver> {
  const { host, port } = options;
  try {
    return await startOtlpReceiver(listener, { host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code !== undefined && Object.hasOwn(LISTEN_FAILURES, code) ? LISTEN_FAILURES[code] : undefined;
    if (why === undefined) throw error;
    throw new UsageError(why(host, port), 1);
  }
}

const LISTEN_FAILURES: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `port ${port} of ${host} is in use, perhaps by a collector; choose another with --port ${port === 65535 ? 0 : port + 1}, or a free one with --port 0`,
  EACCES: (_, port) => `port ${port} needs more rights than this process has; choose another with --port 4318`,
  EADDRNOTAVAIL: host => `--host '${host}': this machine has no such address; 127.0.0.1 is always there`,
  ENOTFOUND: host => `--host '${host}': no such name; 127.0.0.1 is always there`,
  EAI_AGAIN: host => `--host '${host}': the name cannot be resolved now; 127.0.0.1 is always there`,
};

function greeting(receiver: OtlpReceiver, paint: Paint, width: number): string[] {
  const endpoint = receiver.url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
  const variable = `OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint}`;
  const program = 'node --require opentelemetry-instrumentation-tls/register app.js';
  const command = `  ${variable} ${program}`;
  return [
    `Waiting for TLS handshakes on ${paint('strong', receiver.url)} (OTLP over http). Run the application with`,
    '',
    ...(command.length <= width ? [command] : [`  ${variable} \\`, `    ${program}`]).map(line =>
      paint('advice', line),
    ),
    '',
    ...(/^(127\.|::1$)/.test(receiver.host)
      ? []
      : [paint('bad', '! Whoever reaches this address can send here: nothing is asked of them.'), '']),
  ];
}

/** Resolves on the first of these signals; the second one ends the process as it would without us. */
function told(signals: readonly NodeJS.Signals[]): Promise<void> {
  return new Promise(resolve => {
    const heard = () => {
      for (const signal of signals) process.off(signal, heard);
      resolve();
    };
    for (const signal of signals) process.on(signal, heard);
  });
}

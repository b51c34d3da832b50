/**
 * A program: all patterns are told of fifty thousand attackers (or as many as are asked for), each another, then of so
 * many that every table is full of entries of the largest size. They have names as long as any that is let through, and
 * half of them an IPv6 network, whose name is longer than an IPv4 address. Prints as JSON what that took. Run with
 * --expose-gc.
 */
import { MAX_NAME_BYTES } from '../../src/certificate/distinguished-name';
import { MAX_SPIFFE_ID_BYTES } from '../../src/certificate/subject-alternative-names';
import { Patterns } from '../../src/patterns/patterns';
import { peerOf } from '../../src/patterns/peer-network';
import { addressOf, certificate, early, from, letIn, refused, sighting } from './scene';

const ATTACKERS = Number(process.argv[2] ?? 50_000);
/** More than any table holds. */
const CROWD = 1000;

let at = 0;
let detections = 0;
let ids = 0;
const idBytes = Buffer.alloc(8);
/** As a tracer makes them: each another, in memory of its own. */
const connectionId = () => {
  idBytes.writeDoubleBE(++ids);
  return idBytes.toString('hex');
};

/** Made anew for each, as it is out of a certificate: what is kept of it would be seen. */
const subjectOf = (name: string) => Buffer.from(`CN=${name},O=`.padEnd(MAX_NAME_BYTES, 'x')).toString();
const spiffeIdOf = (name: string) => Buffer.from(`spiffe://acme/${name}/`.padEnd(MAX_SPIFFE_ID_BYTES, 'x')).toString();
const endpointOf = (name: string) => Buffer.from(`GET /${name}/`.padEnd(1024, 'x')).toString();
/** As the sink asks for it. */
const networkOf = (index: number) => {
  const [high, low] = [index >> 12, index & 0xfff].map(group => (0x1000 | group).toString(16));
  return index % 2 ? peerOf(`2001:db8:${high}:${low}:aaaa:bbbb:cccc:dddd`)! : peerOf(`::ffff:${addressOf(index)}`)!;
};

const heap = () => {
  // The second takes what the first had only found to be nobody's.
  for (let time = 0; time < 2; time++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

function oneAttack(patterns: Patterns, index: number): void {
  at += 0.3;
  const name = {
    subject: subjectOf(`attacker ${index}`),
    spiffeId: index & 8 ? spiffeIdOf(`attacker/${index}`) : undefined,
  };
  const presented = certificate(index, name);
  const kinds = [
    () => refused('unknown_ca', presented),
    () => refused('certificate_revoked', presented),
    () => early('not_tls'),
    () => letIn(presented),
  ];
  const handshake = from(networkOf(index), kinds[(index >> 1) % kinds.length]!());
  detections += patterns.handshake(sighting(handshake, { at, connectionId: connectionId() })).length;
  if (index & 3) return;
  const request = {
    at,
    time: at,
    identity: presented,
    endpoint: endpointOf(String(index)),
    connectionId: connectionId(),
  };
  detections += patterns.request(request).length;
}

function wholeAttack(patterns: Patterns, index: number): void {
  const tell = (address: string, handshake: ReturnType<typeof letIn>) => {
    detections += patterns.handshake(sighting(from(address, handshake), { at, connectionId: connectionId() })).length;
  };
  const address = networkOf(0x7f0000 + index);
  const name = { subject: subjectOf(`member ${index}`), spiffeId: spiffeIdOf(`member/${index}`) };
  for (let turn = 0; turn < 64; turn++) {
    const number = 10_000_000 + index * 100 + turn;
    const other = { subject: subjectOf(`member ${index}, ${turn}`), spiffeId: undefined };
    // Many certificates and names of one address, good, bad and revoked; then one certificate of many addresses.
    tell(address, letIn(certificate(number, turn % 2 ? name : other)));
    tell(address, refused('unknown_ca', certificate(number, other)));
    tell(address, early(turn % 2 ? 'not_tls' : 'protocol_version'));
    for (const handshake of [letIn, (own = certificate(index)) => refused('certificate_revoked', own)]) {
      tell(networkOf(number), handshake(certificate(index, name)));
    }
    const identity = certificate(index, name);
    const request = { at, time: at, identity, endpoint: endpointOf(`${index}/${turn}`), connectionId: connectionId() };
    detections += patterns.request(request).length;
  }
}

// What the engine itself needs to run all this once is not ours to count.
const rehearsal = new Patterns({ unusual_endpoint: true });
for (let index = 0; index < 10_000; index++) oneAttack(rehearsal, index);
for (let index = 0; index < 20; index++) wholeAttack(rehearsal, index);

const before = heap();
const patterns = new Patterns({ unusual_endpoint: true });
const started = process.hrtime.bigint();
for (let index = 0; index < ATTACKERS; index++) oneAttack(patterns, index);
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
const afterAttackers = heap() - before;
for (let index = 0; index < CROWD; index++) wholeAttack(patterns, index);
const whenFull = heap() - before;
const evictions = Object.fromEntries(patterns.evictions());
console.log(
  JSON.stringify({
    afterAttackers,
    whenFull,
    seconds,
    size: patterns.size,
    evictions,
    detections,
    kept: rehearsal.size,
  }),
);

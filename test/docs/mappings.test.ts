import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COUNTERPARTS, counterpartOf } from './counterparts';
import { WATCHED_ATTRIBUTES, withFreshMappings } from './watching-tables';

const CHECKOUT = join(__dirname, '../../..');
const document = readFileSync(join(CHECKOUT, 'docs/mappings.md'), 'utf8');
/** Names and numbers that the two schemas have, read out of their sources: of those parts that we may have a use for. */
const { ecs: ECS, ocsf: OCSF }: Schemas = JSON.parse(
  readFileSync(join(CHECKOUT, 'test/fixtures/event-schemas.json'), 'utf8'),
);

interface Schemas {
  readonly ecs: {
    readonly version: string;
    readonly fields: readonly string[];
    /** What `event.outcome` may be. */
    readonly outcomes: readonly string[];
    /** What `event.type` may be, by `event.category`. */
    readonly types: Readonly<Record<string, readonly string[]>>;
  };
  readonly ocsf: {
    readonly version: string;
    /** By object its attributes, each with the object that stands there; empty for a value. */
    readonly objects: Readonly<Record<string, Readonly<Record<string, string>>>>;
    /** What the numbers of an attribute mean. */
    readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
}

/** Numbers that the notes or the document name, with what they are to mean. */
const NUMBERS: readonly (readonly [attribute: string, number: number, meaning: string, where: string])[] = [
  ['fingerprint.algorithm_id', 1, 'MD5', 'tls.client.ja3'],
  ['fingerprint.algorithm_id', 3, 'SHA-256', 'tls.client.hash.sha256'],
  ['ja4_fingerprint.type_id', 1, 'JA4', 'tls.client.ja4'],
  ['tls_extension.type_id', 10, 'supported_groups', 'tls.client.supported_groups'],
  ['tls_extension.type_id', 43, 'supported_versions', 'tls.client.supported_versions'],
];

describe('the mapping to ECS and OCSF', () => {
  it('has a row for every attribute, and none for what is no attribute', () => {
    assert.ok(WATCHED_ATTRIBUTES.length > 60);
    assert.deepEqual(
      WATCHED_ATTRIBUTES.filter(name => counterpartOf(name) === undefined),
      [],
    );
    assert.deepEqual(
      Object.keys(COUNTERPARTS).filter(name => !WATCHED_ATTRIBUTES.includes(name)),
      [],
    );
  });

  it('names only fields that the schemas have', () => {
    for (const name of WATCHED_ATTRIBUTES) {
      const { ecs, ocsf } = counterpartOf(name)!;
      for (const field of ecs) assert.ok(ECS.fields.includes(field), `${name}: ECS has no ${field}`);
      for (const path of ocsf) assert.ok(isInOcsf(path), `${name}: OCSF has no ${path}`);
    }
  });

  it('would be found out naming a field that they do not have', () => {
    for (const path of ['tls.nothing', 'tls.certificate', 'tls.cipher.name', 'nothing'])
      assert.ok(!isInOcsf(path), path);
    // Deprecated.
    for (const path of ['tls.extension_list.data', 'tls.sans.name']) assert.ok(!isInOcsf(path), path);
    assert.ok(!ECS.fields.includes('tls.server.supported_ciphers'));
  });

  for (const [attribute, number, meaning, where] of NUMBERS) {
    it(`says by number what OCSF means: ${where} is ${meaning}`, () => {
      assert.equal(OCSF.values[attribute]?.[number], meaning);
      assert.match(counterpartOf(where)?.note ?? '', new RegExp(`with \`${attribute.split('.')[1]}\` ${number}$`));
    });
  }

  it('knows the meaning of every number that it names', () => {
    const named = WATCHED_ATTRIBUTES.flatMap(name =>
      [...(counterpartOf(name)?.note ?? '').matchAll(/with `(\w+_id)` (\d+)/g)].map(match => [name, match[2]]),
    );
    const ours = named.filter(([name]) => !name!.startsWith('tls.server.'));
    assert.deepEqual(ours.sort(), NUMBERS.map(([, number, , where]) => [where, `${number}`]).sort());
  });

  it('has an outcome for every outcome, as both name it', () => {
    const note = counterpartOf('tls.handshake.outcome')?.note ?? '';
    const rows = [...note.matchAll(/`(\w+)`: `(\w+)`, (\d)/g)].map(match => match.slice(1));
    assert.deepEqual(
      rows.map(([outcome]) => outcome),
      ['established', 'failed', 'abandoned'],
    );
    for (const [, outcome] of rows) assert.ok(ECS.outcomes.includes(outcome!), outcome);
    assert.deepEqual(
      rows.map(([, , status]) => OCSF.values['event.status_id']?.[status!]),
      ['Success', 'Failure', 'Unknown'],
    );
  });

  it('is introduced with versions, classes and fields that there are', () => {
    const introduction = document.slice(0, document.indexOf('<!--')).replaceAll('\n', ' ');
    assert.ok(
      introduction.includes(`/ecs) ${ECS.version} `) && introduction.includes(`schema.ocsf.io/${OCSF.version})`),
    );
    assert.match(introduction, /`activity_id` 1 \(Open\) or 4 \(Fail\)/);
    const { 1: open, 4: fail } = OCSF.values['network_activity.activity_id'] ?? {};
    assert.deepEqual([open, fail], ['Open', 'Fail']);
    const classes = [...introduction.matchAll(/(\w+ Activity) \((\d+)\)/g)].map(([, name, id]) => [id, name]);
    assert.deepEqual(Object.fromEntries(classes), OCSF.values['class_uid']);
    assert.match(introduction, /`event.category: network`, `event.type: connection`, and `denied`/);
    for (const type of ['connection', 'denied']) assert.ok(ECS.types['network']?.includes(type), type);
    for (const path of ['trace.uid', 'trace.span.uid', 'tls.handshake_dur']) {
      assert.ok(introduction.includes(`\`${path}\``), path);
      assert.ok(isInOcsf(path), path);
    }
    for (const field of ['trace.id', 'span.id', 'event.category', 'event.type']) assert.ok(ECS.fields.includes(field));
  });

  it('keeps the name of an attribute where ECS has it for itself', () => {
    const taken = WATCHED_ATTRIBUTES.filter(name => ECS.fields.includes(name));
    assert.ok(taken.length > 20);
    for (const name of taken) assert.ok(counterpartOf(name)!.ecs.includes(name), name);
  });

  it('tells a server’s certificate from a client’s', () => {
    assert.deepEqual(counterpartOf('tls.server.hash.sha256')?.ecs, ['tls.server.hash.sha256']);
    for (const name of WATCHED_ATTRIBUTES.filter(each => each.startsWith('tls.server.')))
      assert.ok(!counterpartOf(name)!.ecs.some(field => field.startsWith('tls.client.')), name);
  });

  it('is written down as the rows say: else run `npm run docs`', () => {
    assert.ok(withFreshMappings(document) === document, 'docs/mappings.md is stale');
    assert.notEqual(withFreshMappings(document.replace('`tls.sni`', '`sni`')), document.replace('`tls.sni`', '`sni`'));
  });
});

/** A path ends at a value: an object by itself is no place for one. */
function isInOcsf(path: string): boolean {
  let object: string | undefined = 'event';
  for (const name of path.split('.')) object = object ? OCSF.objects[object]?.[name] : undefined;
  return object === '';
}

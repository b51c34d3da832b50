import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COUNTERPARTS, counterpartOf } from './counterparts';
import { WATCHED_ATTRIBUTES, withFreshMappings } from './watching-tables';

const CHECKOUT = join(__dirname, '../../..');
const document = readFileSync(join(CHECKOUT, 'docs/mappings.md'), 'utf8');
/** Names that the two schemas have, copied from them: of OCSF by object, each with the object that stands there. */
const SCHEMAS: { ecs: string[]; ocsf: Record<string, Record<string, string>> } = JSON.parse(
  readFileSync(join(CHECKOUT, 'test/fixtures/event-schemas.json'), 'utf8'),
);

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
      for (const field of ecs) assert.ok(SCHEMAS.ecs.includes(field), `${name}: ECS has no ${field}`);
      for (const path of ocsf) assert.ok(isInOcsf(path), `${name}: OCSF has no ${path}`);
    }
  });

  it('would be found out naming a field that they do not have', () => {
    for (const path of ['tls.nothing', 'tls.certificate', 'tls.cipher.name', 'nothing'])
      assert.ok(!isInOcsf(path), path);
  });

  it('keeps the name of an attribute where ECS has it for itself', () => {
    const taken = WATCHED_ATTRIBUTES.filter(name => SCHEMAS.ecs.includes(name));
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
  for (const name of path.split('.')) object = object ? SCHEMAS.ocsf[object]?.[name] : undefined;
  return object === '';
}

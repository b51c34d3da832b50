import assert from 'node:assert/strict';
import * as stable from '@opentelemetry/semantic-conventions';
import * as incubating from '@opentelemetry/semantic-conventions/incubating';
import { ATTRIBUTES, type AttributeRow, CLIENT_HELLO_ATTRIBUTES, CONNECTION_ID } from '../../src/telemetry/attributes';
import { DETECTION_ATTRIBUTES } from '../../src/telemetry/detection-attributes';
import { EVENTS, PROCESS_EVENTS, DECISION_EVENTS, REQUEST_EVENTS } from '../../src/telemetry/events';
import { INSTRUMENTS } from '../../src/telemetry/metrics';
import { REQUEST_ATTRIBUTES } from '../../src/telemetry/request-attributes';
import { ANSWER_ATTRIBUTES } from '../../src/telemetry/decision-events';

const rows = Object.entries<Pick<AttributeRow, 'ours' | 'stability'>>({
  ...ANSWER_ATTRIBUTES,
  ...REQUEST_ATTRIBUTES,
  ...DETECTION_ATTRIBUTES,
  ...ATTRIBUTES,
});
const known = namesOf(incubating, 'ATTR_');
const settled = namesOf(stable, 'ATTR_');

describe('the names of attributes', () => {
  it('are the semantic conventions’ own where a row says so', () => {
    assert.ok(known.size > 100);
    const invented = rows.filter(([name, row]) => !row.ours && !known.has(name));
    assert.deepEqual(invented, []);
  });

  it('are called ours only where the conventions have none', () => {
    const taken = [...rows.filter(([, row]) => row.ours).map(([name]) => name), CONNECTION_ID];
    assert.deepEqual(
      taken.filter(name => known.has(name)),
      [],
    );
  });

  it('are called stable where the conventions call them stable, and nowhere else', () => {
    const wrong = rows.filter(([name, row]) => (row.stability === 'stable') !== settled.has(name));
    assert.deepEqual(
      wrong.map(([name]) => name),
      [],
    );
  });

  it('are the same for a client’s certificate and a server’s', () => {
    for (const [name, row] of Object.entries(ATTRIBUTES)) {
      if (!name.startsWith('tls.client.') || Object.hasOwn(CLIENT_HELLO_ATTRIBUTES, name)) continue;
      const twin = ATTRIBUTES[name.replace('tls.client.', 'tls.server.') as keyof typeof ATTRIBUTES];
      assert.deepEqual({ ...twin, read: undefined }, { ...row, read: undefined }, name);
    }
  });
});

describe('the names of events and metrics', () => {
  it('take none of the semantic conventions’ for another meaning', () => {
    const taken = new Set([...namesOf(incubating, 'EVENT_'), ...namesOf(incubating, 'METRIC_')]);
    assert.ok(taken.size > 100);
    const events = [EVENTS, DECISION_EVENTS, REQUEST_EVENTS, PROCESS_EVENTS].flatMap(table => Object.keys(table));
    const ours = [...events, ...Object.keys(INSTRUMENTS)];
    assert.deepEqual(
      ours.filter(name => taken.has(name)),
      [],
    );
  });

  it('are dimensioned by attributes that exist', () => {
    for (const [name, { attributes }] of Object.entries(INSTRUMENTS)) {
      // Of what was left unsaid or forgotten, and of which certificate a series is, no handshake knows anything.
      const all = attributes.filter(attribute => !/^tls\.(suppressed|certificate|telemetry)\./.test(attribute));
      for (const attribute of all)
        assert.ok(Object.hasOwn({ ...ATTRIBUTES, ...DETECTION_ATTRIBUTES }, attribute), `${name}: ${attribute}`);
    }
  });
});

/** The values of a module's constants with this prefix. */
function namesOf(module: object, prefix: string): Set<unknown> {
  return new Set(
    Object.entries(module)
      .filter(([name]) => name.startsWith(prefix))
      .map(([, value]) => value),
  );
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { dashboardQueries, type Dashboard } from './dashboard-queries';
import { wrongNames } from './prometheus-names';

const CHECKOUT = join(__dirname, '../../..');
const dashboard: Dashboard = JSON.parse(readFileSync(join(CHECKOUT, 'collector-config/dashboards/tls.json'), 'utf8'));

const DATASOURCE = {
  type: 'object',
  required: ['type', 'uid'],
  properties: { type: { const: 'prometheus' }, uid: { const: '$' + '{datasource}' } },
};

const GRID = {
  type: 'object',
  required: ['h', 'w', 'x', 'y'],
  additionalProperties: false,
  properties: {
    h: { type: 'integer', minimum: 1 },
    w: { type: 'integer', minimum: 1, maximum: 24 },
    x: { type: 'integer', minimum: 0, maximum: 23 },
    y: { type: 'integer', minimum: 0 },
  },
};

/** What Grafana needs of a dashboard that is imported, of what ours uses. */
const SCHEMA = {
  type: 'object',
  required: ['uid', 'title', 'schemaVersion', 'panels', 'templating', 'time', 'annotations'],
  properties: {
    // Not `id`: that is the number in somebody's database.
    id: false,
    uid: { type: 'string', pattern: '^[a-zA-Z0-9_-]{1,40}$' },
    title: { type: 'string', minLength: 1 },
    schemaVersion: { type: 'integer', minimum: 36 },
    time: { type: 'object', required: ['from', 'to'] },
    templating: {
      type: 'object',
      required: ['list'],
      properties: {
        list: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name', 'type', 'query'],
            properties: { type: { enum: ['datasource', 'query'] } },
          },
        },
      },
    },
    annotations: {
      type: 'object',
      required: ['list'],
      properties: {
        list: {
          type: 'array',
          items: { type: 'object', required: ['name', 'enable', 'iconColor', 'datasource', 'expr'] },
        },
      },
    },
    panels: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['id', 'type', 'title', 'gridPos'],
        properties: { id: { type: 'integer', minimum: 1 }, title: { type: 'string', minLength: 1 }, gridPos: GRID },
        oneOf: [
          { properties: { type: { const: 'row' }, panels: { type: 'array', maxItems: 0 }, targets: false } },
          {
            required: ['datasource', 'description', 'fieldConfig', 'options', 'targets'],
            properties: {
              type: { enum: ['stat', 'timeseries', 'table'] },
              datasource: DATASOURCE,
              description: { type: 'string', minLength: 10 },
              fieldConfig: { type: 'object', required: ['defaults', 'overrides'] },
              targets: {
                type: 'array',
                minItems: 1,
                items: {
                  type: 'object',
                  required: ['refId', 'expr', 'datasource', 'legendFormat'],
                  properties: { datasource: DATASOURCE, refId: { pattern: '^[A-Z]$' }, expr: { minLength: 5 } },
                },
              },
            },
          },
        ],
      },
    },
  },
};

describe('the dashboard', () => {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(SCHEMA);

  it('has what Grafana needs to import it', () => {
    assert.ok(validate(dashboard), JSON.stringify(validate.errors?.slice(0, 5), null, 2));
  });

  it('would be found out lacking it', () => {
    const [row, ...others] = dashboard.panels;
    for (const broken of [
      { ...dashboard, panels: [{ ...others[0], type: 'graph' }] },
      { ...dashboard, panels: [{ ...others[0], targets: [] }] },
      { ...dashboard, panels: [{ ...row, gridPos: { h: 1, w: 30, x: 0, y: 0 } }] },
      { ...dashboard, id: 7 },
    ])
      assert.ok(!validate(broken));
  });

  it('gives every panel a number of its own, and every query of a panel a letter', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const { targets = [], title } of dashboard.panels)
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
  });

  it('lays no panel over another', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(x < 24, `${title} is too wide`);
          assert.equal(taken.get(`${x},${y}`), undefined, `${title} lies over another`);
          taken.set(`${x},${y}`, title);
        }
  });

  for (const { title, query } of dashboardQueries(dashboard)) {
    it(`asks only for series and labels that there are, of the services chosen: ${title}`, () => {
      assert.deepEqual(wrongNames(query), []);
      const selectors = [...query.matchAll(/\{[^}]*\}/g)].map(match => match[0]);
      assert.ok(selectors.length > 0 && selectors.every(selector => selector.includes('service_name=~"$service"')));
    });
  }

  it('uses the variables that it has', () => {
    const names = new Set(dashboard.templating.list.map(({ name }) => name));
    const text = JSON.stringify(dashboard);
    for (const [, name] of text.matchAll(/\$\{?([a-z_]+)/g))
      assert.ok(names.has(name!) || ['__rate_interval', '__range'].includes(name!), name);
    for (const name of names) assert.match(text, new RegExp(`\\$\\{?${name}`), name);
  });
});

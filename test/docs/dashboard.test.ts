import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { queryReader } from '../../src/audit/prometheus-query';
import { dashboardQueries, type Dashboard, filledIn, variableSelectors } from './dashboard-queries';
import { wrongNames } from './prometheus-names';

const CHECKOUT = join(__dirname, '../../..');
const dashboard: Dashboard = JSON.parse(readFileSync(join(CHECKOUT, 'collector-config/dashboards/tls.json'), 'utf8'));

/** A dashboard as it is, and others that Grafana would not have so. */
const WRITTEN: { readonly [name: string]: { readonly dashboard: unknown; readonly complaint?: RegExp } } = {
  ours: { dashboard },
  anUnknownPanel: {
    dashboard: changedPanel('timeseries', panel => ({ ...panel, type: 'graph' })),
    complaint: /"graph"/,
  },
  aMisspelledOption: {
    dashboard: changedPanel('stat', panel => ({ ...panel, options: { colourMode: 'value' } })),
    complaint: /colourMode/,
  },
  anOptionOfAnotherPanel: {
    dashboard: changedPanel('table', panel => ({ ...panel, options: { legend: { showLegend: true } } })),
    complaint: /legend/,
  },
  aWordThatIsNone: {
    dashboard: changedPanel('timeseries', panel => ({
      ...panel,
      options: { tooltip: { mode: 'many', sort: 'desc' } },
    })),
    complaint: /"many"/,
  },
  aPositionWithoutHeight: {
    dashboard: changedPanel('timeseries', panel => ({ ...panel, gridPos: { w: 1, x: 0, y: 0 } })),
    complaint: /'h' is missing/,
  },
  aQueryWithoutAnExpression: {
    dashboard: changedPanel('stat', panel => ({ ...panel, targets: [{ refId: 'A' }] })),
    complaint: /'expr' is missing/,
  },
  noVersionOfTheSchema: { dashboard: { ...dashboard, schemaVersion: undefined }, complaint: /schemaVersion/ },
  aNumberInSomebodysDatabase: { dashboard: { ...dashboard, id: 7 }, complaint: /'"id"' does not exist/ },
};

function changedPanel(type: string, change: (panel: object) => object): unknown {
  const at = dashboard.panels.findIndex(panel => panel.type === type);
  assert.ok(at >= 0, type);
  return { ...dashboard, panels: dashboard.panels.map((panel, index) => (index === at ? change(panel) : panel)) };
}

/** What the compiler says of each of `WRITTEN` against Grafana's types, by name. Empty: nothing. */
function complaints(): Map<string, string> {
  // Beside the compiled tests, from where the types are found.
  const folder = mkdtempSync(join(__dirname, 'dashboards-'));
  try {
    const type = join(CHECKOUT, 'test/docs/grafana-dashboard');
    for (const [name, { dashboard: written }] of Object.entries(WRITTEN))
      writeFileSync(
        join(folder, `${name}.ts`),
        `import type { GrafanaDashboard } from ${JSON.stringify(type)};\nexport const it: GrafanaDashboard = ${JSON.stringify(written)};\n`,
      );
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--types', ''];
    const module = ['--module', 'node16', '--moduleResolution', 'node16', '--target', 'es2022'];
    const files = Object.keys(WRITTEN).map(name => `${name}.ts`);
    const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
    const { stdout, stderr, error } = spawnSync(process.execPath, [compiler, ...options, ...module, ...files], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 50_000,
    });
    assert.ok(!error && stderr === '', `${error}${stderr}`);
    const said = new Map<string, string>();
    let about = '';
    for (const line of stdout.split('\n').filter(text => text !== '')) {
      about = /^(\w+)\.ts\(/.exec(line)?.[1] ?? about;
      said.set(about, `${said.get(about) ?? ''}${line}\n`);
    }
    return said;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the dashboard', () => {
  let said: Map<string, string>;
  before(function () {
    this.timeout(60_000);
    said = complaints();
  });

  it('is one by Grafana’s own schema', () => {
    assert.equal(said.get('ours'), undefined);
    assert.deepEqual(
      [...said.keys()].filter(name => !Object.hasOwn(WRITTEN, name)),
      [],
    );
  });

  for (const [name, { complaint }] of Object.entries(WRITTEN)) {
    if (complaint === undefined) continue;
    it(`would be found out by it: ${name}`, () => assert.match(said.get(name) ?? '', complaint));
  }

  it('says of every panel what it shows, and asks the Prometheus that is chosen', () => {
    const chosen = { type: 'prometheus', uid: '$' + '{datasource}' };
    const showing = dashboard.panels.filter(({ type }) => type !== 'row');
    assert.ok(showing.length > 15);
    for (const { title, description = '', datasource, targets = [] } of showing) {
      assert.ok(description.length >= 10 && title !== '', title);
      assert.ok(targets.length > 0, title);
      for (const asked of [datasource, ...targets.map(target => target.datasource)]) assert.deepEqual(asked, chosen);
    }
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

  it('asks in PromQL, by Prometheus’s own grammar', async () => {
    const read = await queryReader();
    const queries = [...dashboardQueries(dashboard).map(({ query }) => query), ...variableSelectors(dashboard)];
    for (const query of queries) assert.ok(read(filledIn(query)).length > 0, query);
    for (const wrong of ['sum by (a (b)', 'rate(a[$__nothing])', 'a{b=c}']) assert.throws(() => read(wrong), wrong);
  });

  it('uses the variables that it has', () => {
    const names = new Set(dashboard.templating.list.map(({ name }) => name));
    const text = JSON.stringify(dashboard);
    for (const [, name] of text.matchAll(/\$\{?([a-z_]+)/g))
      assert.ok(names.has(name!) || ['__rate_interval', '__range'].includes(name!), name);
    for (const name of names) assert.match(text, new RegExp(`\\$\\{?${name}`), name);
  });
});

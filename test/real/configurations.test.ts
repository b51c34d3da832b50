import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Dashboard, dashboardQueries, filledIn, variableSelectors } from '../docs/dashboard-queries';
import { configuration, type PartName, partOrFail } from './parts';

const FOLDER = dirname(configuration('builder.yaml'));
const collectorFiles = readdirSync(FOLDER).filter(name => /^(agent|gateway).*\.yaml$/.test(name));

/** Runs a part to its end. Throws what it said unless it ended well; else gives its stdout. */
function run(name: PartName, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(partOrFail(name), args, {
    cwd: FOLDER,
    encoding: 'utf8',
    timeout: 50_000,
  });
  assert.equal(status, 0, `${name} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

describe('the files of collector-config/', () => {
  it('are all looked at here', () => {
    const known = [
      ...collectorFiles,
      'README.md',
      'alerts',
      'builder.yaml',
      'compose.yaml',
      'dashboards',
      'jaeger.yaml',
    ];
    assert.deepEqual(readdirSync(FOLDER).sort(), [...known, 'prometheus.yml'].sort());
  });

  for (const name of collectorFiles) {
    it(`${name} is valid for the Collector`, () => {
      run('otelcol', 'validate', '--config', name);
    });
  }

  it('jaeger.yaml is valid for Jaeger', () => {
    run('jaeger', 'validate', '--config', 'jaeger.yaml');
  });

  it('builder.yaml lists exactly the components that the collector files use', () => {
    const components = [...run('otelcol', 'components').matchAll(/^ {4}- name: (\S+)/gm)].map(match => match[1]!);
    assert.ok(components.includes('otlp'), components.join());
    const used = collectorFiles.map(name => readFileSync(join(FOLDER, name), 'utf8')).join('\n');
    const unused = components.filter(name => !new RegExp(`^ +${name}(/\\w+)?:`, 'm').test(used));
    assert.deepEqual(unused, []);
  });

  it('compose.yaml runs the Collector that builder.yaml builds, pins every image and mounts what is there', () => {
    const compose = readFileSync(configuration('compose.yaml'), 'utf8');
    const version = /^ {2}version: (\S+)/m.exec(readFileSync(configuration('builder.yaml'), 'utf8'))![1]!;
    const images = [...compose.matchAll(/image: (\S+)/g)].map(match => match[1]!);
    assert.equal(images.length, 3);
    for (const image of images) assert.match(image, /:v?\d+\.\d+\.\d+$/);
    assert.ok(images.includes(`otel/opentelemetry-collector-contrib:${version}`));
    const mounted = [...compose.matchAll(/"\.\/([^:"]+):/g)].map(match => match[1]!);
    assert.deepEqual(
      mounted.filter(name => !readdirSync(FOLDER).includes(name)),
      [],
    );
  });

  it('prometheus.yml and its rules are valid for Prometheus, and the rules do what their test says', () => {
    run('promtool', 'check', 'config', 'prometheus.yml');
    run('promtool', 'check', 'rules', 'alerts/tls.rules.yml');
    run('promtool', 'test', 'rules', 'alerts/tls.rules.test.yml');
  });

  it('every query of the dashboard is PromQL to Prometheus', () => {
    const dashboard: Dashboard = JSON.parse(readFileSync(join(FOLDER, 'dashboards/tls.json'), 'utf8'));
    const selectors = variableSelectors(dashboard);
    assert.equal(selectors.length, 1);
    const queries = [...dashboardQueries(dashboard).map(({ query }) => query), ...selectors];
    const rules = queries.map((query, index) => ({
      record: `dashboard:query:${index}`,
      expr: filledIn(query),
    }));
    assert.ok(rules.length > 15);
    const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
    try {
      const file = join(folder, 'dashboard.rules.yml');
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
      assert.match(run('promtool', 'check', 'rules', file), new RegExp(`SUCCESS: ${rules.length} rules found`));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

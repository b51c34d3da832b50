import assert from 'node:assert/strict';
import type { Attributes } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ATTRIBUTES } from '../../src/telemetry/attributes';
import { SEARCHES } from '../docs/searches';
import { Collector } from './collector';
import { Jaeger } from './jaeger';
import { runningPrograms } from './running-programs';

const SERVICE = 'searched';

describe('the recipes for Jaeger', () => {
  const programs = runningPrograms();
  let jaeger: Jaeger;

  before(async function () {
    this.timeout(120_000);
    jaeger = await Jaeger.start(programs);
    const collector = await Collector.start(programs, 'agent-jaeger.yaml', {
      JAEGER_OTLP_ENDPOINT: jaeger.otlpEndpoint,
    });
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': SERVICE }),
      spanProcessors: [
        new BatchSpanProcessor(new OTLPTraceExporter({ url: `${collector.endpoint('http/protobuf')}/v1/traces` })),
      ],
    });
    const tracer = provider.getTracer('searches');
    for (const { question, jaeger: asked } of SEARCHES) {
      if (!asked) continue;
      const name = asked.operation ?? 'GET /orders';
      tracer.startSpan(name, { attributes: { question, ...typed(asked.tags) } }).end();
      // All that is asked for but one tag: to find this one too would be to ask for nothing.
      const [, ...others] = Object.entries(asked.tags);
      tracer
        .startSpan(name, {
          attributes: { question: `not: ${question}`, ...typed(Object.fromEntries(others)) },
        })
        .end();
    }
    await provider.shutdown();
    // Each with the one that lacks a tag.
    await jaeger.findEventually({ service: SERVICE }, 2 * SEARCHES.filter(search => search.jaeger).length);
  });

  for (const { question, jaeger: asked } of SEARCHES) {
    if (!asked) continue;
    it(`find what they ask for and nothing that lacks it: ${question}`, async () => {
      const search = { service: SERVICE, tags: asked.tags, ...(asked.operation && { spanName: asked.operation }) };
      const found = (await jaeger.findEventually(search)).map(({ tags }) => tags['question']);
      assert.ok(found.includes(question), found.join('\n'));
      assert.ok(!found.includes(`not: ${question}`), found.join('\n'));
    });
  }
});

/** Values as the attributes have them: Jaeger is asked in text for what is none. */
function typed(tags: Readonly<Record<string, string>>): Attributes {
  const rows: Readonly<Record<string, { readonly example: unknown }>> = ATTRIBUTES;
  return Object.fromEntries(
    Object.entries(tags).map(([name, value]) => [
      name,
      typeof rows[name]?.example === 'string' || rows[name] === undefined ? value : JSON.parse(value),
    ]),
  );
}

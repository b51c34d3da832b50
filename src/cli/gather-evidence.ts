import type { AuditOptions, Source } from './audit-options';
import { type EvidenceSink, keepMemorySmall, readEvidenceFiles } from './evidence-files';
import type { GrowingFiles } from './growing-files';
import { JaegerBrokeOff, readJaeger } from './jaeger';
import { startOtlpReceiver } from './otlp-receiver';
import type { Probe } from './probe';
import { printable } from './terminal-text';
import { UsageError } from './usage-error';

/**
 * Reads all evidence there is, and has the probe, if there is one, make its own in between. Tells the probe too. Answers
 * true when somebody interrupted it. Throws `UsageError` when a source cannot be read at all.
 */
export async function gatherEvidence(
  options: AuditOptions,
  auditSink: EvidenceSink,
  probe: Probe | undefined,
  growing: GrowingFiles | undefined,
): Promise<boolean> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  // The second one ends the process as it would without us.
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const { signal } = interruption;
  const { source } = options;
  const sink = probe ? both(auditSink, probe.sink) : auditSink;
  const progress = progressOn(process.stderr);
  const probing = async (look: () => Promise<void>) => {
    await probe?.send(signal, progress.say);
    await probe?.awaitTrails(look, signal, progress.say);
  };
  try {
    switch (source.kind) {
      case 'files': {
        keepMemorySmall();
        if (probe && growing) await probing(() => growing.look(probe.sink));
        const absent = (await growing?.absent()) ?? [];
        for (const file of absent) sink.note(`${file}: nothing was ever written to it, there is no such file`);
        const there = source.names.filter(file => !absent.includes(file));
        await readEvidenceFiles(there, sink, signal, ({ read, total }) =>
          progress.say(`reading evidence: ${total === 0 ? 100 : Math.floor((read / total) * 100)} %`),
        );
        break;
      }
      case 'jaeger': {
        const [url] = source.names;
        const ask = (since: number, into: EvidenceSink) =>
          readJaeger({ url, service: options.service, since, until: Date.now() }, into, signal);
        if (probe) {
          const began = Date.now();
          // Before anything is sent: what is awaited there can be asked for.
          await ask(began, probe.sink);
          await probing(() => ask(began - JAEGER_SLACK_MS, probe.sink));
        }
        progress.say(`asking ${url}`);
        await ask(options.since ?? 0, sink).catch(fault => {
          if (!(fault instanceof JaegerBrokeOff)) throw fault;
          sink.gap(`${fault.message}; what came before that was read`);
        });
        break;
      }
      case 'listen':
        await listen(source, sink, signal, probing);
        break;
      default:
        source satisfies never;
    }
  } finally {
    progress.end();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  if (signal.aborted) sink.gap('interrupted: what is reported rests on the evidence read until then');
  return signal.aborted;
}

/** Of clocks: a trace's time is that of the machine which recorded it. */
const JAEGER_SLACK_MS = 120_000;

/** What is told goes to each of them. */
function both(one: EvidenceSink, other: EvidenceSink): EvidenceSink {
  return {
    span(span) {
      one.span(span);
      other.span(span);
    },
    log(log) {
      one.log(log);
      other.log(log);
    },
    point(point) {
      one.point(point);
      other.point(point);
    },
    note(sentence) {
      one.note(sentence);
      other.note(sentence);
    },
    gap(sentence) {
      one.gap(sentence);
      other.gap(sentence);
    },
  };
}

async function listen(
  { port, forMs }: Source & { readonly kind: 'listen' },
  sink: EvidenceSink,
  signal: AbortSignal,
  probing: (look: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const receiver = await startOtlpReceiver(
    {
      spans: spans => {
        for (const span of spans) sink.span(span);
      },
      logs: logs => {
        for (const log of logs) sink.log(log);
      },
      points: points => {
        for (const point of points) sink.point(point);
      },
      problem: sentence => sink.note(sentence),
    },
    { port },
  ).catch((fault: NodeJS.ErrnoException) => {
    const why = fault.code === 'EADDRINUSE' ? 'in use, perhaps by a collector' : `not to be had (${fault.code})`;
    throw new UsageError(`port ${port} is ${why}; choose another with --listen PORT, or a free one with --listen 0`);
  });
  process.stderr.write(
    `Waiting for evidence on ${receiver.url} (OTLP over http); Ctrl-C ends it and judges what came\n`,
  );
  const until = Date.now() + forMs;
  // What comes is told as it comes: there is nothing to look up.
  await probing(async () => {}).catch(async fault => {
    await receiver.close();
    throw fault;
  });
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, Math.max(0, until - Date.now()));
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  await receiver.close();
}

/** One line that is overwritten, on a terminal; nothing elsewhere. */
function progressOn(stream: NodeJS.WriteStream): { say(line: string): void; end(): void } {
  let last = 0;
  let hasSaid = false;
  return {
    say(line) {
      const now = Date.now();
      if (!stream.isTTY || now - last < 200) return;
      last = now;
      hasSaid = true;
      stream.write(`\r\x1b[2K${printable(line, 70)}`);
    },
    end() {
      if (hasSaid) stream.write('\r\x1b[2K');
    },
  };
}

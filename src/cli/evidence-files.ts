import { type FileHandle, open, stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { createGunzip } from 'node:zlib';
import { fieldOf, listOf } from '../audit/unknown-shape';
import {
  MalformedRequest,
  type Received,
  type ReceivedLog,
  type ReceivedPoint,
  type ReceivedSpan,
  readRequest,
  type Signal,
} from './otlp-messages';
import { UsageError } from './usage-error';

/** Where evidence goes, whatever it comes from. */
export interface EvidenceSink {
  span(span: ReceivedSpan): void;
  log(log: ReceivedLog): void;
  /** What metrics counted. */
  point(point: ReceivedPoint): void;
  /** A sentence on what was read: what of it is no evidence, what looks odd. */
  note(sentence: string): void;
  /** A sentence: there is evidence that was not read, so that what seems to be missing may yet be there. */
  gap(sentence: string): void;
}

export interface EvidenceProgress {
  /** Bytes of files, as they lie on the disk. */
  readonly read: number;
  readonly total: number;
}

/** Characters of one line, or of one document written over many. Collectors write far less at once. */
const LONGEST_LINE = 24 * 1024 * 1024;

/**
 * Has the garbage collector come early and often, in this whole process: most of what is read is garbage a moment later,
 * and without being told V8 keeps 300 MB of it. For a process that does nothing else. Costs a tenth of the time.
 */
export function keepMemorySmall(): void {
  for (const flag of ['--semi-space-growth-factor=1', '--heap-growing-percent=30']) setFlagsFromString(flag);
}

/**
 * Reads what a collector's file exporter wrote: OTLP JSON, one request a line (or a whole file that is one request),
 * plain or gzip. Holds one line at a time. What cannot be read is counted and said, and the rest is read. Throws
 * `UsageError` when a file cannot be opened, or is binary. Resolves early when `signal` says so.
 */
export async function readEvidenceFiles(
  files: readonly string[],
  sink: EvidenceSink,
  signal: AbortSignal,
  onProgress: (progress: EvidenceProgress) => void = () => {},
): Promise<void> {
  const sizes = await Promise.all(files.map(sizeOf));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  for (const [index, file] of files.entries()) {
    if (signal.aborted) return;
    await readFile(file, sink, signal, read => onProgress({ read: before + read, total }));
    before += sizes[index]!;
  }
}

/** Bytes on the disk; 0 of a pipe. Throws `UsageError`: there is no such file. */
export async function sizeOf(file: string): Promise<number> {
  try {
    const about = await stat(file);
    if (about.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    return about.size;
  } catch (fault) {
    throw new UsageError(`--evidence '${file}': ${whyNot(fault)}; a file of OTLP JSON was expected`);
  }
}

function whyNot(fault: unknown): string {
  const { code } = fault as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'this is a folder';
  return code === 'EACCES' ? 'this file may not be read' : `cannot be read (${code})`;
}

async function readFile(
  file: string,
  sink: EvidenceSink,
  signal: AbortSignal,
  onRead: (bytes: number) => void,
): Promise<void> {
  const reading = new FileReading(file, sink);
  const handle = await open(file).catch(fault => {
    throw new UsageError(`--evidence '${file}': ${whyNot(fault)}; a file of OTLP JSON was expected`);
  });
  let read = 0;
  const start = await firstBytes(handle);
  const binary = BINARY.find(([bytes]) => start.subarray(0, bytes.length).equals(bytes));
  if (binary !== undefined) {
    await handle.close();
    throw new UsageError(
      `--evidence '${file}': this is ${binary[1]}; OTLP JSON was expected, plain or gzip, as the file exporter of the collector writes it with \`format: json\` and no compression`,
    );
  }
  // By its first two bytes, whatever it is called: rotated files have odd names.
  const isPacked = start[0] === 0x1f && start[1] === 0x8b;
  const chunks = async function* (): AsyncGenerator<Buffer> {
    // One buffer for all: those that a stream would make are many, and wait for the garbage collector. But zlib reads ahead.
    const shared = isPacked ? undefined : Buffer.alloc(CHUNK);
    for (;;) {
      const buffer = shared ?? Buffer.alloc(CHUNK);
      const { bytesRead } = await handle.read(buffer, 0, CHUNK, null);
      if (bytesRead === 0 || signal.aborted) return;
      read += bytesRead;
      onRead(read);
      yield buffer.subarray(0, bytesRead);
    }
  };
  try {
    for await (const chunk of isPacked ? unpacked(chunks()) : chunks()) reading.take(chunk);
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException;
    // gzip that ends early, or is none: what came before it counts.
    sink.gap(
      `${file}: the file ends early or is damaged (${code ?? (fault as Error).message}); what came before that was read`,
    );
  } finally {
    await handle.close();
  }
  if (!signal.aborted) reading.end();
}

const CHUNK = 256 * 1024;

/** Nothing when it is a pipe, which has no place to go back to: it is taken as it comes. */
async function firstBytes(handle: FileHandle): Promise<Buffer> {
  const buffer = Buffer.alloc(4);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0).catch(() => ({ bytesRead: 0 }));
  return buffer.subarray(0, bytesRead);
}

/** What the file exporter writes when it is told to, by the first bytes. The length of a message comes first, in four. */
const BINARY: readonly (readonly [Buffer, string])[] = [
  [Buffer.of(0x00), 'binary (the file exporter with `format: proto` or `compression: zstd`)'],
  [Buffer.of(0x28, 0xb5, 0x2f, 0xfd), 'packed with zstd'],
];

function unpacked(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  // What goes wrong is thrown where the output is read.
  return pipeline(Readable.from(chunks), createGunzip({ chunkSize: CHUNK }), () => {});
}

const NEWLINE = 0x0a;

/** One file's lines, and what is wrong with them. */
class FileReading {
  readonly #file: string;
  readonly #sink: EvidenceSink;
  #parts: Buffer[] = [];
  #length = 0;
  #isSkipping = false;
  #lines = 0;
  #requests = 0;
  /** Lines that were none, by what was wrong. */
  readonly #faults = new Map<string, { count: number; readonly line: number; readonly isGap: boolean }>();
  /** A document over many lines: its text so far. Undefined: one request a line. */
  #document: Buffer[] | undefined;
  #documentLength = 0;

  constructor(file: string, sink: EvidenceSink) {
    this.#file = file;
    this.#sink = sink;
  }

  take(chunk: Buffer): void {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end < 0) break;
      this.#piece(chunk.subarray(from, end));
      this.#line(false);
      from = end + 1;
    }
    // A part of the chunk would be overwritten, or keep it: the rest of a line is copied.
    if (from < chunk.length) this.#piece(Buffer.from(chunk.subarray(from)));
  }

  end(): void {
    if (this.#length > 0 || this.#isSkipping) this.#line(true);
    if (this.#document !== undefined) this.#endDocument(this.#document);
    for (const [fault, { count, line, isGap }] of this.#faults) {
      const sentence = `${this.#file}:${line}: ${fault}${count > 1 ? `, and ${count - 1} more like it` : ''}`;
      if (isGap) this.#sink.gap(sentence);
      else this.#sink.note(sentence);
    }
    if (this.#requests === 0 && this.#faults.size === 0) this.#sink.note(`${this.#file}: nothing is in it`);
  }

  #piece(part: Buffer): void {
    if (this.#isSkipping) return;
    this.#length += part.length;
    if (this.#length <= LONGEST_LINE) {
      this.#parts.push(part);
      return;
    }
    this.#isSkipping = true;
    this.#parts = [];
  }

  #line(isLast: boolean): void {
    this.#lines++;
    const line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    const isTooLong = this.#isSkipping;
    this.#parts = [];
    this.#length = 0;
    this.#isSkipping = false;
    if (isTooLong) this.#fault(`a line longer than ${LONGEST_LINE} bytes was left out`, true);
    else if (this.#document !== undefined) this.#continueDocument(line);
    else this.#request(line, isLast);
  }

  #request(line: Buffer, isLast: boolean): void {
    const text = line.toString('utf8').trim();
    if (text === '') return;
    let request: unknown;
    try {
      request = JSON.parse(text);
    } catch {
      if (this.#requests === 0 && this.#faults.size === 0 && /^[{[]/.test(text) && !isLast) {
        this.#document = [];
        this.#continueDocument(line);
      } else
        this.#fault(isLast ? 'the last line is cut off and was left out' : 'this line is no JSON and was left out');
      return;
    }
    this.#requests++;
    this.#tell(request);
  }

  #continueDocument(line: Buffer): void {
    this.#documentLength += line.length + 1;
    if (this.#documentLength > LONGEST_LINE) this.#document = [];
    else this.#document!.push(line, Buffer.of(NEWLINE));
  }

  #endDocument(parts: readonly Buffer[]): void {
    if (this.#documentLength > LONGEST_LINE) {
      this.#fault(`one document of more than ${LONGEST_LINE} bytes: one request a line was expected`, true);
      return;
    }
    try {
      const request: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
      this.#requests++;
      this.#tell(request);
    } catch {
      this.#lines = 1;
      this.#fault('no OTLP JSON: one request a line was expected, as the file exporter of the collector writes it');
    }
  }

  #tell(request: unknown): void {
    const fault = tellRequest(request, this.#sink);
    if (fault !== undefined) this.#fault(fault);
  }

  #fault(sentence: string, isGap = false): void {
    const known = this.#faults.get(sentence);
    if (known) known.count++;
    else if (this.#faults.size < MOST_FAULTS) this.#faults.set(sentence, { count: 1, line: this.#lines, isGap });
  }
}

const MOST_FAULTS = 20;

const SIGNALS: { readonly [field: string]: Signal } = {
  resourceSpans: 'traces',
  resourceLogs: 'logs',
  resourceMetrics: 'metrics',
};

/** One OTLP request as parsed JSON, or a list of them. Answers what is wrong with it; undefined: nothing. */
export function tellRequest(request: unknown, sink: Pick<EvidenceSink, 'span' | 'log' | 'point'>): string | undefined {
  if (Array.isArray(request)) return request.map(one => tellRequest(one, sink)).find(fault => fault !== undefined);
  const fields = typeof request === 'object' && request !== null ? Object.keys(request) : [];
  const known = fields.filter(field => Object.hasOwn(SIGNALS, field));
  if (known.length === 0) return 'JSON, but no OTLP: resourceSpans, resourceLogs or resourceMetrics was expected';
  let fault: string | undefined;
  for (const field of known) {
    const signal = SIGNALS[field]!;
    try {
      tellReceived(readRequest(signal, request), sink);
    } catch (error) {
      if (!(error instanceof MalformedRequest)) throw error;
      fault = tellOneByOne(signal, (request as { [field: string]: unknown })[field], sink);
    }
  }
  return fault;
}

function tellReceived(received: Received, sink: Pick<EvidenceSink, 'span' | 'log' | 'point'>): void {
  for (const span of received.spans) sink.span(span);
  for (const log of received.logs) sink.log(log);
  for (const point of received.points) sink.point(point);
}

const PARTS = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const;

const NOUNS = { traces: 'spans', logs: 'log records', metrics: 'metrics' } as const;

/** A request with something in it that is no span, or no record: the others are told, and the first fault is answered. */
function tellOneByOne(signal: Signal, groups: unknown, sink: Pick<EvidenceSink, 'span' | 'log' | 'point'>): string {
  const [groupsField, scopesField, recordsField] = PARTS[signal];
  let first: string | undefined;
  let malformed = 0;
  for (const group of listOf(groups)) {
    for (const scope of listOf(fieldOf(group, scopesField))) {
      for (const record of listOf(fieldOf(scope, recordsField))) {
        const resource = fieldOf(group, 'resource');
        const alone = { [groupsField]: [{ resource, [scopesField]: [{ [recordsField]: [record] }] }] };
        try {
          tellReceived(readRequest(signal, alone), sink);
        } catch (error) {
          if (!(error instanceof MalformedRequest)) throw error;
          malformed++;
          first ??= error.message;
        }
      }
    }
  }
  return first === undefined
    ? `a request with something that is no OTLP in it: the ${NOUNS[signal]} were read`
    : `${malformed} ${NOUNS[signal]} that are none were left out: ${first}`;
}

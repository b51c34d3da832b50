import { writeSync } from 'node:fs';
import { type DiagLogger, type DiagLoggerOptions, DiagLogLevel, diag } from '@opentelemetry/api';
import { PACKAGE_NAME } from '../version';
import { isRegistered } from '../hooks/registered';
import { collectorOf, failingSignal, SIGNALS, type Signal } from './signals';

const STDERR = 2;
/** Lines of complaint for the whole life of the process, and how long one may be. */
const MAX_LINES = 10;
const MAX_LENGTH = 400;
/** Lists of failures within lists: one that contains itself has no end. */
const MAX_NESTING = 5;

/** What a person must know, on stderr, because a preload has no other voice. Each sentence once. */
export class PlainLines {
  readonly #told = new Set<string>();
  /** Why, of each signal that failed. */
  readonly #lost = new Map<Signal | undefined, string>();
  readonly #lossTold = new Set<Signal | undefined>();
  #holding = false;
  #silent = false;
  /** Undefined while somebody else listens to `diag`, or nobody. */
  #stopListening: (() => void) | undefined;

  tell(sentence: string): void {
    if (this.#silent || this.#told.has(sentence) || this.#told.size >= MAX_LINES) return;
    this.#told.add(sentence);
    try {
      // The stream would tell the application that nobody reads it any more, and that would end it.
      writeSync(STDERR, `${PACKAGE_NAME}: ${onOneLine(sentence)}\n`);
    } catch {
      // Nobody reads it.
    }
  }

  /**
   * One line a signal at most, of which only one need be about handshakes. Where theirs has named a collector already,
   * whatever else that one does not get is the same news. `signal`: undefined where it is not known.
   */
  tellLoss(why: string, signal: Signal | undefined): void {
    if (this.#lost.has(signal)) return;
    this.#lost.set(signal, why);
    if (!this.#holding) this.#tellLosses();
  }

  /** `failure`: what an exporter ended with. Of a list the first: a flushed tracer provider rejects with all that failed. */
  tellFailedExport(failure: unknown, signal?: Signal): void {
    const [first] = [failure].flat(MAX_NESTING);
    const { code, message } = (first ?? {}) as { code?: unknown; message?: unknown };
    const words = typeof message === 'string' ? message : '';
    const known = code === undefined || words.includes(String(code)) ? words : `${code} ${words}`.trim();
    this.tellLoss(known.slice(0, MAX_LENGTH / 2) || 'no reason given', signal ?? failingSignal(words));
  }

  /** Until `tellHeldLosses()`: while everything is sent at once, so that the spans' loss comes first and speaks for all. */
  holdLosses(): void {
    this.#holding = true;
  }

  tellHeldLosses(): void {
    this.#holding = false;
    this.#tellLosses();
  }

  /**
   * The SDK says what it cannot do through `diag`, which is silent unless somebody listens. Whoever listens already, or
   * sets a log level, hears everything there, and we say only what the SDK does not: a flush that failed, for one. Whoever
   * comes later takes our place without hearing of us.
   */
  listenToDiag(): void {
    if (process.env['OTEL_LOG_LEVEL'] || isRegistered('diag')) return;
    const logger: DiagLogger = {
      error: (message, ...more) => this.#error(message, more),
      warn: (message, ...more) => this.#warning(message, more),
      info: unsaid,
      debug: unsaid,
      verbose: unsaid,
    };
    const { setLogger } = DIAG;
    if (!setLogger(logger, DiagLogLevel.WARN)) return;
    this.#stopListening = () => {
      this.#stopListening = undefined;
      DIAG.setLogger = setLogger;
      diag.disable();
    };
    DIAG.setLogger = (...theirs) => {
      this.#stopListening?.();
      return setLogger(...theirs);
    };
  }

  /**
   * Runs what would set up a logger that writes to the console, and keeps ours instead: at its usual level that one
   * writes to stdout, which is the application's. A level that somebody chose stands.
   */
  insteadOfConsole<Result>(work: () => Result): Result {
    const { setLogger } = DIAG;
    DIAG.setLogger = (logger, options) => {
      const level = typeof options === 'number' ? options : options?.logLevel;
      return level === DiagLogLevel.INFO || setLogger(logger, options);
    };
    try {
      return work();
    } finally {
      DIAG.setLogger = setLogger;
    }
  }

  /** From now on it is somebody else's SDK, and somebody else's to complain. */
  fallSilent(): void {
    this.#silent = true;
    this.#stopListening?.();
  }

  #tellLosses(): void {
    for (const signal of [...SIGNALS, undefined]) {
      const why = this.#lost.get(signal);
      if (why === undefined || this.#lossTold.has(signal)) continue;
      this.#lossTold.add(signal);
      const collector = collectorOf(signal);
      const told = this.#lossTold.has('spans') && collector === collectorOf('spans') && collector !== undefined;
      if (signal !== 'spans' && told) continue;
      const how = REFUSAL.test(why) ? 'does not take what is sent' : 'cannot be reached';
      this.tell(`${collector === undefined ? '' : `${collector} ${how}, `}${LOSS[signal ?? 'unknown']}: ${why}`);
    }
  }

  #warning(message: string, more: unknown[]): void {
    if (!NO_NEWS.test(message)) this.tell(inWords(message, more));
  }

  #error(message: string, more: unknown[]): void {
    if (NO_NEWS.test(message)) return;
    const failure = failureToldAsJson(message);
    if (failure) this.tellFailedExport(failure);
    else this.tell(inWords(message, more));
  }
}

const LOSS: Readonly<Record<Signal | 'unknown', string>> = {
  spans: 'TLS handshakes are being lost',
  metrics: 'metrics are being lost',
  'log records': 'log records are being lost',
  unknown: 'telemetry is being lost',
};

/** Somebody answered: an HTTP status, or what the exporters make of an answer that tells them nothing. */
const REFUSAL = /^\d{3}\b|OTLPExporterError|retryable status|size limit/;

/**
 * What is as it should be: what was switched off is off, a root certificate is used as one, and where the application has
 * registered something of its own, an SDK for metrics alone, say, that stays. And SDK 2.0 complains of itself, each time it
 * starts, that it reads the resource before that is complete, although its processors wait for that before they send.
 */
const NO_NEWS =
  /contains "none"|from just the root certificate|Attempted duplicate registration|before async attributes settled/;

function unsaid(): void {}

/** The API's, with one signature for its two: it is a property of the object and not of a class. */
const DIAG = diag as unknown as {
  setLogger: (logger: DiagLogger, options?: DiagLoggerOptions | DiagLogLevel) => boolean;
};

/** The SDK's error handler says an error as JSON, all its properties as text. Undefined: it is no error's. */
function failureToldAsJson(message: string): object | undefined {
  try {
    const failure = JSON.parse(message);
    return typeof failure === 'object' && failure !== null ? failure : undefined;
  } catch {
    return undefined;
  }
}

/** What a component says comes after its name; objects are for who debugs. */
function inWords(message: string, more: unknown[]): string {
  const words = [message, ...more.filter(part => typeof part === 'string' || part instanceof Error).map(String)];
  return words.join(' ').replace(`${PACKAGE_NAME}: `, '');
}

/** The first line of it, and no control characters: a collector may answer anything. */
function onOneLine(sentence: string): string {
  const [line = ''] = sentence.split('\n', 1);
  const shown = line.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ').trim();
  return shown.length > MAX_LENGTH ? `${shown.slice(0, MAX_LENGTH)}...` : shown;
}

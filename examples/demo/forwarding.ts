import type { RawRequest } from '../../src/cli/otlp-receiver';

/** Passes requests on to a collector, as they came. A collector that cannot be reached is told of, and harms nothing. */
export interface Forwarding {
  readonly target: string;
  pass(request: RawRequest): void;
  /** Waits for what is under way. What came of it, in a sentence. */
  outcome(): Promise<{ readonly arrived: boolean; readonly sentence: string }>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const PATIENCE_MS = 3000;

/**
 * As `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_HEADERS` say. undefined when there is no endpoint. Throws
 * when it is no http URL.
 */
export function forwardingFrom(environment: Environment): Forwarding | undefined {
  const given = environment['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim();
  if (!given) return undefined;
  const endpoint = URL.canParse(given) ? new URL(given) : undefined;
  if (!endpoint || !/^https?:$/.test(endpoint.protocol))
    throw new Error(`OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL such as http://localhost:4318, not '${given}'`);
  // Without user and password: this is shown.
  const target = `${endpoint.origin}${endpoint.pathname}`.replace(/\/$/, '');
  const headers = headersFrom(environment['OTEL_EXPORTER_OTLP_HEADERS'] ?? '');
  const underWay: Promise<void>[] = [];
  const complaints = new Set<string>();
  let arrived = 0;

  async function post({ signal, contentType, contentEncoding, body }: RawRequest): Promise<void> {
    try {
      const response = await fetch(`${target}/v1/${signal}`, {
        method: 'POST',
        headers: {
          ...headers,
          'content-type': contentType,
          ...(contentEncoding && { 'content-encoding': contentEncoding }),
        },
        body: new Uint8Array(body),
        // The headers hold credentials: they are for this host alone.
        redirect: 'error',
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await response.arrayBuffer();
      if (response.ok) arrived++;
      else complaints.add(`${signal} were answered with ${response.status}`);
    } catch (error) {
      const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
      complaints.add(cause?.message || cause?.code || message);
    }
  }

  return {
    target,
    pass: request => void underWay.push(post(request)),
    async outcome() {
      await Promise.all(underWay);
      const [complaint] = complaints;
      if (complaint === undefined)
        return { arrived: true, sentence: `Sent to ${target} as well: ${arrived} OTLP requests.` };
      const sentence = `Not everything reached ${target}: ${complaint}. It must speak OTLP over http, usually on port 4318.`;
      return { arrived: false, sentence };
    },
  };
}

/** `key=value,key=value`, the values percent-encoded: W3C baggage without its properties. */
function headersFrom(list: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of list.split(',')) {
    const [name = '', ...value] = pair.split('=');
    if (name.trim()) headers[name.trim()] = decoded(value.join('=').trim());
  }
  return headers;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

import type { ProbeResult } from '../audit/audit-result';

/** What was seen of one probe from here. */
export interface SeenFromHere {
  /** How far it came: there was no connection, a connection, TLS as far as we can see. */
  readonly reached: 'nothing' | 'server' | 'tls';
  readonly status?: number | undefined;
  readonly alert?: { readonly code: number; readonly description: string } | undefined;
  readonly distrust?: string | undefined;
  readonly code?: string | undefined;
  readonly hasTimedOut: boolean;
}

export type Outcome = Pick<ProbeResult, 'outcome' | 'detail'>;

/**
 * Whether it was let in. A client of TLS 1.3 is done before the server has looked at its certificate: an end without an
 * answer is a refusal, as is an alert whenever it comes. `goodStatus`: what the good certificate was answered for the same
 * operation; undefined: it was not, or there is none.
 */
export function outcomeOf(seen: SeenFromHere, goodStatus: number | undefined): Outcome {
  const { reached, status, alert, distrust, code, hasTimedOut } = seen;
  if (status !== undefined) return { outcome: outcomeOfStatus(status, goodStatus), detail: `answered ${status}` };
  if (alert !== undefined) return { outcome: 'refused', detail: `TLS alert ${alert.code} (${alert.description})` };
  if (reached === 'nothing')
    return { outcome: 'undecided', detail: `not reachable (${code ?? 'no connection in time'})` };
  if (hasTimedOut) return { outcome: 'undecided', detail: 'no answer in time' };
  if (distrust !== undefined)
    return { outcome: 'undecided', detail: `not sent: the server's certificate does not verify (${distrust})` };
  if (code !== undefined && /^HPE_/.test(code))
    return { outcome: 'undecided', detail: 'answered, and not in HTTP/1.1' };
  if (code !== undefined && !CLOSED.has(code)) return { outcome: 'undecided', detail: `failed (${code})` };
  return { outcome: 'refused', detail: reached === 'tls' ? 'closed without an answer' : 'closed during the handshake' };
}

const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_PREMATURE_CLOSE']);

/** Of nginx: a bad certificate, and none. It shows others 400 in their place. Last checked 2026-11-22. */
const REFUSALS = [401, 403, 495, 496];
/** Of a server that has no time: nobody was judged. */
const BUSY = [408, 425, 429];

function outcomeOfStatus(status: number, goodStatus: number | undefined): Outcome['outcome'] {
  if (isSuccess(status)) return 'accepted';
  if (REFUSALS.includes(status)) return 'refused';
  // What is not there, or not well asked, is so for everybody: but not where it was there for somebody else.
  const isJudged = status >= 300 && status < 500 && !BUSY.includes(status);
  return isJudged && goodStatus !== undefined && isSuccess(goodStatus) ? 'refused' : 'undecided';
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

import assert from 'node:assert/strict';
import { outcomeOf, type SeenFromHere } from '../../src/probe/probe-outcome';

const over: SeenFromHere = { reached: 'tls', hasTimedOut: false };
const answered = (status: number): SeenFromHere => ({ ...over, status });

describe('what came of a probe', () => {
  const CASES: readonly [what: string, SeenFromHere, good: number | undefined, outcome: string, detail: string][] = [
    ['the first success', answered(200), undefined, 'accepted', 'answered 200'],
    ['the last success', answered(299), undefined, 'accepted', 'answered 299'],
    ['a redirection, as to a login', answered(302), undefined, 'undecided', 'answered 302'],
    ['a redirection, where the good one was not sent elsewhere', answered(302), 200, 'refused', 'answered 302'],
    ['401', answered(401), undefined, 'refused', 'answered 401'],
    ['403, also where the good one got it', answered(403), 403, 'refused', 'answered 403'],
    ["nginx' own", answered(495), undefined, 'refused', 'answered 495'],
    ['400, of which nobody knows why', answered(400), undefined, 'undecided', 'answered 400'],
    ['400, where the good one asked the same', answered(400), 200, 'refused', 'answered 400'],
    ['404, as the good one', answered(404), 404, 'undecided', 'answered 404'],
    ['404, where it was there for the good one', answered(404), 200, 'refused', 'answered 404'],
    ['too many requests', answered(429), 200, 'undecided', 'answered 429'],
    ['a broken server', answered(503), 200, 'undecided', 'answered 503'],
    [
      'an alert, whenever it comes',
      { ...over, alert: { code: 48, description: 'unknown_ca' }, code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' },
      200,
      'refused',
      'TLS alert 48 (unknown_ca)',
    ],
    ['an end without a byte', { ...over, code: 'ECONNRESET' }, undefined, 'refused', 'closed without an answer'],
    [
      'an end before TLS stands',
      { ...over, reached: 'server', code: 'ECONNRESET' },
      undefined,
      'refused',
      'closed during the handshake',
    ],
    [
      'no connection',
      { ...over, reached: 'nothing', code: 'ECONNREFUSED' },
      undefined,
      'undecided',
      'not reachable (ECONNREFUSED)',
    ],
    ['silence', { ...over, hasTimedOut: true, code: 'ABORT_ERR' }, undefined, 'undecided', 'no answer in time'],
    [
      'a server that is not believed',
      { ...over, reached: 'server', distrust: 'CERT_HAS_EXPIRED', code: 'CERT_HAS_EXPIRED' },
      undefined,
      'undecided',
      "not sent: the server's certificate does not verify (CERT_HAS_EXPIRED)",
    ],
    [
      'another protocol',
      { ...over, code: 'HPE_INVALID_CONSTANT' },
      undefined,
      'undecided',
      'answered, and not in HTTP/1.1',
    ],
    ['a fault of our own', { ...over, code: 'ERR_SSL_X' }, undefined, 'undecided', 'failed (ERR_SSL_X)'],
  ];
  for (const [what, seen, good, outcome, detail] of CASES) {
    it(`${outcome}: ${what}`, () => {
      assert.deepEqual(outcomeOf(seen, good), { outcome, detail });
    });
  }
});

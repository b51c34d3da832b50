/** What an operator asks, and how to ask a store of traces. */
export interface Search {
  readonly question: string;
  /** Jaeger's tags, which must be equal to the last character. Absent: Jaeger cannot be asked that. */
  readonly jaeger?: { readonly operation?: string; readonly tags: Readonly<Record<string, string>> };
  /** For Tempo 2.6 or later, which knows `trace:id`. */
  readonly traceql: string;
  /** What to read in what was found. */
  readonly read: string;
}

/** Values that stand for the reader's own are those of the attributes' examples. */
const FINGERPRINT = '9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08';

export const SEARCHES: readonly Search[] = [
  {
    question: 'Whom did we refuse?',
    jaeger: {
      operation: 'TLS server handshake',
      tags: { 'tls.handshake.outcome': 'failed', 'tls.failure.origin': 'local' },
    },
    traceql: '{ name = "TLS server handshake" && span.tls.failure.origin = "local" && span.error.type != nil }',
    read: '`error.type` is why, `tls.client.subject` who, `network.peer.address` from where',
  },
  {
    question: 'Who was refused for this reason?',
    jaeger: { tags: { 'error.type': 'certificate_expired' } },
    traceql: '{ span.error.type = "certificate_expired" } | select(span.tls.client.subject, span.network.peer.address)',
    read: '`tls.client.not_after`, and `tls.failure.hint` in the event',
  },
  {
    question: 'Who refused us?',
    jaeger: {
      operation: 'TLS client handshake',
      tags: { 'tls.handshake.outcome': 'failed', 'tls.failure.origin': 'peer' },
    },
    traceql: '{ name = "TLS client handshake" && span.tls.failure.origin = "peer" }',
    read: '`server.address`, and the alert that came: `tls.alert.description`',
  },
  {
    question: 'What failed from this address?',
    jaeger: { tags: { 'network.peer.address': '192.0.2.7', 'tls.handshake.outcome': 'failed' } },
    traceql: '{ span.network.peer.address = "192.0.2.7" && span.tls.handshake.outcome = "failed" }',
    read: 'many reasons from one address are a scanner, many fingerprints somebody who tries',
  },
  {
    question: 'Which certificate made this request?',
    traceql:
      '{ trace:id = "0af7651916cd43dd8448eb211c80319c" && kind = server } | select(span.tls.client.subject, span.tls.client.hash.sha256, span.tls.verify.result)',
    read: 'in Jaeger open the trace by its id: the same attributes are on its server span, and its reference leads to the handshake',
  },
  {
    question: 'Which requests did this certificate make?',
    jaeger: { tags: { 'tls.client.hash.sha256': FINGERPRINT, 'tls.client.certificate.source': 'handshake' } },
    traceql: `{ span.tls.client.hash.sha256 = "${FINGERPRINT}" && span.tls.client.certificate.source != nil }`,
    read: 'handshakes have no `tls.client.certificate.source`; behind a proxy it is `header`',
  },
  {
    question: 'What did this subject do, whichever certificate it had?',
    jaeger: { tags: { 'tls.client.subject': 'CN=billing,O=Acme' } },
    traceql: '{ span.tls.client.subject = "CN=billing,O=Acme" }',
    read: 'more than one `tls.client.hash.sha256`: it was renewed, or somebody else has its name',
  },
  {
    question: 'What went over this connection?',
    jaeger: { tags: { 'tls.connection.id': 'b7ad6b7169203331' } },
    traceql: '{ span.tls.connection.id = "b7ad6b7169203331" }',
    read: 'the handshake and each of its requests',
  },
  {
    question: 'Which clients were let in although their certificate did not verify?',
    jaeger: {
      operation: 'TLS server handshake',
      tags: { 'tls.handshake.outcome': 'established', 'tls.verify.result': 'failed' },
    },
    traceql: '{ name = "TLS server handshake" && span.tls.established = true && span.tls.verify.result = "failed" }',
    read: '`tls.verify.errors` is what was wrong; the server does not enforce (`tls.verify.enforced`)',
  },
  {
    question: 'Whose certificate did nobody look at?',
    jaeger: { tags: { 'tls.handshake.outcome': 'established', 'tls.verify.result': 'unverified' } },
    traceql: '{ span.tls.established = true && span.tls.verify.result = "unverified" }',
    read: '`server.address` on a client: it trusts whoever answers there',
  },
  {
    question: 'Which requests came without a certificate?',
    jaeger: { tags: { 'tls.verify.result': 'not_presented', 'http.request.method': 'GET' } },
    traceql: '{ kind = server && span.tls.verify.result = "not_presented" }',
    read: '`http.route`: `otel-tls audit` says which of these should have had one. In Jaeger ask again for each method',
  },
  {
    question: 'Who resumes a session with a certificate that has expired or was revoked since?',
    jaeger: { tags: { 'tls.session.stale': 'certificate_revoked' } },
    traceql: '{ span.tls.session.stale != nil }',
    read: 'nobody verifies a resumed session again',
  },
  {
    question: 'Who was called authorized without any certificate?',
    jaeger: { tags: { 'tls.verify.authorized': 'true' } },
    traceql: '{ span.tls.verify.authorized = true }',
    read: '`network.local.port` is the server that must be mended',
  },
  {
    question: 'Who still speaks an old protocol?',
    jaeger: { tags: { 'tls.protocol.version': '1.0' } },
    traceql: '{ span.tls.protocol.version = "1.0" || span.tls.protocol.version = "1.1" }',
    read: 'in Jaeger ask again for 1.1',
  },
  {
    question: 'Which identities came out of a header?',
    jaeger: { tags: { 'tls.client.certificate.source': 'header' } },
    traceql: '{ span.tls.client.certificate.source = "header" }',
    read: '`tls.proxy.preset` is the format, `network.peer.address` the proxy',
  },
  {
    question: 'Which certificates does this user come with?',
    jaeger: { tags: { 'enduser.id': 'alice' } },
    traceql: '{ span.enduser.id = "alice" } | select(span.tls.client.subject, span.tls.client.hash.sha256)',
    read: 'needs the option `userId`',
  },
];

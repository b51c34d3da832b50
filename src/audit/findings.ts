import type { NamedCertificate, SeenHandshake, SeenRequest } from './evidence';
import type { Operation } from './operations';
import type { Question, Reference, Severity } from './audit-result';
import { REFERENCES } from './references';

/** A request to a described operation, with what is known of its connection's handshake. */
export interface JudgedRequest {
  readonly request: SeenRequest;
  readonly operation: Operation;
  /** Undefined: its span is not in the evidence. */
  readonly handshake: KnownHandshake | undefined;
  /** A log record beside the span told of the refusal. */
  readonly hasRefusalRecord: boolean;
}

/** What is remembered of a handshake until its requests come. */
export type KnownHandshake = Pick<SeenHandshake, 'verification' | 'protocol' | 'cipher' | 'peerAddress'> & {
  readonly fingerprint?: string | undefined;
  readonly subject?: string | undefined;
};

/** `found`: here it is; `fine`: here it might have been; `not asked`: it cannot be said of this one. */
export type Verdict = 'found' | 'fine' | 'not asked';

interface Row {
  readonly title: string;
  readonly severity: Severity;
  readonly help: string;
  readonly restsOn: string;
  readonly remediation: { readonly text: string; readonly paste: string };
  readonly references: readonly Reference[];
  /** Who relies on the trail of an operation's requests is let down: the operation is not proven. */
  readonly breaksTrail: boolean;
  /** The question about a request that stays unanswered. */
  readonly leavesOpen?: Question;
  /** Said behind the count: `3 of 7 requests` + this. */
  readonly seen: string;
}

/** Judged for each request to a protected operation. */
export interface RequestRow extends Row {
  readonly about: 'request';
  readonly judge: (judged: JudgedRequest) => Verdict;
}

/** Judged for each handshake. `subject`: of findings of this row, one is told for each. */
export interface HandshakeRow extends Row {
  readonly about: 'handshake';
  readonly judge: (handshake: SeenHandshake) => Verdict;
  readonly subject: (handshake: SeenHandshake) => string;
}

/** Found by looking at all the evidence together, where it is concluded. */
export interface WholeRow extends Row {
  readonly about: 'whole';
}

/** Found by what came of the requests of a probe, where they were sent. */
export interface ProbeRow extends Row {
  readonly about: 'probe';
}

export type FindingRow = RequestRow | HandshakeRow | WholeRow | ProbeRow;

const R = REFERENCES;

const PRELOAD = 'node --require opentelemetry-instrumentation-tls/register app.js';

/** Every finding there is, one row each. The row is its documentation: reports and the README's table are made of it. */
export const FINDINGS = {
  'success-without-certificate': {
    about: 'request',
    title: 'Answered without a certificate',
    severity: 'critical',
    help: 'The description demands a client certificate, and requests without one were answered with success, as far as this server knows: whoever reaches it may call the operation. Where a proxy in front checks certificates, it has to forward them, or nobody can tell.',
    restsOn:
      '`http.response.status_code` below 400, and `tls.verify.result` `not_presented` or `not_requested`, on SERVER spans or their handshakes',
    remediation: {
      text: 'Refuse clients without a certificate, in the server or in the handler.',
      paste: 'https.createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, application);',
    },
    references: [R.brokenAuthentication, R.asvs6_3_4, R.missingAuthentication],
    breaksTrail: true,
    seen: 'succeeded without a certificate',
    judge: ({ request, operation, handshake }) => {
      if (operation.protection !== 'required' || !isSuccess(request)) return 'not asked';
      if (request.certificate !== undefined) return 'fine';
      const verification = verificationOf(request, handshake);
      return verification === 'not_presented' || verification === 'not_requested' ? 'found' : 'not asked';
    },
  },
  'unverified-certificate-accepted': {
    about: 'request',
    title: 'Unverified certificate accepted',
    severity: 'critical',
    help: 'A client showed a certificate that did not verify, and its request was answered with success. Anybody can make such a certificate, in any name.',
    restsOn:
      '`tls.verify.result` `failed` or `unverified` and `http.response.status_code` below 400; or the event `tls.client_certificate.accepted_unverified`',
    remediation: {
      text: 'Let Node refuse what does not verify (rejectUnauthorized), or refuse it in the application.',
      paste:
        "const { getTlsPeer } = require('opentelemetry-instrumentation-tls');\n" +
        "if (getTlsPeer(request)?.verification.result !== 'ok') return response.writeHead(403).end();",
    },
    references: [R.brokenAuthentication, R.asvs12_1_3, R.certificateValidation],
    breaksTrail: true,
    seen: 'succeeded although the certificate did not verify',
    judge: ({ request, handshake }) => {
      if (request.events.includes('tls.client_certificate.accepted_unverified')) return 'found';
      if (!isSuccess(request)) return 'not asked';
      const verification = verificationOf(request, handshake);
      // There was one, even where privacy has its names left out.
      if (verification === 'ok' || verification === 'failed') return verification === 'ok' ? 'fine' : 'found';
      return verification === 'unverified' && request.certificate !== undefined ? 'found' : 'not asked';
    },
  },
  'probe-accepted': {
    about: 'probe',
    title: 'Bad certificate accepted',
    severity: 'critical',
    help: 'A probe asked for a protected operation with a certificate that must not be accepted, or with none, and was answered with success. Whoever reaches the server can do the same.',
    restsOn: 'what the server answered to `--probe`: a status from 200 to 299, whatever the evidence says of it',
    remediation: {
      text: 'Have the server that ends TLS refuse what does not verify, with the authorities and revocation lists that it is to trust.',
      paste: 'https.createServer({ key, cert, ca, crl, requestCert: true, rejectUnauthorized: true }, application);',
    },
    references: [R.brokenAuthentication, R.asvs12_1_3, R.asvs6_3_4, R.certificateValidation],
    breaksTrail: true,
    seen: 'that ought to have been refused were answered with success',
  },
  'private-key-exported': {
    about: 'whole',
    title: 'Private key in the telemetry',
    severity: 'critical',
    help: 'An attribute holds a private key. Whoever reads the telemetry can speak in the name of its owner.',
    restsOn: 'any attribute of a span or log record that holds `-----BEGIN ... PRIVATE KEY-----`',
    remediation: {
      text: 'Withdraw the certificate and replace the key, remove what writes it, and delete what was stored. Until then, drop the attribute in the collector.',
      paste:
        'processors:\n  transform/keys:\n    error_mode: ignore\n    trace_statements:\n      - context: span\n        statements:\n          - replace_all_patterns(attributes, "value", "-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*", "(a private key)")',
    },
    references: [R.misconfiguration, R.asvs16_2_5, R.secretsInLogs],
    breaksTrail: false,
    seen: 'held a private key',
  },
  'forwarded-certificate-spoofed': {
    about: 'request',
    title: 'Certificate from a header of somebody who is not trusted',
    severity: 'high',
    help: 'A request brought a certificate in a header that must not be believed: its sender is no trusted proxy, or it contradicts the handshake. Somebody tries to be somebody else, or a proxy is missing from the list.',
    restsOn:
      'the event `tls.forwarded_certificate.spoof_suspected` on the span of the request, or as a log record about the operation',
    remediation: {
      text: 'Find the sender by its address. If it is your proxy, name it; if not, have the proxy drop the header that comes from outside.',
      paste: 'OTEL_INSTRUMENTATION_TLS_FORWARDED_TRUSTED_PROXIES=192.0.2.10/32',
    },
    references: [R.brokenAuthentication, R.asvs4_1_3, R.spoofing],
    breaksTrail: true,
    seen: 'came with a certificate in a header that must not be believed',
    judge: ({ request }) => (request.suspicion === undefined ? 'fine' : 'found'),
  },
  'identity-contradicted': {
    about: 'request',
    title: 'Two sources disagree about the certificate',
    severity: 'high',
    help: 'The span of the request names one certificate and the handshake of its connection another. One of the two is wrong, or something between them speaks for others.',
    restsOn:
      '`tls.client.hash.sha256` of the request and of its handshake, else `tls.client.subject` of both, where `tls.client.certificate.source` is not `header`',
    remediation: {
      text: 'Find out what writes tls.client.* on the request beside the instrumentation, and remove it.',
      paste: 'grep -rnE --exclude-dir=node_modules "[\'\\"]tls\\.client\\." .',
    },
    references: [R.spoofing, R.asvs16_2_1],
    breaksTrail: true,
    seen: 'named another certificate than the handshake of the connection',
    judge: ({ request: { certificate }, handshake }) => {
      if (certificate === undefined || certificate.source === 'header') return 'not asked';
      if (certificate.fingerprint !== undefined && handshake?.fingerprint !== undefined)
        return certificate.fingerprint === handshake.fingerprint ? 'fine' : 'found';
      if (certificate.subject === undefined || handshake?.subject === undefined) return 'not asked';
      // A pseudonym beside a name says nothing of whose it is.
      if (certificate.subject.startsWith('hmac:') !== handshake.subject.startsWith('hmac:')) return 'not asked';
      return isSameName(certificate.subject, handshake.subject) ? 'fine' : 'found';
    },
  },
  'certificate-not-recorded': {
    about: 'request',
    title: 'No certificate recorded',
    severity: 'high',
    help: 'The spans of requests say neither which certificate came nor that none did. Nobody can tell afterwards who called.',
    restsOn: '`tls.client.subject`, `tls.client.hash.sha256`, `tls.verify.result` on SERVER spans or their handshakes',
    remediation: {
      text: 'Start the server that ends TLS with the instrumentation; behind a proxy, let the proxy forward the certificate and name it as trusted.',
      paste: PRELOAD,
    },
    references: [R.asvs16_2_1, R.asvs16_3_1, R.insufficientLogging, R.pci10_2_2],
    breaksTrail: true,
    leavesOpen: 'certificate',
    seen: 'said nothing of a certificate',
    judge: ({ request, handshake }) => {
      return request.certificate === undefined && verificationOf(request, handshake) === undefined ? 'found' : 'fine';
    },
  },
  'verification-not-recorded': {
    about: 'request',
    title: 'No verification result recorded',
    severity: 'high',
    help: 'A certificate is named, but not whether it verified. A name that anybody may have written proves nothing.',
    restsOn: '`tls.verify.result` on SERVER spans with `tls.client.*`, or on their handshakes',
    remediation: {
      text: 'Let the instrumentation write the certificate instead of the application: it says what came of the verification.',
      paste: PRELOAD,
    },
    references: [R.asvs16_2_1, R.asvs16_3_1, R.omission],
    breaksTrail: true,
    leavesOpen: 'verification',
    seen: 'named a certificate and did not say whether it verified',
    judge: ({ request, handshake }) => {
      if (verificationOf(request, handshake) !== undefined) return 'fine';
      return request.certificate === undefined ? 'not asked' : 'found';
    },
  },
  'weak-encryption': {
    about: 'request',
    title: 'Weak protocol or cipher',
    severity: 'high',
    help: 'Requests to a protected operation came over a TLS version before 1.2, or a cipher suite without authentication, without forward secrecy or of broken strength.',
    restsOn: '`tls.protocol.version` and `tls.cipher` of SERVER spans or their handshakes',
    remediation: {
      text: 'Leave the server at TLS 1.2 or later and at suites with (EC)DHE.',
      paste:
        "https.createServer({ minVersion: 'TLSv1.2', ciphers: 'ECDHE+AESGCM:ECDHE+CHACHA20', ...options }, application);",
    },
    references: [R.misconfiguration, R.asvs12_1_1, R.asvs12_1_2, R.weakEncryption],
    breaksTrail: false,
    leavesOpen: 'protocol',
    seen: 'came over a weak protocol or cipher suite',
    judge: ({ request, handshake }) => {
      // Behind a proxy the handshake is not the client's.
      const own = request.certificate?.source === 'header' ? undefined : handshake;
      const protocol = request.protocol ?? own?.protocol;
      const cipher = request.cipher ?? own?.cipher;
      if (protocol === undefined && cipher === undefined) return 'not asked';
      return isWeakProtocol(protocol) || isWeakCipher(cipher) ? 'found' : 'fine';
    },
  },
  'shadow-operation': {
    about: 'whole',
    title: 'In use, and not described',
    severity: 'high',
    help: 'A service of this API answers requests that fit no operation of the description. What is not described is not reviewed, and nobody knows whether it is protected.',
    restsOn:
      'SERVER spans that match no operation, answered with anything but 404 or 405, of services that serve described operations',
    remediation: {
      text: 'Describe the operation with its security, or take it out of service.',
      paste:
        'paths:\n  /the/path:\n    get:\n      security:\n        - certificate: []\n      responses:\n        default: { description: What it answers. }',
    },
    references: [R.inventory, R.insufficientDocumentation],
    breaksTrail: false,
    seen: 'fitted no operation of the description',
  },
  'failures-without-trail': {
    about: 'whole',
    title: 'Failures without a trail',
    severity: 'high',
    help: 'The metrics, which count every handshake, know of failures that neither spans nor events tell of: that somebody was refused is known, and nothing of whom.',
    restsOn:
      '`tls.server.handshake.duration` and `tls.client.handshake.duration` with `tls.handshake.outcome` `failed` (from files, or received with `--listen`), against failed handshake spans, log records and what was said to be suppressed',
    remediation: {
      text: 'Send spans and logs to where the metrics go, and record every failed handshake whatever is sampled of the others.',
      paste: 'sampler: new TlsFailureSampler(new TraceIdRatioBasedSampler(0.1)),',
    },
    references: [R.asvs16_3_1, R.asvs16_3_4, R.insufficientLogging, R.pci10_2_1_4],
    breaksTrail: false,
    seen: 'stood in the metrics alone',
  },
  'probe-without-trail': {
    about: 'probe',
    title: 'Probe without a trail',
    severity: 'high',
    help: 'A handshake or request that was sent on purpose is in no span and no log record, although they were waited for. Somebody else who did the same would not be seen either.',
    restsOn:
      'probes that are in no `TLS server handshake` and no `tls.handshake.failed` (`tls.client.hash.sha256`, `tls.client.x509.serial_number`, or `network.peer.port` at that time), nor under the `traceparent` that they carried',
    remediation: {
      text: 'Start what ends TLS there with the instrumentation, and send what it records to where the evidence was read.',
      paste: PRELOAD,
    },
    references: [R.asvs16_3_1, R.asvs16_3_4, R.insufficientLogging, R.pci10_2_1_4],
    breaksTrail: true,
    seen: 'left no trail',
  },
  'failure-sampled-away': {
    about: 'whole',
    title: 'Failures sampled away',
    severity: 'high',
    help: 'Log records tell of refused certificates whose spans were not recorded, or never arrived. What a sampler lets through by chance is no trail.',
    restsOn:
      'log records `tls.handshake.failed` and `tls.client_certificate.rejected` whose trace is not sampled or whose span is not in the evidence',
    remediation: {
      text: 'Record every failed handshake, whatever is sampled of the others. The preload does so by itself.',
      paste: 'sampler: new TlsFailureSampler(new TraceIdRatioBasedSampler(0.1)),',
    },
    references: [R.asvs16_3_1, R.asvs16_3_4, R.insufficientLogging, R.pci10_2_1_4],
    breaksTrail: false,
    seen: 'told of a failure that has no span',
  },
  'personal-data-exported': {
    about: 'whole',
    title: 'Named in the telemetry, against the privacy options',
    severity: 'high',
    help: 'Telemetry that is to name nobody names somebody: a certificate, an address or a user stands there openly. Another instance runs without the option, or something else writes the attribute.',
    restsOn:
      'attributes that name somebody (`tls.client.subject`, `client.address` and their like), against what `--privacy` says; without it, openly beside pseudonyms (`hmac:...`) in telemetry of the same service',
    remediation: {
      text: 'Give every instance of the service the same options (identity, addresses), and drop in the collector what others write.',
      paste:
        'processors:\n  transform/privacy:\n    error_mode: ignore\n    trace_statements:\n      - context: span\n        statements:\n          - delete_key(attributes, "client.address")',
    },
    references: [R.misconfiguration, R.asvs16_2_5, R.privateInformation],
    breaksTrail: false,
    seen: 'named somebody openly',
  },
  'telemetry-lost': {
    about: 'whole',
    title: 'Telemetry lost on its way',
    severity: 'high',
    help: 'The collector, or the SDK, says that spans or log records did not arrive: a queue was full, or nobody took them. What is not in the evidence may have happened.',
    restsOn:
      'the metrics `otelcol_exporter_send_failed_*`, `otelcol_exporter_enqueue_failed_*`, `otelcol_receiver_refused_*`, `otelcol_receiver_failed_*`, `otelcol_processor_refused_*` and `otelcol_processor_dropped_*` of the collector; `otel.sdk.processor.*.processed` and `otel.sdk.exporter.*.exported` of SDKs, with an `error.type`; and what the collector logs when it gives up',
    remediation: {
      text: 'Find out what did not take it. Until then, let queues be longer, in the collector and in the SDK (OTEL_BSP_MAX_QUEUE_SIZE), and retry for longer.',
      paste:
        'exporters:\n  otlp:\n    sending_queue: { queue_size: 10000 }\n    retry_on_failure: { max_elapsed_time: 30m }',
    },
    references: [R.asvs16_4_3, R.asvs16_3_4, R.insufficientLogging, R.pci10_7_2],
    breaksTrail: false,
    seen: 'did not arrive',
  },
  'refusal-without-event': {
    about: 'request',
    title: 'Refused without an event',
    severity: 'medium',
    help: 'The application refused a client whose certificate did not verify, and no event says so: a search for refusals does not find it.',
    restsOn:
      'SERVER spans with `http.response.status_code` 401 or 403 and `tls.verify.result` `failed`, without the event `tls.client_certificate.rejected` on them or as a log record beside them',
    remediation: {
      text: 'Switch the events on, and send logs or span events to where they are kept.',
      paste: 'OTEL_INSTRUMENTATION_TLS_EVENTS=both',
    },
    references: [R.asvs16_3_1, R.asvs16_3_2, R.pci10_2_1_4],
    breaksTrail: true,
    seen: 'ended in a refusal of which no event tells',
    judge: ({ request, handshake, hasRefusalRecord }) => {
      const isRefusal = request.status === 401 || request.status === 403;
      if (!isRefusal || verificationOf(request, handshake) !== 'failed') return 'not asked';
      return hasRefusalRecord || request.events.includes('tls.client_certificate.rejected') ? 'fine' : 'found';
    },
  },
  'operation-never-seen': {
    about: 'whole',
    title: 'Never seen',
    severity: 'medium',
    help: 'No request to this protected operation is in the evidence. Either nobody calls it, or it is called where nothing is recorded.',
    restsOn: 'no SERVER span matches the operation',
    remediation: {
      text: 'Call it once with a test client and look again; if it stays unseen, instrument the service that serves it, or take it out of the description.',
      paste: 'curl --cert client.pem --key client-key.pem --cacert authority.pem https://api.example/the/path',
    },
    references: [R.inventory, R.insufficientLogging, R.pci10_2_1],
    breaksTrail: true,
    seen: 'is in no span of the evidence',
  },
  'certificate-source-not-recorded': {
    about: 'request',
    title: 'Not recorded how the certificate is known',
    severity: 'medium',
    help: 'The span names a certificate, but not whether it came by the handshake or out of a header. In a header anybody may write what he likes.',
    restsOn: '`tls.client.certificate.source` on SERVER spans with `tls.client.*`',
    remediation: {
      text: 'Let the instrumentation write the certificate instead of the application, and name the proxies it may believe.',
      paste: PRELOAD,
    },
    references: [R.asvs16_2_1, R.omission],
    breaksTrail: true,
    seen: 'did not say how the certificate is known',
    judge: ({ request: { certificate } }) => {
      if (certificate === undefined) return 'not asked';
      return certificate.source === undefined ? 'found' : 'fine';
    },
  },
  'request-not-linked': {
    about: 'request',
    title: 'Not linked to a handshake',
    severity: 'medium',
    help: 'Nothing leads from the request to the handshake of its connection: its address, its verification in detail and what else came over the connection cannot be found.',
    restsOn:
      '`tls.connection.id`, or a span link, on SERVER spans; not asked where a trusted proxy forwarded the certificate',
    remediation: {
      text: 'Record established handshakes, not only failed ones, and let the instrumentation decorate the spans of requests.',
      paste: 'OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS=all',
    },
    references: [R.asvs16_2_1, R.omission],
    breaksTrail: true,
    leavesOpen: 'handshake',
    seen: 'had no link to a handshake',
    judge: ({ request }) => {
      if (request.certificate?.source === 'header') return 'not asked';
      if (request.certificate === undefined && request.verification === undefined) return 'not asked';
      return request.connection === undefined ? 'found' : 'fine';
    },
  },
  'handshake-not-in-evidence': {
    about: 'request',
    title: 'Handshake not in the evidence',
    severity: 'medium',
    help: 'The request names the handshake of its connection, and that is not in the evidence: sampled away, sent elsewhere, or before the evidence begins.',
    restsOn: '`tls.connection.id` or a span link on SERVER spans, and no handshake span of that id',
    remediation: {
      text: 'Send handshakes and requests to the same place, sample neither away, and give the audit a longer time of evidence than connections last.',
      paste: 'OTEL_TRACES_SAMPLER=always_on\nOTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS=all',
    },
    references: [R.asvs16_2_1, R.omission],
    breaksTrail: true,
    leavesOpen: 'handshake',
    seen: 'named a handshake that is not in the evidence',
    judge: ({ request, handshake }) => {
      if (request.connection === undefined || request.certificate?.source === 'header') return 'not asked';
      return handshake === undefined ? 'found' : 'fine';
    },
  },
  'peer-address-not-recorded': {
    about: 'request',
    title: 'No peer address',
    severity: 'medium',
    help: 'Neither the request nor its handshake says from which address it came.',
    restsOn: '`network.peer.address` or `client.address` on SERVER spans, `network.peer.address` on their handshakes',
    remediation: {
      text: 'Keep network.peer.address, masked if it must be (the option addresses): look for a processor of the SDK or the collector that deletes it.',
      paste: 'OTEL_INSTRUMENTATION_TLS_ADDRESSES=masked',
    },
    references: [R.asvs16_2_1, R.omission, R.pci10_2_2],
    breaksTrail: true,
    leavesOpen: 'peer',
    seen: 'did not say from which address it came',
    judge: ({ request, handshake }) =>
      request.peerAddress === undefined && handshake?.peerAddress === undefined ? 'found' : 'fine',
  },
  'telemetry-cut': {
    about: 'request',
    title: 'Spans cut at a limit',
    severity: 'medium',
    help: 'The SDK left attributes, events or links out, as there were more than its limits allow. Which, nobody can tell: what is missing of these spans may have been there.',
    restsOn:
      '`droppedAttributesCount`, `droppedEventsCount` and `droppedLinksCount` of SERVER spans, of handshake spans and of our log records',
    remediation: {
      text: 'Raise the limits, or find out what writes so many attributes.',
      paste:
        'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=256\nOTEL_SPAN_EVENT_COUNT_LIMIT=256\nOTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT=256',
    },
    references: [R.asvs16_2_1, R.omission],
    breaksTrail: true,
    seen: 'had something left out at a limit',
    judge: ({ request }) => (request.isCut ? 'found' : 'fine'),
  },
  'failure-without-alert': {
    about: 'whole',
    title: 'Failures that no alert rings for',
    severity: 'medium',
    help: 'Handshakes failed for this reason, or a pattern of abuse was found, and no alerting rule asks for it: whether it is one or a thousand, nobody is told. Failures that strangers cause by trying around are watched, too, by an alert for the pattern `scanner`.',
    restsOn:
      'the rules of `--rules`, whose queries select none of the series in which failures of this `error.type`, or detections of this `tls.abuse.pattern`, are counted; failed handshakes, log records and metrics in which they were seen',
    remediation: {
      text: 'Add a rule for it; or take the rules that come with this package.',
      paste: 'rule_files:\n  - node_modules/opentelemetry-instrumentation-tls/collector-config/alerts/tls.rules.yml',
    },
    references: [R.asvs16_4_3, R.pci10_4_1_1],
    breaksTrail: false,
    seen: 'of a kind that no alert rings for',
  },
  'failure-without-reason': {
    about: 'handshake',
    title: 'Failure without a reason',
    severity: 'medium',
    help: 'A handshake failed and the trail does not say why: no error.type, or `_OTHER`.',
    restsOn: '`error.type` of failed handshake spans',
    remediation: {
      text: 'Update the instrumentation; if the reason stays unknown, open an issue with the attribute tls.error.code.',
      paste: 'npm install opentelemetry-instrumentation-tls@latest',
    },
    references: [R.asvs16_2_1, R.asvs16_3_4, R.omission],
    breaksTrail: false,
    seen: 'failed for no known reason',
    judge: ({ hasFailed, reason }) => {
      if (!hasFailed) return 'not asked';
      return reason === undefined || reason === '_OTHER' ? 'found' : 'fine';
    },
    subject: ({ example }) => example.attributes['tls.error.code']?.toString() ?? 'no code',
  },
  'hangup-without-reason': {
    about: 'whole',
    title: '"socket hang up" and nothing else',
    severity: 'medium',
    help: "A client's request ended with a lost connection and no handshake says why. A refused certificate looks like this to Node.",
    restsOn:
      'CLIENT spans in error with `ECONNRESET` or "socket hang up", without a failed or refused handshake below them',
    remediation: {
      text: 'Instrument the calling process too: it concludes from circumstances what the server did not say.',
      paste: PRELOAD,
    },
    references: [R.asvs16_2_1, R.asvs16_3_4, R.omission],
    breaksTrail: false,
    seen: 'ended in a lost connection and nothing else',
  },
  'failure-without-peer-address': {
    about: 'handshake',
    title: 'Refused, and nobody knows whom',
    severity: 'medium',
    help: 'A handshake failed and the trail does not say from which address it came.',
    restsOn: '`network.peer.address` of failed server handshakes',
    remediation: {
      text: 'Keep network.peer.address, masked if it must be (the option addresses): look for a processor of the SDK or the collector that deletes it.',
      paste: 'OTEL_INSTRUMENTATION_TLS_ADDRESSES=masked',
    },
    references: [R.asvs16_2_1, R.omission, R.pci10_2_2],
    breaksTrail: false,
    seen: 'failed without a peer address',
    judge: ({ hasFailed, side, peerAddress }) => {
      if (!hasFailed || side !== 'server') return 'not asked';
      return peerAddress === undefined ? 'found' : 'fine';
    },
    subject: () => 'failed handshakes',
  },
  'failures-suppressed': {
    about: 'whole',
    title: 'Failures left unsaid',
    severity: 'medium',
    help: 'More failed than the instrumentation may say one by one. They are counted, but have neither span nor event.',
    restsOn:
      'log records `tls.telemetry.suppressed`: `tls.suppressed.handshakes`, `tls.suppressed.requests`; where there are none, the metric of that name',
    remediation: {
      text: 'Look at who floods the server, first. If it is ordinary traffic, as behind a load balancer, raise the limits.',
      paste: 'OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT=200\nOTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT_PER_NETWORK=200',
    },
    references: [R.asvs16_3_4, R.insufficientLogging, R.pci10_2_1_4],
    breaksTrail: false,
    seen: 'had neither span nor event',
  },
  'certificate-exported': {
    about: 'whole',
    title: 'Whole certificates in the telemetry',
    severity: 'medium',
    help: 'Certificates are exported as PEM, with every name, address and extension in them. By default they are not.',
    restsOn: 'any attribute of a span or log record that holds `-----BEGIN CERTIFICATE-----`',
    remediation: {
      text: 'Leave certificatePem off unless somebody needs it: the fingerprint finds the certificate.',
      paste: 'OTEL_INSTRUMENTATION_TLS_CERTIFICATE_PEM=false',
    },
    references: [R.misconfiguration, R.asvs16_2_5],
    breaksTrail: false,
    seen: 'held a whole certificate',
  },
  'certificate-near-end': {
    about: 'handshake',
    title: 'Certificate near its end',
    severity: 'medium',
    help: 'A certificate was in use that ends within 30 days, and in less than a third of its lifetime. On that day every request with it fails.',
    restsOn: '`tls.client.not_after`, `tls.server.not_after` of established handshakes, at the time of the handshake',
    remediation: {
      text: 'Renew the certificate now, and have it noticed the next time.',
      paste:
        '- alert: TlsCertificateExpiring\n  expr: tls_certificate_time_to_expiry_seconds < 7 * 86400\n  for: 1d\n  labels: { severity: ticket }',
    },
    references: [R.asvs11_1_2],
    breaksTrail: false,
    seen: 'used a certificate that ends soon',
    judge: ({ hasFailed, certificate, at }) => {
      if (hasFailed || certificate?.notAfter === undefined) return 'not asked';
      return isNearEnd(certificate, at) ? 'found' : 'fine';
    },
    subject: ({ certificate }) => certificate?.subject ?? certificate?.fingerprint ?? '',
  },
  'user-not-recorded': {
    about: 'request',
    title: 'User not recorded',
    severity: 'low',
    help: 'The operation demands a user beside the certificate, by a token or a password. The span names the certificate alone: who of those behind it called, is not recorded.',
    restsOn:
      '`enduser.id` or `user.id` on SERVER spans of operations that demand `oauth2`, `openIdConnect`, `http` or `basic` too',
    remediation: {
      text: 'Tell the instrumentation who the user is.',
      paste: 'new TlsInstrumentation({ userId: request => request.user?.id });',
    },
    references: [R.asvs16_2_1, R.pci10_2_2],
    breaksTrail: false,
    leavesOpen: 'user',
    seen: 'succeeded and did not name the user',
    judge: ({ request, operation }) => {
      if (!operation.isUserKnown || !isSuccess(request)) return 'not asked';
      return request.user === undefined ? 'found' : 'fine';
    },
  },
  'grave-failure-without-alert': {
    about: 'whole',
    title: 'Grave failures that no alert would ring for',
    severity: 'low',
    help: 'No handshake in the evidence failed for this reason, nor was this pattern found; but when one is, somebody should be woken, and no alerting rule asks for it.',
    restsOn:
      'the rules of `--rules`, against the reasons whose events are of severity ERROR, and the patterns of abuse that are looked for by default',
    remediation: {
      text: 'Add a rule for it; or take the rules that come with this package.',
      paste: 'rule_files:\n  - node_modules/opentelemetry-instrumentation-tls/collector-config/alerts/tls.rules.yml',
    },
    references: [R.asvs16_4_3, R.pci10_4_1_1],
    breaksTrail: false,
    seen: 'was not seen yet, and no alert would ring for it',
  },
} as const satisfies { readonly [id: string]: FindingRow };

export type FindingId = keyof typeof FINDINGS;

/** Those that no evidence alone can show. */
export type ProbeFindingId = {
  [id in FindingId]: (typeof FINDINGS)[id]['about'] extends 'probe' ? id : never;
}[FindingId];

function isSuccess({ status }: SeenRequest): boolean {
  return status !== undefined && status < 400;
}

function verificationOf(request: SeenRequest, handshake: KnownHandshake | undefined): string | undefined {
  return request.verification ?? (request.certificate?.source === 'header' ? undefined : handshake?.verification);
}

/** The same parts, in whatever order and with whatever spaces they are written. */
function isSameName(one: string, other: string): boolean {
  const [these, those] = [one, other].map(name =>
    name
      .split(/(?<!\\)[,+/]/)
      .map(part => part.trim().toLowerCase())
      .filter(part => part !== '')
      .sort()
      .join(','),
  );
  return these === those;
}

function isWeakProtocol(protocol: string | undefined): boolean {
  return protocol !== undefined && /^(?:SSL|TLS (?:1|1\.0|1\.1)$)/.test(protocol);
}

/** IANA names. `TLS_RSA_WITH_`: whoever gets the key later can read what was recorded before. */
function isWeakCipher(cipher: string | undefined): boolean {
  return cipher !== undefined && (/NULL|EXPORT|RC4|DES|MD5|_anon_/i.test(cipher) || /^TLS_RSA_WITH_/.test(cipher));
}

const NEAR_MS = 30 * 24 * 3600 * 1000;

/** Certificates of hours, as SPIFFE's, are always within 30 days of their end. */
function isNearEnd({ notBefore, notAfter = 0 }: NamedCertificate, at: number): boolean {
  const left = notAfter - at;
  if (left >= NEAR_MS) return false;
  return notBefore === undefined || left < (notAfter - notBefore) / 3;
}

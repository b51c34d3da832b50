export type {
  AlternativeName,
  CertificateDetails,
  CertificateIdentity,
  PeerCertificate,
} from './certificate/peer-certificate';
export { FAILURE_REASONS, type FailureReason } from './handshake/failure-reasons';
export type {
  DecidedBy,
  Endpoint,
  Handshake,
  HandshakeFailure,
  Outcome,
  Phase,
  Refusal,
  Side,
  Verification,
  VerificationResult,
} from './handshake/handshake';
export { getActiveTlsPeer, getTlsPeer } from './identity/current-peer';
export { TlsPeerSpanProcessor } from './identity/peer-span-processor';
export type { RequestHooks } from './identity/request-hooks';
export type { TlsPeer } from './identity/tls-peer';
export { TlsInstrumentation } from './instrumentation';
export { PATTERNS, type PatternName, type PatternOptions } from './patterns/patterns';
export type { TlsInstrumentationConfig } from './settings';
export { ATTRIBUTES, type AttributeName, CONNECTION_ID } from './telemetry/attributes';
export {
  EVENTS,
  type EventName,
  PROCESS_EVENTS,
  type ProcessEventName,
  DECISION_EVENTS,
  type DecisionEventName,
  REQUEST_EVENTS,
  type RequestEventName,
} from './telemetry/events';
export { REQUEST_ATTRIBUTES, type RequestAttributeName } from './telemetry/request-attributes';
export { TlsFailureSampler } from './telemetry/failure-sampler';
export { ANSWER_ATTRIBUTES } from './telemetry/decision-events';
export { INSTRUMENTS, type InstrumentName } from './telemetry/metrics';

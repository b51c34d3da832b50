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
export type { TlsPeer } from './identity/tls-peer';
export { TlsInstrumentation } from './instrumentation';
export type { TlsInstrumentationConfig } from './settings';
export { ATTRIBUTES, type AttributeName, CONNECTION_ID } from './telemetry/attributes';
export { EVENTS, type EventName } from './telemetry/events';
export { INSTRUMENTS, type InstrumentName } from './telemetry/metrics';

import { type FAILURE_REASONS, type FailureReason, reasonsByEvidence } from './failure-reasons';

/** The peer's last word, as it came over the wire. */
export interface TlsAlert {
  /** IANA number, 0 to 255. */
  readonly code: number;
  /** IANA name: `unknown_ca`. `unassigned_117` where the number has none. */
  readonly description: string;
}

/**
 * The alert that OpenSSL received, read from an error's message; undefined when there is none in it.
 *
 * The number decides and not the code, whose spelling changes with OpenSSL (`SSLV3_ALERT_`, `SSL/TLS_ALERT_`) and which
 * https hides behind `EPROTO`. Only messages that OpenSSL wrote count: others may carry names that the peer chose.
 */
export function alertFromMessage(message: string | undefined): TlsAlert | undefined {
  const number = message && RECEIVED_ALERT.exec(message)?.[1];
  return number && Number(number) <= 255 ? alertOf(Number(number)) : undefined;
}

/** `_OTHER` for an alert that has no name. */
export function reasonForAlert(alert: TlsAlert): FailureReason {
  return REASONS.get(alertOf(alert.code).description) ?? '_OTHER';
}

// RFC 8446 section 6, IANA TLS Alerts. The numbers retired since TLS 1.0 still arrive from old peers. Last checked 2026-11-22.
const ALERTS: Readonly<Record<AlertName, number>> = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  decryption_failed: 21,
  record_overflow: 22,
  decompression_failure: 30,
  handshake_failure: 40,
  no_certificate: 41,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  too_many_cids_requested: 52,
  export_restriction: 60,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  certificate_unobtainable: 111,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  bad_certificate_hash_value: 114,
  unknown_psk_identity: 115,
  certificate_required: 116,
  no_application_protocol: 120,
  ech_required: 121,
};

/** The names that rows of failure-reasons.ts claim: the compiler demands just these in the table. */
type AlertName = Claims<(typeof FAILURE_REASONS)[FailureReason]>;
type Claims<Row> = Row extends { evidence: { alerts: readonly (infer Name extends string)[] } } ? Name : never;

const REASONS = reasonsByEvidence('alerts');

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ALERTS).map(([name, code]) => [code, name]));

/** `80...:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:file:line:SSL alert number 48` */
const RECEIVED_ALERT =
  /^(?:(?:read|write) EPROTO )?[0-9A-F]{1,32}:error:[0-9A-F]{8}:SSL routines:[^\n]{0,1000}?:SSL alert number (\d{1,3})(?!\d)/;

function alertOf(code: number): TlsAlert {
  return Object.freeze({ code, description: NAMES.get(code) ?? `unassigned_${code}` });
}

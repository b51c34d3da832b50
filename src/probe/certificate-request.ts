/**
 * The names of the authorities that a server accepts, DER each, as its CertificateRequest lists them; from the first bytes
 * that it sends in a handshake of TLS 1.2, where they can still be read (RFC 5246 section 7.4.4). Undefined: there is none
 * in these bytes, or they are something else. An empty list: it accepts any, or does not say which.
 */
export function acceptedNamesIn(flight: Uint8Array): readonly Uint8Array[] | undefined {
  const messages = handshakeMessages(Buffer.from(flight.buffer, flight.byteOffset, flight.byteLength));
  for (let at = 0; at + HEADER <= messages.length; ) {
    const body = messages.subarray(at + HEADER, at + HEADER + messages.readUIntBE(at + 1, 3));
    if (messages[at] === CERTIFICATE_REQUEST) return namesIn(body);
    at += HEADER + messages.readUIntBE(at + 1, 3);
  }
  return undefined;
}

/** Type and length. */
const HEADER = 4;
const CERTIFICATE_REQUEST = 13;
const RECORD_HEADER = 5;
const HANDSHAKE_RECORD = 22;
const MOST_NAMES = 100;

/** What is in the records of the handshake, up to the first that is none: behind it nothing can be read. */
function handshakeMessages(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + RECORD_HEADER <= bytes.length && bytes[at] === HANDSHAKE_RECORD; ) {
    const length = bytes.readUInt16BE(at + 3);
    parts.push(bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length));
    at += RECORD_HEADER + length;
  }
  return Buffer.concat(parts);
}

/** Lists, each behind its length: certificate types (1 byte), signature algorithms (2), names (2), of which each has 2 more. */
function namesIn(body: Buffer): readonly Uint8Array[] | undefined {
  if (body.length < 1) return undefined;
  const algorithms = 1 + body[0]!;
  if (algorithms + 2 > body.length) return undefined;
  const list = algorithms + 2 + body.readUInt16BE(algorithms);
  if (list + 2 > body.length) return undefined;
  const end = Math.min(body.length, list + 2 + body.readUInt16BE(list));
  const names: Uint8Array[] = [];
  for (let at = list + 2; at + 2 <= end && names.length < MOST_NAMES; ) {
    const length = body.readUInt16BE(at);
    if (at + 2 + length > end) break;
    names.push(new Uint8Array(body.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  return names;
}

import { Buffer } from 'node:buffer';
import { distinguishedName } from './distinguished-name';
import { openCertificate } from './native-certificate';

/**
 * A distinguished name in DER (RFC 5280 section 4.1.2.4), as RFC 4514 writes it: the very text that `subject` of a
 * certificate with this name is. The empty string is the empty name. undefined when it is not one well-formed name and
 * nothing else, or longer than 1 KiB. Never throws; some 0.1 ms.
 *
 * OpenSSL is asked, and not a parser of ours, so that the same name is never written in two ways: the name is put into a
 * certificate that has nothing else, and that is opened like any other.
 */
export function encodedName(der: Uint8Array): string | undefined {
  if (!isOneSequence(der)) return undefined;
  const body = sequence(SERIAL_NUMBER, ALGORITHM, NO_NAME, VALIDITY, der, KEY);
  const native = openCertificate(sequence(body, ALGORITHM, NO_SIGNATURE));
  if (native === undefined) return undefined;
  try {
    // Node says undefined for an empty name.
    return distinguishedName(native.subject ?? '');
  } catch {
    return undefined;
  }
}

/** Twice what any load balancer forwards, and as long as a name that is shown. */
const MAX_ENCODED_BYTES = 1024;

/** Whether a SEQUENCE ends where `der` ends. Whatever is inside cannot get out of it then. */
function isOneSequence(der: Uint8Array): boolean {
  const [tag, length = 0] = der;
  if (tag !== SEQUENCE || der.byteLength > MAX_ENCODED_BYTES) return false;
  if (length < 0x80) return der.byteLength === 2 + length;
  if (length === 0x81) return der.byteLength === 3 + der[2]!;
  return length === 0x82 && der.byteLength === 4 + der[2]! * 256 + der[3]!;
}

/** Shorter than 64 KiB. */
function sequence(...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([SEQUENCE, 0x82, content.length >> 8, content.length & 0xff]), content]);
}

const SEQUENCE = 0x30;

/** The rest of a certificate: 1; Ed25519; nobody; 2000 to 2049; a key and a signature of zeros, which nobody verifies. */
const SERIAL_NUMBER = Buffer.from('020101', 'hex');
const ALGORITHM = Buffer.from('300506032b6570', 'hex');
const NO_NAME = Buffer.from('3000', 'hex');
const VALIDITY = sequence(Buffer.from('\x17\x0d000101000000Z\x17\x0d491231235959Z', 'latin1'));
const KEY = sequence(ALGORITHM, Buffer.concat([Buffer.from('032100', 'hex'), Buffer.alloc(32)]));
const NO_SIGNATURE = Buffer.concat([Buffer.from('034100', 'hex'), Buffer.alloc(64)]);

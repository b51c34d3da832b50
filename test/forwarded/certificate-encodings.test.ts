import assert from 'node:assert/strict';
import {
  base64Bytes,
  base64Der,
  base64DerList,
  base64DerRun,
  type CertificateDecoder,
  isOneElement,
  pem,
  percentEncodedPem,
} from '../../src/forwarded/certificate-encodings';
import { CertificateAuthority } from '../support/certificate-authority';

describe('certificates in headers', () => {
  let one: Buffer;
  let other: Buffer;
  let onePem: string;
  let both: string;

  before(async () => {
    const authority = await CertificateAuthority.create();
    const issued = await authority.issue();
    one = issued.der;
    other = authority.der;
    onePem = issued.certificate;
    both = `${issued.certificate}\n${authority.certificate}\n`;
  });

  /** As hex, to be compared. */
  const read = (decode: CertificateDecoder, text: string) => decode(text)?.map(der => Buffer.from(der).toString('hex'));
  const hex = (...ders: Buffer[]) => ders.map(der => der.toString('hex'));

  it('are one PEM or several, with line breaks, blanks or nothing between', () => {
    for (const written of [
      onePem,
      onePem.replaceAll('\n', ' '),
      onePem.replaceAll('\n', ''),
      onePem.replaceAll('\n', '\r\n'),
      `\n\t${onePem}  `,
    ]) {
      assert.deepEqual(read(pem, written), hex(one));
    }
    assert.deepEqual(read(pem, both), hex(one, other));
    assert.deepEqual(read(pem, both.replaceAll('\n', '')), hex(one, other));
  });

  it('are no PEM with anything else before, between, within or behind', () => {
    const [first, second] = both.split(/(?<=END CERTIFICATE-----\n)/) as [string, string];
    for (const bad of [
      '',
      ' ',
      'x',
      `x${first}`,
      `${first}x`,
      `${first}x${second}`,
      first.replace('-----BEGIN', '----BEGIN'),
      first.replace('-----END', '----END'),
      first.replaceAll('CERTIFICATE', 'X509 CRL'),
      first.replace(/M/, '*'),
      first.replace(/\n(.)/, '\nProc-Type: 4,ENCRYPTED\n$1'),
      '-----BEGIN CERTIFICATE----------END CERTIFICATE-----',
      onePem.slice(0, -30),
      `-----BEGIN CERTIFICATE-----\n${onePem}`,
    ]) {
      assert.equal(pem(bad), undefined, bad.slice(0, 40));
    }
  });

  it('are percent-encoded as nginx and Envoy do, and as AWS does, which leaves + = / as they are', () => {
    assert.deepEqual(read(percentEncodedPem, encodeURIComponent(both)), hex(one, other));
    assert.deepEqual(read(percentEncodedPem, encodeURI(both)), hex(one, other));
    assert.deepEqual(read(percentEncodedPem, encodeURIComponent(onePem).replaceAll('%2B', '%2b')), hex(one));
    for (const bad of [
      '%',
      '%4',
      '%zz',
      '%ff',
      `${encodeURIComponent(onePem)}%`,
      encodeURIComponent(onePem).replace('%0A', '%2'),
      encodeURIComponent(encodeURIComponent(onePem)),
    ]) {
      assert.equal(percentEncodedPem(bad), undefined, bad.slice(0, 40));
    }
    // A plus sign is a plus sign: a space in its place would be left out, and the certificate another.
    const plus = Buffer.from([0x30, 3, 0x3e, 0xfb, 0xef]);
    assert.match(plus.toString('base64'), /\+/);
    assert.deepEqual(
      read(percentEncodedPem, `-----BEGIN CERTIFICATE-----${plus.toString('base64')}-----END CERTIFICATE-----`),
      hex(plus),
    );
  });

  it('are one DER in base64, all of it and no more', () => {
    const text = one.toString('base64');
    assert.deepEqual(read(base64Der, text), hex(one));
    const short = one.subarray(0, -1).toString('base64');
    const long = Buffer.concat([one, Buffer.alloc(1)]).toString('base64');
    for (const bad of [
      '',
      '=',
      '====',
      'AAAA',
      short,
      long,
      ` ${text}`,
      `${text}\n`,
      text.replace(/^./, '-'),
      `${text},${text}`,
      one.toString('base64url'),
      one.toString('hex'),
    ]) {
      if (bad !== text) assert.equal(base64Der(bad), undefined, bad.slice(0, 40));
    }
  });

  it('are several DER in one run, or between commas', () => {
    assert.deepEqual(read(base64DerRun, Buffer.concat([one, other, one]).toString('base64')), hex(one, other, one));
    assert.equal(base64DerRun(Buffer.concat([one, other.subarray(0, -1)]).toString('base64')), undefined);
    assert.equal(base64DerRun(''), undefined);
    assert.deepEqual(read(base64DerList, `${one.toString('base64')},${other.toString('base64')}`), hex(one, other));
    for (const bad of [
      '',
      ',',
      `${one.toString('base64')},`,
      `,${one.toString('base64')}`,
      `${one.toString('base64')}, ${one.toString('base64')}`,
    ]) {
      assert.equal(base64DerList(bad), undefined);
    }
  });

  it('are elements of definite length, each byte of which is there', () => {
    const element = (...bytes: number[]) => isOneElement(Uint8Array.from(bytes));
    const long = (head: number[], length: number) => element(...head, ...new Uint8Array(length));
    assert.ok(element(0x30, 0));
    assert.ok(long([0x30, 0x7f], 127));
    assert.ok(long([0x30, 0x81, 0x80], 128));
    assert.ok(long([0x30, 0x82, 1, 0], 256));
    assert.ok(long([0x30, 0x83, 0, 1, 0], 256));
    for (const bad of [
      [],
      [0x30],
      [0x31, 0],
      [0x30, 1],
      [0x30, 0, 0],
      [0x30, 0x80, 0, 0],
      [0x30, 0x81],
      [0x30, 0x82, 1],
      [0x30, 0x84, 0, 0, 0, 0],
      [0x30, 0xff],
    ]) {
      assert.ok(!element(...bad), bad.join());
    }
  });

  it('are base64 as RFC 4648 has it, not what Buffer forgives', () => {
    assert.deepEqual(base64Bytes('TWE='), Buffer.from('Ma'));
    for (const bad of ['', 'TWE', 'TWE==', 'T===', 'T=E=', 'TW E=', 'TWE=\n', 'TW-_', 'TWéé']) {
      assert.equal(base64Bytes(bad), undefined, bad);
    }
  });
});

import assert from 'node:assert/strict';
import { bitLength, characterString, objectIdentifier, readDer, smallInteger, tagged } from '../../src/certificate/der';
import * as raw from './raw-certificate';

const read = (der: Uint8Array, maxElements = 100) => readDer(new Uint8Array(der), maxElements);

describe('DER', () => {
  it('is a tree of elements', () => {
    const root = read(raw.sequence(raw.integer(5), raw.element(0xa3, raw.utf8String('zoë'))))!;
    assert.equal(root.tagClass, 'universal');
    assert.equal(root.tag, 16);
    assert.equal(root.children.length, 2);
    assert.equal(smallInteger(root.children[0]), 5);
    assert.equal(tagged(root, 3)?.tagClass, 'context');
    assert.equal(characterString(tagged(root, 3)?.children[0]), 'zoë');
    assert.equal(tagged(root, 2), undefined);
    assert.deepEqual([...root.children[0]!.content], [5]);
    assert.equal(root.text, undefined);
  });

  it('may have classes that no certificate uses', () => {
    assert.equal(read(raw.element(0x41, 'x'))?.tagClass, 'other');
  });

  it('does not look into strings of octets and bits', () => {
    assert.deepEqual(read(raw.octetString(raw.integer(1)))?.children, []);
    assert.deepEqual(read(raw.bitString(0, 2, 1, 1))?.children, []);
  });

  it('is nothing when it is not well formed', () => {
    const broken = ['', '30', '3005020101', '02', '0202', '30ff01', '1f', '1fff'];
    for (const bytes of broken) assert.equal(read(Buffer.from(bytes, 'hex')), undefined, bytes);
  });

  it('is nothing where the parser throws: a time, a string of two-byte characters cut short', () => {
    assert.equal(read(raw.generalizedTime('x')), undefined);
    assert.equal(read(raw.element(0x1e, Buffer.from([1]))), undefined);
  });

  it('has as many elements as allowed, and is nothing with one more', () => {
    const list = (length: number) => raw.sequence(...Array.from({ length }, () => raw.integer(1)));
    assert.equal(read(list(9), 10)?.children.length, 9);
    assert.equal(read(list(10), 10), undefined);
  });

  it('is nothing when it nests deeper than any certificate', () => {
    const nested = (depth: number): Buffer => (depth === 0 ? raw.integer(1) : raw.sequence(nested(depth - 1)));
    assert.ok(read(nested(20)));
    assert.equal(read(nested(30)), undefined);
  });
});

describe('an object identifier', () => {
  it('is written in dots', () => {
    for (const dotted of ['1.2.840.113549.1.1.11', '2.5.29.17', '0.9.2342.19200300.100.1.1', '2.999.3']) {
      assert.equal(objectIdentifier(read(raw.objectIdentifier(dotted))), dotted);
    }
  });

  it('is bounded, however long', () => {
    const long = `1.2.${Array.from({ length: 100 }, () => '268435455').join('.')}`;
    const shown = objectIdentifier(read(raw.objectIdentifier(long)))!;
    assert.equal(Buffer.byteLength(shown), 256);
    assert.ok(shown.endsWith('…'));
  });

  it('is nothing else', () => {
    assert.equal(objectIdentifier(undefined), undefined);
    assert.equal(objectIdentifier(read(raw.utf8String('1.2.3'))), undefined);
    assert.equal(characterString(read(raw.objectIdentifier('1.2.3'))), undefined);
    assert.equal(characterString(read(raw.TRUE)), undefined);
  });
});

describe('an integer', () => {
  it('has the bits of its value', () => {
    assert.equal(bitLength(read(raw.integer(1))), 1);
    assert.equal(bitLength(read(raw.integer(0x7f))), 7);
    assert.equal(bitLength(read(raw.integer(0, 0x80))), 8);
    assert.equal(bitLength(read(raw.integer(1, 0))), 9);
    assert.equal(bitLength(read(raw.integer(0, ...Array.from({ length: 256 }, () => 0xff)))), 2048);
  });

  it('has none when it is zero, negative or no integer', () => {
    for (const der of [raw.integer(0), raw.integer(0x80), raw.octetString('a')]) {
      assert.equal(bitLength(read(der)), undefined);
    }
    assert.equal(bitLength(undefined), undefined);
  });

  it('is a number while it is small and not negative', () => {
    assert.equal(smallInteger(read(raw.integer(0x7f, 0xff, 0xff, 0xff))), 0x7fffffff);
    for (const der of [raw.integer(0, 0x80, 0, 0, 0), raw.integer(0xff), raw.utf8String('1')]) {
      assert.equal(smallInteger(read(der)), undefined);
    }
    assert.equal(smallInteger(undefined), undefined);
  });
});

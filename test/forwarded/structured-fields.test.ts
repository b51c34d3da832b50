import assert from 'node:assert/strict';
import { certificateItem, certificateList } from '../../src/forwarded/structured-fields';
import { commonName, rawCertificate } from '../certificate/raw-certificate';

const DER = rawCertificate({ subject: commonName('alice') });
const MEMBER = `:${DER.toString('base64')}:`;

describe('the byte sequences of RFC 9440', () => {
  it('are one certificate in an Item and several in a List', () => {
    assert.deepEqual(certificateItem(MEMBER)?.map(Buffer.from), [DER]);
    assert.deepEqual(certificateList(`${MEMBER}, ${MEMBER},${MEMBER}`)?.map(Buffer.from), [DER, DER, DER]);
    assert.equal(certificateItem(`${MEMBER}, ${MEMBER}`), undefined);
  });

  it('may have parameters, which mean nothing', () => {
    assert.deepEqual(certificateItem(`${MEMBER};a=1;b="x"`)?.map(Buffer.from), [DER]);
    assert.deepEqual(certificateList(`${MEMBER};a, ${MEMBER}`)?.length, 2);
  });

  it('are read with ninety-nine separators and not with a hundred', () => {
    assert.equal(certificateItem(MEMBER + ';a'.repeat(99))?.length, 1);
    assert.equal(certificateItem(MEMBER + ';a'.repeat(100)), undefined);
    assert.equal(certificateList(Array(100).fill(MEMBER).join())?.length, 100);
    assert.equal(certificateList(Array(101).fill(MEMBER).join()), undefined);
  });

  for (const wrong of [
    '',
    '::',
    MEMBER.slice(1),
    MEMBER.slice(0, -1),
    `(${MEMBER})`,
    '"a"',
    'a',
    '1',
    '?1',
    ':AA==:',
  ]) {
    it(`are not ${JSON.stringify(wrong.slice(0, 12))}`, () => {
      assert.equal(certificateItem(wrong), undefined);
      if (wrong !== '') assert.equal(certificateList(wrong), undefined);
    });
  }
});

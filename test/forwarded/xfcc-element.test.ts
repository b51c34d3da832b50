import assert from 'node:assert/strict';
import { onlyElement } from '../../src/forwarded/xfcc-element';

describe('an element of x-forwarded-client-cert', () => {
  it('is read with a thousand keys and not with one more', () => {
    const withNames = (count: number) => `Hash=00;${Array(count).fill('DNS=a').join(';')}`;
    assert.deepEqual(onlyElement(withNames(999)), {
      hash: '00',
      cert: undefined,
      chain: undefined,
      subject: undefined,
      onlyUri: undefined,
    });
    assert.equal(onlyElement(withNames(1000)), undefined);
  });
});

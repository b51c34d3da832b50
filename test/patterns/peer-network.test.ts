import assert from 'node:assert/strict';
import { peerOf } from '../../src/patterns/peer-network';

describe('the peer behind an address', () => {
  for (const [address, peer] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:0:1:aaaa:bbbb:cccc:dddd', '2001:db8:0:1::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['2001:0DB8:0000:0001::9', '2001:db8:0:1::/64'],
    ['2001:db8:0:2::9', '2001:db8:0:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['1:2:3::192.0.2.7', '1:2:3:0::/64'],
    [undefined, undefined],
    ['', undefined],
    ['9'.repeat(65), undefined],
  ] as const) {
    it(`${address?.slice(0, 40)} is ${peer}`, () => assert.equal(peerOf(address), peer));
  }

  it('is found in any text, without a throw and within 64 characters', () => {
    for (const text of [':', '::::', '%', '::%', 'a:b', ':::', '1::2::3', '::ffff:999.1.1.1', '\u0000:\uffff']) {
      assert.ok((peerOf(text)?.length ?? 0) <= 64, text);
    }
  });
});

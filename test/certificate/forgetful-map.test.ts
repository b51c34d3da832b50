import * as assert from 'node:assert/strict';
import { ForgetfulMap } from '../../src/certificate/forgetful-map';

describe('a map that forgets', () => {
  it('forgets what was set the longest time ago, once there is one too many', () => {
    const map = new ForgetfulMap<string, number>(2);
    map.set('a', 1).set('b', 2);
    assert.equal(map.evicted, 0);
    map.set('c', 3);
    assert.deepEqual(
      [...map],
      [
        ['b', 2],
        ['c', 3],
      ],
    );
    assert.equal(map.evicted, 1);
  });

  it('takes what is set again for the newest', () => {
    const map = new ForgetfulMap<string, number>(2);
    map.set('a', 1).set('b', 2).set('a', 3).set('c', 4);
    assert.deepEqual(
      new Map(map),
      new Map([
        ['a', 3],
        ['c', 4],
      ]),
    );
    assert.equal(map.evicted, 1, 'and nothing was forgotten by setting it again');
  });

  it('does not count what is deleted as forgotten', () => {
    const map = new ForgetfulMap<string, number>(1);
    map.set('a', 1);
    map.delete('a');
    map.set('b', 2);
    assert.equal(map.evicted, 0);
    assert.equal(map.size, 1);
  });
});

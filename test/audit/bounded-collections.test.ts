import assert from 'node:assert/strict';
import { BoundedMap, BoundedSet } from '../../src/audit/bounded-collections';

describe('what an audit remembers', () => {
  it('has room for so many, and for not one more', () => {
    const map = new BoundedMap<number>(2);
    map.set('a', 1).set('b', 2);
    assert.deepEqual([[...map], map.leftOut], [Object.entries({ a: 1, b: 2 }), 0]);
    map.set('c', 3);
    assert.deepEqual([map.has('c'), map.size, map.leftOut], [false, 2, 1]);

    const set = new BoundedSet(2);
    for (const value of ['a', 'b']) set.add(value);
    assert.deepEqual([[...set], set.leftOut], [['a', 'b'], 0]);
    set.add('c');
    assert.deepEqual([set.has('c'), [...set], set.leftOut], [false, ['a', 'b'], 1]);
  });

  it('may change when there is no room any more', () => {
    const map = new BoundedMap<number>(1);
    map.set('a', 1).set('a', 2);
    assert.deepEqual([map.get('a'), map.leftOut], [2, 0]);
    const set = new BoundedSet(1);
    for (const value of ['a', 'a']) set.add(value);
    assert.equal(set.leftOut, 0);
  });

  it('has room again once something is forgotten', () => {
    const map = new BoundedMap<number>(1);
    map.set('a', 1).delete('a');
    map.set('b', 2);
    assert.deepEqual([...map], [['b', 2]]);
  });

  it('is made when it is first asked for, and not at all without room', () => {
    const map = new BoundedMap<string[]>(1);
    let made = 0;
    const make = () => {
      made++;
      return [];
    };
    const first = map.getOrMake('a', make);
    assert.ok(first);
    assert.equal(map.getOrMake('a', make), first);
    assert.equal(map.getOrMake('b', make), undefined);
    assert.deepEqual([made, map.leftOut], [1, 1]);
  });
});

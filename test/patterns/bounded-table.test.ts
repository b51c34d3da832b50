import assert from 'node:assert/strict';
import { BoundedTable } from '../../src/patterns/bounded-table';

describe('a bounded table', () => {
  const table = () => new BoundedTable<string, { name: string }>({ bytes: 300, bytesPerEntry: 100 });
  const fill = (into: BoundedTable<string, { name: string }>, ...names: string[]) => {
    for (const name of names) into.touch(name, () => ({ name }));
  };

  it('remembers as many entries as its bytes allow, and with the next forgets the oldest and counts it', () => {
    const some = table();
    fill(some, 'a', 'b', 'c');
    assert.deepEqual([some.size, some.evicted, some.peek('a')?.name], [3, 0, 'a']);
    fill(some, 'd');
    assert.deepEqual([some.size, some.evicted, some.peek('a')], [3, 1, undefined]);
  });

  it('keeps what was touched, and not what was only looked at', () => {
    const some = table();
    fill(some, 'a', 'b', 'c', 'a');
    some.peek('b');
    fill(some, 'd');
    assert.deepEqual([some.peek('a')?.name, some.peek('b')], ['a', undefined]);
  });

  it('answers the same entry until it is forgotten', () => {
    const some = table();
    const entry = some.touch('a', () => ({ name: 'first' }));
    assert.equal(
      some.touch('a', () => ({ name: 'second' })),
      entry,
    );
  });

  it('says for how many entries it has room', () => {
    assert.equal(new BoundedTable({ bytes: 1000, bytesPerEntry: 300 }).capacity, 3);
  });

  it('holds one entry at least', () => {
    const small = new BoundedTable<string, number>({ bytes: 1, bytesPerEntry: 100 });
    small.touch('a', () => 1);
    assert.equal(small.peek('a'), 1);
  });
});

import assert from 'node:assert/strict';
import { FirstUses } from '../../src/telemetry/first-uses';

const HOUR = 60 * 60 * 1000;

describe('the first use of an identity', () => {
  let now: number;
  let uses: FirstUses;
  beforeEach(() => {
    now = 0;
    uses = new FirstUses(() => now);
  });

  it('is the first one', () => {
    assert.equal(uses.isFirstUse('A'), true);
    assert.equal(uses.isFirstUse('A'), false);
    assert.equal(uses.isFirstUse('B'), true);
  });

  it('is once an hour, counted from the last time it was one', () => {
    assert.equal(uses.isFirstUse('A'), true);
    now = HOUR - 1;
    assert.equal(uses.isFirstUse('A'), false);
    now = HOUR;
    assert.equal(uses.isFirstUse('A'), true);
    now = 2 * HOUR - 1;
    assert.equal(uses.isFirstUse('A'), false);
  });

  it('is forgotten after a thousand other identities, the oldest first', () => {
    for (let i = 0; i < 1000; i++) assert.equal(uses.isFirstUse(`${i}`), true);
    assert.equal(uses.isFirstUse('0'), false);
    assert.equal(uses.isFirstUse('one more'), true);
    assert.equal(uses.isFirstUse('1'), false);
    assert.equal(uses.isFirstUse('0'), true);
  });

  it('keeps its place among a thousand by being one again', () => {
    for (let i = 0; i < 1000; i++) uses.isFirstUse(`${i}`);
    now = HOUR;
    assert.equal(uses.isFirstUse('0'), true);
    uses.isFirstUse('one more');
    assert.equal(uses.isFirstUse('0'), false);
    assert.equal(uses.isFirstUse('1'), true);
  });

  it('takes no more memory, however many identities come', () => {
    assert.equal(uses.evicted, 0);
    for (let i = 0; i < 5000; i++) uses.isFirstUse(`${i}`);
    assert.equal(uses.evicted, 4000);
    const remembered = Array.from({ length: 5000 }, (_, i) => `${i}`).reverse();
    assert.equal(remembered.slice(0, 1000).filter(name => uses.isFirstUse(name)).length, 0);
    assert.equal(uses.isFirstUse('3999'), true);
  });
});

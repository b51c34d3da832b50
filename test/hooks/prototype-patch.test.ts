import * as assert from 'node:assert/strict';
import { PrototypePatch } from '../../src/hooks/prototype-patch';

class Parent {
  readonly calls: string[] = [];
  inherited(word: string): string {
    this.calls.push(`parent ${word}`);
    return word;
  }
}

class Child extends Parent {
  own(word: string, _second?: number): string {
    this.calls.push(`child ${word}`);
    return word;
  }
}

function patchNamed(name: 'own' | 'inherited', label = 'ours') {
  return PrototypePatch.around<Child>(Child.prototype, name, (self, args, original) => {
    self.calls.push(`${label} before`);
    const result = Reflect.apply(original, self, args);
    self.calls.push(`${label} after`);
    return result;
  });
}

describe('a patched prototype method', () => {
  const before = Object.getOwnPropertyDescriptors(Child.prototype);
  afterEach(() => {
    assert.deepEqual(Object.getOwnPropertyDescriptors(Child.prototype), before, 'the prototype is as it was');
  });

  it('stands around the original and hands on receiver, arguments and result', () => {
    const patch = patchNamed('own');
    patch.enable();
    const child = new Child();
    assert.equal(child.own('word'), 'word');
    assert.deepEqual(child.calls, ['ours before', 'child word', 'ours after']);
    patch.disable();
  });

  it('keeps the name and the length of what it replaces', () => {
    const patch = patchNamed('own');
    patch.enable();
    assert.equal(Child.prototype.own.name, 'own');
    assert.equal(Child.prototype.own.length, 2);
    patch.disable();
  });

  it('leaves nothing of its own behind when the method was inherited', () => {
    const patch = patchNamed('inherited');
    patch.enable();
    assert.ok(Object.hasOwn(Child.prototype, 'inherited'));
    patch.disable();
    assert.ok(!Object.hasOwn(Child.prototype, 'inherited'));
  });

  it('lets a later patch of the parent class take part', () => {
    const patch = patchNamed('inherited');
    patch.enable();
    const original = Parent.prototype.inherited;
    Parent.prototype.inherited = function (word) {
      this.calls.push('later');
      return original.call(this, word);
    };
    const child = new Child();
    child.inherited('word');
    Parent.prototype.inherited = original;
    patch.disable();
    assert.deepEqual(child.calls, ['ours before', 'later', 'parent word', 'ours after']);
  });

  it("goes quiet, and cuts nobody off, when somebody else's wrapper is on top", () => {
    const patch = patchNamed('own');
    patch.enable();
    const ours = Child.prototype.own;
    const theirs = function (this: Child, word: string) {
      this.calls.push('theirs');
      return ours.call(this, word);
    };
    Child.prototype.own = theirs;
    patch.disable();
    const child = new Child();
    child.own('word');
    assert.deepEqual(child.calls, ['theirs', 'child word']);
    assert.equal(Child.prototype.own, theirs);
    Object.defineProperty(Child.prototype, 'own', before.own as PropertyDescriptor);
  });

  it('wakes up once when it is enabled again under that wrapper', () => {
    const patch = patchNamed('own');
    patch.enable();
    const ours = Child.prototype.own;
    Child.prototype.own = function (word) {
      return ours.call(this, word);
    };
    patch.disable();
    patch.enable();
    const child = new Child();
    child.own('word');
    assert.deepEqual(child.calls, ['ours before', 'child word', 'ours after']);
    Object.defineProperty(Child.prototype, 'own', before.own as PropertyDescriptor);
    patch.disable();
  });

  it("stacks on somebody's earlier wrapper and gives it back", () => {
    const theirs = function (this: Child, word: string, _second?: number) {
      this.calls.push('theirs');
      return word;
    };
    Object.defineProperty(Child.prototype, 'own', { ...(before.own as PropertyDescriptor), value: theirs });
    const patch = patchNamed('own');
    patch.enable();
    const child = new Child();
    child.own('word');
    patch.disable();
    assert.deepEqual(child.calls, ['ours before', 'theirs', 'ours after']);
    assert.equal(Child.prototype.own, theirs);
    Object.defineProperty(Child.prototype, 'own', before.own as PropertyDescriptor);
  });

  it('is installed once however often it is enabled', () => {
    const patch = patchNamed('own');
    patch.enable();
    patch.enable();
    const child = new Child();
    child.own('word');
    assert.deepEqual(child.calls, ['ours before', 'child word', 'ours after']);
    patch.disable();
  });
});

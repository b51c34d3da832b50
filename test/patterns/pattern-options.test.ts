import assert from 'node:assert/strict';
import { readPatternOptions } from '../../src/patterns/pattern-options';

describe('the options of patterns', () => {
  function read(given: unknown) {
    const complaints: string[] = [];
    return { options: readPatternOptions(given, complaint => complaints.push(complaint)), complaints };
  }

  it('are the same as an object and in one line', () => {
    const options = { scanner: false, retry_burst: { failures: 50, window: 5 }, revoked_replay: true };
    assert.deepEqual(read(options), { options, complaints: [] });
    const line = ' scanner=false, retry_burst.failures=50,retry_burst.window = 5 ,revoked_replay=true';
    assert.deepEqual(read(line), { options, complaints: [] });
  });

  it('name a pattern or threshold that they do not know, and keep the rest', () => {
    const { options, complaints } = read('portscan=true,retry_burst.failure=1,scanner.kinds=4');
    assert.deepEqual(options, { scanner: { kinds: 4 } });
    assert.deepEqual(complaints, [
      'unknown pattern "portscan"; known are retry_burst, certificate_rotation, certificate_shared, identity_changed, ' +
        'fail_then_success, scanner, revoked_replay, unusual_endpoint',
      'retry_burst has no threshold "failure"; it has failures, window',
    ]);
  });

  it('take whole numbers from 1 to what a threshold may be', () => {
    assert.deepEqual(read({ scanner: { kinds: 8, attempts: 1 } }).complaints, []);
    for (const kinds of [0, 9, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, '3', null, 10n]) {
      const { options, complaints } = read({ scanner: { kinds } });
      assert.deepEqual(options, {});
      assert.match(complaints.join(), /^scanner\.kinds is .*, expected a whole number from 1 to 8$/);
    }
  });

  it('are off where a pattern is both switched off and given a threshold', () => {
    assert.deepEqual(read('scanner=false,scanner.kinds=4').options, { scanner: false });
    assert.deepEqual(read('scanner.kinds=4,scanner=false').options, { scanner: false });
  });

  it('are none where it is nothing of the kind', () => {
    for (const given of ['garbage', '=', 'a=b=c', '', 7, null, [], () => {}, Symbol('s')]) {
      assert.deepEqual(read(given), { options: undefined, complaints: [] });
    }
  });

  it('take any garbage within, and name it on one short line', () => {
    const garbage = ['x'.repeat(10_000), 'a\nb', Symbol('s'), {}, [], null, undefined, () => {}];
    for (const value of garbage) {
      const { complaints } = read({ retry_burst: { failures: value }, scanner: value, [`\n${'y'.repeat(1000)}`]: 1 });
      for (const complaint of complaints) assert.match(complaint, /^.{1,250}$/);
    }
    for (const name of ['__proto__', 'constructor', 'toString']) {
      assert.match(read(`${name}=true`).complaints.join(), /^unknown pattern/);
      assert.match(read(`scanner.${name}=1`).complaints.join(), /^scanner has no threshold/);
    }
  });
});

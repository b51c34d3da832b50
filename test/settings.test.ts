import assert from 'node:assert/strict';
import { OPTIONS, readSettings, type Settings } from '../src/settings';

const NAMES = Object.keys(OPTIONS) as (keyof Settings)[];
const DEFAULTS = Object.fromEntries(NAMES.map(name => [name, OPTIONS[name].byDefault]));

/** What is settled, and every complaint on the way. */
function read(config: object, environment: Record<string, string> = {}) {
  const complaints: string[] = [];
  const settings = readSettings(config, environment, complaint => complaints.push(complaint));
  return { settings, complaints };
}

describe('the settings', () => {
  it('are the defaults, without a word, where nothing is given', () => {
    const complaints: string[] = [];
    const settings = readSettings(undefined, {}, complaint => complaints.push(complaint));
    assert.deepEqual(settings, DEFAULTS);
    assert.deepEqual(complaints, []);
  });

  it('report every handshake, with its events in both places, and nobody’s PEM, by default', () => {
    assert.deepEqual(DEFAULTS, {
      handshakeSpans: 'all',
      abandonedSpans: false,
      certificateDetails: 'failed',
      certificatePem: false,
      events: 'both',
      requestAttributes: 'default',
    });
  });

  it('cannot be changed', () => {
    assert.ok(Object.isFrozen(read({}).settings));
  });

  it('know the options of the base class', () => {
    assert.deepEqual(read({ enabled: false }).complaints, []);
  });

  it('name an option that they do not know, and those that they do', () => {
    const { settings, complaints } = read({ handshakeSpan: 'none' });
    assert.deepEqual(complaints, [
      "unknown option 'handshakeSpan'; known are handshakeSpans, abandonedSpans, certificateDetails, certificatePem, events, requestAttributes, requestHook, userId",
    ]);
    assert.deepEqual(settings, DEFAULTS);
  });

  it('do not take what every object inherits for an option', () => {
    assert.equal(read({ constructor: 1 }).complaints.length, 1);
    assert.equal(read(JSON.parse('{ "__proto__": { "events": "none" } }')).settings.events, 'both');
  });

  for (const name of NAMES) {
    const { environmentVariable: variable, expected, byDefault } = OPTIONS[name];
    const others = (expected as readonly unknown[]).filter(value => value !== byDefault);

    describe(name, () => {
      for (const value of expected) {
        it(`may be ${value}, as an option`, () => {
          const { settings, complaints } = read({ [name]: value });
          assert.deepEqual({ ...settings }, { ...DEFAULTS, [name]: value });
          assert.deepEqual(complaints, []);
        });
        it(`may be ${value}, as ${variable}, in any case and with spaces around it`, () => {
          for (const text of [`${value}`, `${value}`.toUpperCase(), `  ${value} `]) {
            const { settings, complaints } = read({}, { [variable]: text });
            assert.deepEqual({ ...settings }, { ...DEFAULTS, [name]: value }, text);
            assert.deepEqual(complaints, []);
          }
        });
      }

      it('is the option, where both are given', () => {
        const { settings, complaints } = read({ [name]: byDefault }, { [variable]: `${others[0]}` });
        assert.equal(settings[name], byDefault);
        assert.deepEqual(complaints, []);
      });

      it('is the default where the variable is empty, or the option undefined', () => {
        for (const text of ['', '  ']) {
          const { settings, complaints } = read({ [name]: undefined }, { [variable]: text });
          assert.deepEqual(settings, DEFAULTS);
          assert.deepEqual(complaints, []);
        }
      });

      it('is the default where the option is garbage, and the complaint says what was expected', () => {
        const { settings, complaints } = read({ [name]: 'garbage' });
        assert.deepEqual(settings, DEFAULTS);
        assert.deepEqual(complaints, [
          `option ${name} is 'garbage', expected one of ${expected.join(', ')}; using ${byDefault}`,
        ]);
      });

      it('is the default where the variable is garbage, and the complaint says what was expected', () => {
        const { settings, complaints } = read({}, { [variable]: 'garbage' });
        assert.deepEqual(settings, DEFAULTS);
        assert.deepEqual(complaints, [
          `${variable} is 'garbage', expected one of ${expected.join(', ')}; using ${byDefault}`,
        ]);
      });

      it('is the variable where the option is garbage, and the complaint says so', () => {
        const { settings, complaints } = read({ [name]: 'garbage' }, { [variable]: `${others[0]}` });
        assert.equal(settings[name], others[0]);
        assert.deepEqual(complaints, [
          `option ${name} is 'garbage', expected one of ${expected.join(', ')}; using ${others[0]}`,
        ]);
      });

      it('complains of the option and of the variable, where both are garbage', () => {
        const { settings, complaints } = read({ [name]: 'one' }, { [variable]: 'other' });
        assert.deepEqual(settings, DEFAULTS);
        assert.deepEqual(
          complaints.map(complaint => complaint.split(' is ')[0]),
          [`option ${name}`, variable],
        );
      });
    });
  }

  it('take any garbage, and name it on one short line', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['itself'] = cyclic;
    const hostile = {
      toString() {
        throw new Error('from toString');
      },
      toJSON() {
        throw new Error('from toJSON');
      },
    };
    const garbage = [null, 1n, Symbol('s'), () => {}, cyclic, hostile, Number.NaN, ['all'], 'x'.repeat(10_000), 'a\nb'];
    for (const value of garbage) {
      const { settings, complaints } = read({ handshakeSpans: value });
      assert.deepEqual(settings, DEFAULTS);
      assert.equal(complaints.length, 1);
      assert.match(complaints[0]!, /^option handshakeSpans is .{1,170}, expected one of all, failed, none; using all$/);
    }
  });

  describe('by OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN', () => {
    const VARIABLE = 'OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN';
    for (const [text, events] of [
      ['logs', 'log'],
      ['logs/dup', 'both'],
      ['logs,logs/dup', 'both'],
      ['something, logs ', 'log'],
      ['something', 'both'],
      ['', 'both'],
    ] as const) {
      it(`put events ${{ log: 'in the logs', both: 'in both places' }[events]}, when it is '${text}'`, () => {
        assert.equal(read({}, { [VARIABLE]: text }).settings.events, events);
      });
    }

    it('are overruled by their own option and variable', () => {
      const { environmentVariable } = OPTIONS.events;
      assert.equal(read({ events: 'span' }, { [VARIABLE]: 'logs' }).settings.events, 'span');
      assert.equal(read({}, { [VARIABLE]: 'logs', [environmentVariable]: 'span' }).settings.events, 'span');
    });

    it('stand where their own variable is garbage, and the complaint says so', () => {
      const { settings, complaints } = read({}, { [VARIABLE]: 'logs', [OPTIONS.events.environmentVariable]: 'x' });
      assert.equal(settings.events, 'log');
      assert.match(complaints.join(), /; using log$/);
    });
  });
});

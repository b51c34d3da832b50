import assert from 'node:assert/strict';
import { KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import {
  OPTIONS,
  PATTERNS_OPTION,
  PRIVACY_OPTIONS,
  readForwarding,
  readPatterns,
  readPrivacy,
  readSettings,
  type Settings,
} from '../src/settings';

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
      floodLimit: 50,
      floodLimitPerNetwork: 20,
      floodLimitPerReason: 20,
      certificateDetails: 'failed',
      certificatePem: false,
      peerCertificateExpiry: false,
      fingerprints: false,
      events: 'both',
      requestAttributes: 'default',
      identity: 'full',
      addresses: 'full',
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
      "unknown option 'handshakeSpan'; known are handshakeSpans, abandonedSpans, floodLimit, floodLimitPerNetwork, floodLimitPerReason, certificateDetails, certificatePem, peerCertificateExpiry, fingerprints, events, requestAttributes, identity, addresses, requestHook, userId, forwarded, patterns, identityKey, attributes",
    ]);
    assert.deepEqual(settings, DEFAULTS);
  });

  it('do not take what every object inherits for an option', () => {
    assert.equal(read({ constructor: 1 }).complaints.length, 1);
    assert.equal(read(JSON.parse('{ "__proto__": { "events": "none" } }')).settings.events, 'both');
  });

  for (const name of NAMES) {
    const { environmentVariable: variable, expected: row, byDefault, ifGarbage } = OPTIONS[name];
    // What keeps something back keeps all of it back where nobody understands how much is meant.
    const instead = ifGarbage ?? byDefault;
    const expected = 'from' in row ? [row.from, row.to] : row;
    const expectation = 'from' in row ? `a whole number from ${row.from} to ${row.to}` : `one of ${row.join(', ')}`;
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

      it(`is ${instead} where the option is garbage, and the complaint says what was expected`, () => {
        const { settings, complaints } = read({ [name]: 'garbage' });
        assert.deepEqual(settings, { ...DEFAULTS, [name]: instead });
        assert.deepEqual(complaints, [`option ${name} is 'garbage', expected ${expectation}; using ${instead}`]);
      });

      it(`is ${instead} where the variable is garbage, and the complaint says what was expected`, () => {
        const { settings, complaints } = read({}, { [variable]: 'garbage' });
        assert.deepEqual(settings, { ...DEFAULTS, [name]: instead });
        assert.deepEqual(complaints, [`${variable} is 'garbage', expected ${expectation}; using ${instead}`]);
      });

      // Else a misspelt `hash` in the code would name everybody wherever the environment says `full`.
      it(`is ${ifGarbage ?? 'the variable'} where the option is garbage, and the complaint says so`, () => {
        for (const other of expected) {
          const { settings, complaints } = read({ [name]: 'garbage' }, { [variable]: `${other}` });
          const used = ifGarbage ?? other;
          assert.equal(settings[name], used);
          assert.deepEqual(complaints, [`option ${name} is 'garbage', expected ${expectation}; using ${used}`]);
        }
      });

      it('complains of the option and of the variable, where both are garbage', () => {
        const { settings, complaints } = read({ [name]: 'one' }, { [variable]: 'other' });
        assert.deepEqual(settings, { ...DEFAULTS, [name]: instead });
        assert.deepEqual(
          complaints.map(complaint => complaint.split(' is ')[0]),
          [`option ${name}`, variable],
        );
      });
    });
  }

  it('take whole numbers alone where they expect a number, to both ends and no further', () => {
    const { from, to } = OPTIONS.floodLimit.expected as { from: number; to: number };
    for (const value of [
      from - 1,
      to + 1,
      from + 0.5,
      -from,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      `${from}`,
      [from],
    ]) {
      const { settings, complaints } = read({ floodLimit: value });
      assert.equal(settings.floodLimit, OPTIONS.floodLimit.byDefault);
      assert.equal(complaints.length, 1, String(value));
    }
    for (const text of [`${from - 1}`, `${to + 1}`, '1.5', '1e2', '0x10', '-1', '9'.repeat(400)]) {
      const { settings, complaints } = read({}, { [OPTIONS.floodLimit.environmentVariable]: text });
      assert.equal(settings.floodLimit, OPTIONS.floodLimit.byDefault);
      assert.equal(complaints.length, 1, text);
    }
  });

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

describe('the settings of forwarded certificates', () => {
  const PRESET = 'OTEL_INSTRUMENTATION_TLS_FORWARDED_PRESET';
  const PROXIES = 'OTEL_INSTRUMENTATION_TLS_FORWARDED_TRUSTED_PROXIES';

  function readBoth(config: object | undefined, environment: Record<string, string> = {}) {
    const complaints: string[] = [];
    const forwarding = readForwarding(config as never, environment, complaint => complaints.push(complaint));
    return { forwarding, complaints };
  }

  it('are off, without a word, where nothing is given', () => {
    for (const config of [undefined, {}, { forwarded: undefined }]) {
      assert.deepEqual(readBoth(config, { [PRESET]: ' ', [PROXIES]: '' }), { forwarding: undefined, complaints: [] });
    }
  });

  it('are a preset and the proxies to believe, as options', () => {
    const { forwarding, complaints } = readBoth({ forwarded: { preset: 'nginx', trustedProxies: ['loopback'] } });
    assert.equal(forwarding?.preset, 'nginx');
    assert.equal(forwarding.trustedProxies.trusts({ address: '127.0.0.1', transport: 'tcp' }), 'by_address');
    assert.deepEqual(complaints, []);
    assert.deepEqual(read({ forwarded: { preset: 'nginx', trustedProxies: ['loopback'] } }).complaints, []);
  });

  it('are a preset and the proxies to believe, as variables', () => {
    const { forwarding, complaints } = readBoth({}, { [PRESET]: ' NGINX ', [PROXIES]: 'unix, 10.1.0.0/16,' });
    assert.equal(forwarding?.preset, 'nginx');
    assert.equal(forwarding.trustedProxies.trusts({ address: '10.1.2.3', transport: 'tcp' }), 'by_address');
    assert.equal(forwarding.trustedProxies.trusts({ address: '10.2.2.3', transport: 'tcp' }), undefined);
    assert.deepEqual(complaints, []);
  });

  it('may be given half as options and half as variables', () => {
    assert.ok(readBoth({ forwarded: { preset: 'nginx' } }, { [PROXIES]: 'loopback' }).forwarding);
  });

  it('are off, and say so, where there is nobody to believe', () => {
    for (const trustedProxies of [undefined, []]) {
      assert.deepEqual(readBoth({ forwarded: { preset: 'nginx', trustedProxies } }), {
        forwarding: undefined,
        complaints: ['forwarded certificates are not read: there is no valid proxy in forwarded.trustedProxies'],
      });
    }
  });

  it('are off, and say so, where there is no preset', () => {
    assert.deepEqual(readBoth({}, { [PROXIES]: 'loopback' }), {
      forwarding: undefined,
      complaints: ['forwarded certificates are not read: there is no valid forwarded.preset'],
    });
  });

  it('name a preset that they do not know, and those that they do', () => {
    const { forwarding, complaints } = readBoth({ forwarded: { preset: 'engine-x', trustedProxies: ['loopback'] } });
    assert.equal(forwarding, undefined);
    assert.match(complaints[0]!, /^option forwarded.preset is 'engine-x', expected one of rfc9440, envoy-xfcc, /);
    assert.equal(complaints.length, 2);
  });

  it('name a proxy that they do not understand, and keep the others', () => {
    const { forwarding, complaints } = readBoth({
      forwarded: { preset: 'nginx', trustedProxies: ['10.0.0.0/33', 'loopback'] },
    });
    assert.ok(forwarding);
    assert.deepEqual(complaints, [
      'option forwarded.trustedProxies: "10.0.0.0/33" has no prefix length of 1 to 32; expected loopback, unix, ' +
        'an address or CIDR (10.0.0.0/8, fd00::/8), fingerprint:<SHA-256 in hex> or spiffe://<domain>/<path>',
    ]);
  });

  it('are off rather than trust whom the variable names, where the option’s list is bad', () => {
    for (const trustedProxies of [['nobody'], 'loopback', 7, null]) {
      const given = { forwarded: { preset: 'nginx', trustedProxies } };
      const { forwarding, complaints } = readBoth(given, { [PROXIES]: '0.0.0.0/1' });
      assert.equal(forwarding, undefined);
      assert.equal(complaints.length, 2, complaints.join('\n'));
    }
  });

  it('take any garbage, and name it', () => {
    for (const forwarded of [null, 1, 'nginx', [], () => {}, { preset: {}, trustedProxies: [{}, null, 1n] }]) {
      const { forwarding, complaints } = readBoth({ forwarded });
      assert.equal(forwarding, undefined);
      if (!Array.isArray(forwarded)) assert.ok(complaints.length > 0);
      for (const complaint of complaints) assert.doesNotMatch(complaint, /\n/);
    }
    assert.deepEqual(readBoth({ forwarded: { trustedPeers: [] } }).complaints, [
      "unknown option 'forwarded.trustedPeers'; known are preset, trustedProxies",
    ]);
  });
});

describe('the setting of patterns', () => {
  const VARIABLE = PATTERNS_OPTION.environmentVariable;
  function readBoth(patterns: unknown, variable?: string) {
    const complaints: string[] = [];
    const config = patterns === undefined ? {} : { patterns };
    const environment = variable === undefined ? {} : { [VARIABLE]: variable };
    const read = readPatterns(config as object, environment, complaint => complaints.push(complaint));
    return { read, complaints };
  }

  it('is all of them, by default, and where they are asked for', () => {
    for (const given of [readBoth(undefined), readBoth(true), readBoth(undefined, 'True'), readBoth(undefined, ' ')]) {
      assert.deepEqual(given, { read: {}, complaints: [] });
    }
  });

  it('is none, where they are switched off', () => {
    for (const given of [readBoth(false), readBoth(undefined, 'FALSE'), readBoth(false, 'true')]) {
      assert.deepEqual(given, { read: undefined, complaints: [] });
    }
  });

  it('has thresholds, as an option or a variable; the option wins', () => {
    const read = { retry_burst: { failures: 50 }, scanner: false };
    assert.deepEqual(readBoth(read), { read, complaints: [] });
    assert.deepEqual(readBoth(undefined, 'Retry_Burst.Failures=50, scanner=false'), { read, complaints: [] });
    assert.deepEqual(readBoth(read, 'scanner.kinds=2'), { read, complaints: [] });
  });

  it('is all of them where it is garbage, and says what was expected', () => {
    for (const garbage of ['garbage', 7, null, []]) {
      const { read, complaints } = readBoth(garbage);
      assert.deepEqual(read, {});
      assert.match(
        complaints.join(),
        /^option patterns is .*, expected true, false, or patterns with their thresholds$/,
      );
    }
    assert.match(readBoth(undefined, 'garbage').complaints.join(), new RegExp(`^${VARIABLE} is 'garbage'`));
  });

  it('names a part that is not understood, and where it stands', () => {
    assert.deepEqual(readBoth({ scanner: { kinds: 99 }, retry_burst: false }), {
      read: { retry_burst: false },
      complaints: ['option patterns: scanner.kinds is 99, expected a whole number from 1 to 8'],
    });
    assert.match(readBoth(undefined, 'portscan=true').complaints.join(), new RegExp(`^${VARIABLE}: unknown pattern`));
  });
});

describe('the settings of privacy', () => {
  const KEY_VARIABLE = PRIVACY_OPTIONS.identityKey.environmentVariable;
  const LIST_VARIABLE = PRIVACY_OPTIONS.attributes.environmentVariable;
  const KNOWN = ['error.type', 'tls.client.subject', 'tls.client.issuer', 'tls.cipher'];
  const SIXTEEN = '0123456789abcdef';

  function readAll(config: object, environment: Record<string, string> = {}) {
    const complaints: string[] = [];
    const complain = (complaint: string) => complaints.push(complaint);
    const settings = readSettings(config, environment, complain);
    const privacy = readPrivacy(settings, config, environment, KNOWN, complain);
    const allowed = privacy.allows && KNOWN.filter(privacy.allows);
    return { ...privacy, allowed, complaints };
  }

  const keyIn = (identity: unknown) => (identity instanceof KeyObject ? identity.export().toString() : identity);

  it('keep nothing back, by default, without a word', () => {
    assert.deepEqual(readAll({}), {
      identity: 'full',
      addresses: 'full',
      allows: undefined,
      allowed: undefined,
      complaints: [],
    });
  });

  it('take a key of 16 bytes, as text, as bytes, as variable; the option wins', () => {
    const variable = { [KEY_VARIABLE]: ` ${SIXTEEN}\n` };
    for (const [config, environment] of [
      [{ identityKey: SIXTEEN }, {}],
      [{ identityKey: Buffer.from(SIXTEEN) }, {}],
      [{ identityKey: new Uint8Array(Buffer.from(SIXTEEN)) }, { [KEY_VARIABLE]: 'short' }],
      [{ identityKey: 'é'.repeat(8) }, {}],
      [{}, variable],
    ] as const) {
      const { identity, complaints } = readAll({ identity: 'hash', ...config }, environment);
      assert.ok(identity instanceof KeyObject);
      if (!('identityKey' in config && config.identityKey === 'é'.repeat(8))) assert.equal(keyIn(identity), SIXTEEN);
      assert.deepEqual(complaints, []);
    }
  });

  it('make no pseudonyms without a key that will do, and name the option and never the key', () => {
    const short = SIXTEEN.slice(1);
    for (const [identityKey, variable, expected] of [
      [undefined, undefined, `there is no option identityKey, nor ${KEY_VARIABLE}, so`],
      [undefined, ' ', `there is no option identityKey, nor ${KEY_VARIABLE}, so`],
      [short, SIXTEEN, 'option identityKey has 15 bytes and must have at least 16, so'],
      [undefined, short, `${KEY_VARIABLE} has 15 bytes and must have at least 16, so`],
      ['', undefined, 'option identityKey has 0 bytes and must have at least 16, so'],
      [1234567890123456, undefined, 'option identityKey is neither text nor bytes, so'],
      [{ key: SIXTEEN }, undefined, 'option identityKey is neither text nor bytes, so'],
      [null, SIXTEEN, 'option identityKey is neither text nor bytes, so'],
    ] as const) {
      const environment: Record<string, string> = variable === undefined ? {} : { [KEY_VARIABLE]: variable };
      const { identity, complaints } = readAll({ identity: 'hash', identityKey }, environment);
      assert.equal(identity, 'off');
      assert.deepEqual(complaints, [`${expected} identity is 'off' and not 'hash'`]);
      assert.doesNotMatch(complaints.join(), /0123456|1234567/);
    }
  });

  it('do not show the key to whoever prints them', () => {
    const privacy = readAll({ identity: 'hash', identityKey: SIXTEEN });
    assert.doesNotMatch(inspect(privacy, { depth: 9, showHidden: true }) + JSON.stringify(privacy), /0123456|MDEyMzQ1/);
  });

  it('keep their own key when the application wipes its bytes', () => {
    const identityKey = Buffer.from(SIXTEEN);
    const { identity } = readAll({ identity: 'hash', identityKey });
    identityKey.fill(0);
    assert.equal(keyIn(identity), SIXTEEN);
  });

  it('allow attributes by name and by prefix, as a list or as variable; the option wins', () => {
    for (const given of [
      readAll({ attributes: ['error.type', 'tls.client.*'] }),
      readAll({}, { [LIST_VARIABLE]: ' error.type, tls.client.* ,' }),
      readAll({ attributes: ['error.type', 'tls.client.*'] }, { [LIST_VARIABLE]: 'tls.cipher' }),
    ]) {
      assert.deepEqual(given.allowed, ['error.type', 'tls.client.subject', 'tls.client.issuer']);
      assert.deepEqual(given.complaints, []);
    }
    assert.deepEqual(readAll({ attributes: [] }).allowed, []);
    assert.equal(readAll({}, { [LIST_VARIABLE]: ' ' }).allowed, undefined);
  });

  it('name what is no attribute, and allow the others', () => {
    const { allowed, complaints } = readAll({ attributes: ['tls.ciphre', 'tls.cipher', 'tls.peer.*', 7] });
    assert.deepEqual(allowed, ['tls.cipher']);
    assert.deepEqual(complaints, [
      "option attributes: there is no attribute 'tls.ciphre'",
      "option attributes: there is no attribute 'tls.peer.*'",
      'option attributes: there is no attribute 7',
    ]);
    const misspelt = readAll({}, { [LIST_VARIABLE]: 'tls.peer' });
    assert.deepEqual(misspelt.allowed, []);
    assert.deepEqual(misspelt.complaints, [`${LIST_VARIABLE}: there is no attribute 'tls.peer'`]);
  });

  it('allow no attribute where the list is none', () => {
    for (const attributes of ['error.type', null, 7, { 'error.type': true }]) {
      const { allowed, complaints } = readAll({ attributes });
      assert.deepEqual(allowed, []);
      assert.match(
        complaints.join(),
        /^option attributes is .*, expected a list of names of attributes; none is said$/,
      );
    }
  });
});

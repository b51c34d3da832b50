import assert from 'node:assert/strict';
import { CertificateCache } from '../../src/certificate/certificate-cache';
import * as raw from './raw-certificate';

/** As many distinct certificates as wanted: one certificate, the serial number patched. Its signature no longer fits. */
function* certificates(template = raw.rawCertificate({ serialNumber: raw.integer(1, 0, 0, 0) })): Generator<Buffer> {
  const at = template.indexOf(Buffer.from([2, 4, 1, 0, 0, 0])) + 3;
  for (let serial = 0; ; serial++) {
    const der = Buffer.from(template);
    der.writeUIntBE(serial, at, 3);
    yield der;
  }
}

function take(count: number, from: Generator<Buffer>): Buffer[] {
  return Array.from({ length: count }, () => from.next().value as Buffer);
}

function cacheAt(start = 0, parsesPerSecond?: number) {
  const clock = { now: start };
  const options = parsesPerSecond === undefined ? {} : { parsesPerSecond };
  return { clock, cache: new CertificateCache({ ...options, now: () => clock.now }) };
}

describe('the certificate cache', () => {
  it('parses a certificate once', () => {
    const { cache } = cacheAt();
    const der = raw.rawCertificate();
    const first = cache.get(der, false);
    assert.equal(first.subject, 'CN=raw');
    assert.equal(cache.get(Buffer.from(der), false), first);
    assert.equal(cache.get(der, true), first);
    assert.equal(cache.size, 1);
  });

  it('keeps 1000 verified certificates and 64 others', () => {
    const { cache } = cacheAt();
    const fresh = certificates();
    for (const der of take(1001, fresh)) cache.get(der, true);
    assert.deepEqual([cache.size, cache.evicted], [1000, 1]);
    for (const der of take(65, fresh)) cache.get(der, false);
    assert.deepEqual([cache.size, cache.evicted], [1064, 2]);
  });

  it('keeps the verified ones whatever strangers present', () => {
    const { cache } = cacheAt();
    const fresh = certificates();
    const good = take(20, fresh);
    const known = good.map(der => cache.get(der, true));
    for (const der of take(2000, fresh)) cache.get(der, false);
    assert.deepEqual(
      good.map(der => cache.get(der, false)),
      known,
    );
    assert.equal(cache.size, 84);
  });

  it('lets the least recently used go first', () => {
    const { cache } = cacheAt();
    const fresh = certificates();
    const [used, idle, ...rest] = take(64, fresh) as [Buffer, Buffer, ...Buffer[]];
    const kept = [used, idle, ...rest].map(der => cache.get(der, false));
    cache.get(used, false);
    cache.get(fresh.next().value as Buffer, false);
    assert.equal(cache.get(used, false), kept[0]);
    assert.notEqual(cache.get(idle, false), kept[1]);
  });

  it('does not let a stranger who shows a verified certificate keep it in use', () => {
    const { cache } = cacheAt();
    const fresh = certificates();
    const [oldest, ...rest] = take(1000, fresh) as [Buffer, ...Buffer[]];
    const first = cache.get(oldest, true);
    for (const der of rest) cache.get(der, true);
    cache.get(oldest, false);
    cache.get(fresh.next().value as Buffer, true);
    assert.notEqual(cache.get(oldest, true), first);
  });

  it('moves a certificate up when it is verified, and never down again', () => {
    const { cache } = cacheAt();
    const fresh = certificates();
    const der = fresh.next().value as Buffer;
    const known = cache.get(der, false);
    cache.get(der, true);
    assert.equal(cache.size, 1);
    cache.get(der, false);
    for (const other of take(64, fresh)) cache.get(other, false);
    assert.equal(cache.get(der, false), known);
    assert.deepEqual([cache.size, cache.evicted], [65, 0]);
  });

  it('keeps no more than 4 MB of verified certificates', () => {
    const { cache } = cacheAt();
    const padding = raw.extension('1.2.3.4', Buffer.alloc(15_000));
    const large = certificates(raw.rawCertificate({ serialNumber: raw.integer(1, 0, 0, 0), extensions: [padding] }));
    for (const der of take(200, large)) cache.get(der, true);
    assert.equal(cache.size + cache.evicted, 200);
    assert.ok(cache.size > 100 && cache.size < (4 * 1024 * 1024) / 30_000, `${cache.size}`);
    // Bytes given back are bytes to use: small ones fit in again.
    for (const der of take(1000, certificates())) cache.get(der, true);
    assert.equal(cache.size, 1000);
  });

  it('counts a certificate that was too large to keep for little', () => {
    const { cache } = cacheAt();
    const padding = raw.extension('1.2.3.4', Buffer.alloc(60_000));
    const huge = certificates(raw.rawCertificate({ serialNumber: raw.integer(1, 0, 0, 0), extensions: [padding] }));
    for (const der of take(500, huge)) assert.equal(cache.get(der, true).parsed, false);
    assert.deepEqual([cache.size, cache.evicted], [500, 0]);
  });
});

describe('the certificate cache, asked for details', () => {
  const looked = (cache: CertificateCache, der: Buffer, trusted = false) =>
    cache.get(der, trusted).details.publicKeyAlgorithm === 'EC';

  it('parses no more than its allowance in a second', () => {
    const { cache, clock } = cacheAt(1000, 3);
    const fresh = certificates();
    assert.deepEqual(
      take(5, fresh).map(der => looked(cache, der)),
      [true, true, true, false, false],
    );
    clock.now += 333;
    assert.equal(looked(cache, fresh.next().value as Buffer), false);
    clock.now += 1;
    assert.deepEqual(
      take(2, fresh).map(der => looked(cache, der)),
      [true, false],
    );
    clock.now += 60_000;
    assert.deepEqual(
      take(4, fresh).map(der => looked(cache, der)),
      [true, true, true, false],
    );
  });

  it('allows 200 a second unless told otherwise', () => {
    const { cache } = cacheAt();
    assert.equal(take(250, certificates()).filter(der => looked(cache, der)).length, 200);
  });

  it('counts a certificate once, however often it is looked at', () => {
    const { cache } = cacheAt(0, 1);
    const [one, two] = take(2, certificates()) as [Buffer, Buffer];
    for (let times = 0; times < 5; times++) assert.equal(looked(cache, one), true);
    assert.equal(looked(cache, two), false);
  });

  it('counts nothing for a certificate that nobody looks at closely', () => {
    const { cache } = cacheAt(0, 1);
    const fresh = certificates();
    for (const der of take(10, fresh)) assert.equal(cache.get(der, true).subject, 'CN=raw');
    assert.equal(looked(cache, fresh.next().value as Buffer), true);
  });

  it('looks again, at a later asking, at a certificate it had to refuse', () => {
    const { cache, clock } = cacheAt(0, 1);
    const [one, two] = take(2, certificates()) as [Buffer, Buffer];
    assert.equal(looked(cache, one), true);
    const refused = cache.get(two, true);
    assert.deepEqual(refused.details, {});
    assert.equal(cache.get(two, true), refused);
    clock.now += 1000;
    assert.equal(looked(cache, two, true), true);
    assert.deepEqual(refused.details, {});
    assert.equal(cache.get(two, true).subject, refused.subject);
    assert.equal(cache.size, 2);
  });

  it('is not moved by a clock that is set back', () => {
    const { cache, clock } = cacheAt(1_000_000, 2);
    const fresh = certificates();
    assert.deepEqual(
      take(3, fresh).map(der => looked(cache, der)),
      [true, true, false],
    );
    clock.now = 0;
    assert.equal(looked(cache, fresh.next().value as Buffer), false);
    clock.now = 500;
    assert.equal(looked(cache, fresh.next().value as Buffer), true);
  });
});

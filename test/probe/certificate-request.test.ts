import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { encodedName } from '../../src/certificate/encoded-name';
import { acceptedNames } from '../../src/cli/probe-client';
import type { ProbeOptions } from '../../src/cli/probe-options';
import { acceptedNamesIn } from '../../src/probe/certificate-request';
import { CertificateAuthority } from '../support/certificate-authority';

describe('whom a server says it accepts', () => {
  async function toldBy(options: object): Promise<readonly (string | undefined)[]> {
    const authority = await CertificateAuthority.create({ commonName: 'Acme CA' });
    const other = await CertificateAuthority.create({ subject: 'C=DE, O=Other, CN=Other CA' });
    const { chain, key } = await authority.issue({ usage: 'server' });
    const server = createServer({
      cert: chain,
      key,
      ca: [authority.certificate, other.certificate],
      requestCert: true,
      ...options,
    }).listen(0, '127.0.0.1');
    server.on('tlsClientError', () => {});
    await once(server, 'listening');
    try {
      const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
      return (await acceptedNames({ url } as ProbeOptions, new AbortController().signal)).map(encodedName);
    } finally {
      server.close();
    }
  }

  it('is heard in TLS 1.2, in its order', async () => {
    const names = await toldBy({});
    assert.deepEqual([...names].sort(), ['CN=Acme CA', 'CN=Other CA,O=Other,C=DE']);
  });

  it('is not heard of one that asks nobody, or speaks TLS 1.3 alone', async () => {
    assert.deepEqual(await toldBy({ requestCert: false }), []);
    assert.deepEqual(await toldBy({ minVersion: 'TLSv1.3' }), []);
  });

  it('is nothing where nobody listens', async () => {
    assert.deepEqual(
      await acceptedNames({ url: new URL('https://127.0.0.1:1') } as ProbeOptions, new AbortController().signal),
      [],
    );
  });

  /** One record with one CertificateRequest: types, algorithms, names. */
  const record = (body: Buffer) =>
    Buffer.concat([Buffer.from([22, 3, 3, 0, body.length + 4, 13, 0, 0, body.length]), body]);
  const GOOD = record(Buffer.from([1, 1, 0, 2, 4, 3, 0, 4, 0, 2, 0x30, 0]));

  it('is read whichever way it is cut into records', () => {
    assert.deepEqual(acceptedNamesIn(GOOD), [new Uint8Array([0x30, 0])]);
    const [first, second] = [GOOD.subarray(5, 9), GOOD.subarray(9)];
    const cut = Buffer.concat([
      Buffer.from([22, 3, 3, 0, first.length]),
      first,
      Buffer.from([22, 3, 3, 0, second.length]),
      second,
    ]);
    assert.deepEqual(acceptedNamesIn(cut), [new Uint8Array([0x30, 0])]);
  });

  it('never throws, whatever is sent and wherever it ends', () => {
    for (let length = 0; length < GOOD.length; length++) acceptedNamesIn(GOOD.subarray(0, length));
    for (let at = 0; at < GOOD.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = Buffer.from(GOOD);
        changed[at] = value;
        acceptedNamesIn(changed);
      }
    }
    assert.equal(acceptedNamesIn(Buffer.from('HTTP/1.1 400 Bad Request')), undefined);
    assert.equal(acceptedNamesIn(Buffer.of()), undefined);
    assert.deepEqual(acceptedNamesIn(record(Buffer.from([0, 0, 0, 0, 0]))), []);
  });
});

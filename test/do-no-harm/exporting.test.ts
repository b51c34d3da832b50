import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server } from 'node:tls';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { listen } from '../support/tls-pair';
import { SideBySide } from './side-by-side';

/** What the application of these tests does, and nothing else may be seen. */
const ITS_HANDSHAKES = ['TLS client handshake', 'TLS client handshake', 'TLS server handshake', 'TLS server handshake'];

interface Receiver {
  readonly server: Server;
  readonly port: number;
  /** Spans and handshakes, good and bad, that have arrived. */
  readonly seen: { spans: string[]; secured: number; refused: number };
}

describe('the exporter speaks TLS without being heard', function () {
  this.timeout(60_000);
  const runs = new SideBySide();
  const folder = mkdtempSync(join(tmpdir(), 'exporting-'));
  const ca = join(folder, 'ca.pem');
  const receivers: Receiver[] = [];
  let certificate: IssuedCertificate;

  before(async () => {
    await runs.open();
    const authority = await CertificateAuthority.create();
    certificate = await authority.issue({ usage: 'server' });
    writeFileSync(ca, authority.certificate);
  });
  after(async () => {
    for (const { server } of receivers) server.close();
    await runs.close();
    rmSync(folder, { recursive: true });
  });

  /** Takes OTLP over https; of grpc the handshake alone. */
  async function receiver(kind: 'https' | 'grpc'): Promise<Receiver> {
    const seen: Receiver['seen'] = { spans: [], secured: 0, refused: 0 };
    const options = { cert: certificate.certificate, key: certificate.key };
    const server: Server =
      kind === 'grpc'
        ? createSecureServer(options).on('stream', stream => {
            stream.respond(
              { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '16' },
              { endStream: true },
            );
          })
        : createServer(options, (request, response) => {
            let body = '';
            request.on('data', chunk => {
              body += chunk;
            });
            request.on('end', () => {
              seen.spans.push(...(body.match(/"name":"TLS [a-z ]+"/g) ?? []));
              response.setHeader('content-type', 'application/json').end('{}');
            });
          });
    server.on('secureConnection', () => seen.secured++);
    server.on('tlsClientError', () => seen.refused++);
    const port = await listen(server);
    receivers.push({ server, port, seen });
    return receivers.at(-1)!;
  }

  const environment = (port: number, protocol: 'http/json' | 'grpc', trusted = true): NodeJS.ProcessEnv => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    ...(trusted && { OTEL_EXPORTER_OTLP_CERTIFICATE: ca }),
  });

  it('from a preload, over https: exactly the handshakes of the application arrive', async () => {
    const { port, seen } = await receiver('https');
    const { code } = await runs.run('life', 'preloaded', {
      args: ['two handshakes'],
      environment: environment(port, 'http/json'),
    });
    assert.equal(code, 0);
    assert.ok(seen.secured > 0);
    assert.deepEqual(
      seen.spans.sort(),
      ITS_HANDSHAKES.map(name => `"name":"${name}"`),
    );
  });

  it('over https: no span is even begun for it', async () => {
    const { port, seen } = await receiver('https');
    const { reported } = await runs.run('life', 'exporting', {
      args: ['two handshakes'],
      environment: environment(port, 'http/json'),
    });
    assert.ok(seen.secured > 0);
    assert.deepEqual(reported, ITS_HANDSHAKES);
  });

  it('over https to a collector that it does not trust: nor for what fails', async () => {
    const { port, seen } = await receiver('https');
    const { reported } = await runs.run('life', 'exporting', {
      args: ['two handshakes'],
      environment: environment(port, 'http/json', false),
    });
    assert.ok(seen.secured + seen.refused > 0);
    assert.deepEqual(seen.spans, []);
    assert.deepEqual(reported, ITS_HANDSHAKES);
  });

  it('over gRPC', async () => {
    const { port, seen } = await receiver('grpc');
    const { reported } = await runs.run('life', 'exporting', {
      args: ['two handshakes'],
      environment: environment(port, 'grpc'),
    });
    assert.ok(seen.secured > 0, `${(receivers.at(-1)!.server.address() as AddressInfo).port} was never reached`);
    assert.deepEqual(reported, ITS_HANDSHAKES);
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReceivedSpan } from '../../src/cli/otlp-messages';
import type { TlsPeer } from '../../src/identity/tls-peer';
import { codeBlocks } from '../docs/markdown';
import { Collector } from '../support/collector';
import { curl } from './curl';
import { forgedHeaders } from './forged-headers';
import { FOLDER, PRESET_OF, portIn, readmesCommand, tracedTo } from './proxied-application';
import { issueProxyCredentials, PROXY_IDENTITY, type ProxyCredentials } from './proxy-credentials';
import { PROXY_EXAMPLES, ReverseProxy } from './reverse-proxy';
import { eventually, runningPrograms } from './running-programs';

/** Where the lines of the examples' README go in the example, by the language that the README gives them. */
const REPLACED = { nginx: /^ *proxy_pass http:\/\/app;$/m, haproxy: /^ *server app1 .*$/m } as const;

describe('a reverse proxy that comes to the application with a certificate of its own', () => {
  let folder: string;
  let credentials: ProxyCredentials;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'proxy-certificate-'));
    credentials = await issueProxyCredentials(join(folder, 'tls'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const name of ['nginx', 'haproxy'] as const) {
    describe(name, () => {
      const programs = runningPrograms();
      let collector: Collector;
      let proxy: ReverseProxy;
      let upstream: number;

      before(async () => {
        collector = await Collector.start();
        const { args, env } = readmesCommand(PRESET_OF[name]);
        const application = programs.start(
          'application',
          process.execPath,
          args,
          {
            ...env,
            ...tracedTo(collector),
            OTEL_INSTRUMENTATION_TLS_FORWARDED_TRUSTED_PROXIES: PROXY_IDENTITY,
            CERTIFICATES: credentials.folder,
          },
          FOLDER,
        );
        upstream = await application.until('the application listens', () => portIn(application.stdout));
        proxy = await ReverseProxy.start(programs, name, {
          certificates: credentials.folder,
          upstream,
          vary: example => example.replace(REPLACED[name], linesFor(name)),
        });
      });
      after(async () => {
        await proxy?.stop();
        await collector.close();
      });

      /** The README's, with what it tells to replace. */
      function linesFor(language: string): string {
        const [block, ...more] = codeBlocks(readFileSync(join(PROXY_EXAMPLES, 'README.md'), 'utf8')).filter(
          each => each.language === language,
        );
        assert.deepEqual(more, []);
        return block!.text.replaceAll('/etc/tls', credentials.folder).replace(/\b8080\b/, String(upstream));
      }

      async function peerOf(port: number, path: string, ...options: string[]): Promise<TlsPeer | undefined> {
        const pem = (file: string) => join(credentials.folder, `${file}.pem`);
        const own = ['--ipv4', '--cacert', pem('ca'), '--cert', pem('good'), '--key', pem('good-key')];
        const { answer, stderr } = await curl(`https://localhost:${port}${path}`, [...own, ...options]);
        assert.equal(answer?.status, 200, `${stderr}${answer?.body}`);
        return JSON.parse(answer.body).peer;
      }

      function spanOf(path: string): Promise<ReceivedSpan> {
        return eventually(`the span of ${path}`, () =>
          collector.spans.find(({ kind, attributes }) => kind === SERVER && attributes['url.path'] === path),
        );
      }

      it('is believed for that, and both are known: its client, and itself by our handshake with it', async () => {
        const { good } = credentials.visitors;
        const peer = await peerOf(proxy.verifiedPort, '/by-way-of-the-proxy');
        assert.equal(peer?.source, 'header');
        assert.equal(peer.certificate?.fingerprint, good.fingerprint);
        assert.equal(peer.verification.result, 'ok');
        assert.equal(peer.proxy?.peer?.source, 'handshake');
        assert.equal(peer.proxy.peer.certificate?.spiffeId, PROXY_IDENTITY);

        const request = await spanOf('/by-way-of-the-proxy');
        assert.equal(request.attributes['tls.client.hash.sha256'], good.fingerprint);
        assert.equal(request.attributes['tls.client.certificate.source'], 'header');
        const handshake = await eventually('the span of the handshake with the proxy', () =>
          collector.spans.find(({ spanId }) => spanId === request.links[0]?.spanId),
        );
        assert.equal(handshake.name, 'TLS server handshake');
        assert.equal(handshake.attributes['tls.client.subject'], 'CN=ingress,O=Acme');
        assert.equal(request.attributes['tls.connection.id'], handshake.spanId);
      });

      it('cannot be played by a client that gets past it with a good certificate and its headers', async () => {
        const { admin, good } = credentials.visitors;
        const forged = forgedHeaders(admin).flatMap(([header, value]) => ['--header', `${header}: ${value}`]);
        const peer = await peerOf(upstream, '/past-the-proxy', ...forged);
        assert.equal(peer?.source, 'handshake');
        assert.equal(peer.certificate?.fingerprint, good.fingerprint);

        const request = await spanOf('/past-the-proxy');
        assert.equal(request.attributes['tls.client.hash.sha256'], good.fingerprint);
        assert.equal(request.attributes['tls.client.certificate.source'], 'handshake');
        const [event, ...more] = request.events;
        assert.deepEqual(more, []);
        assert.equal(event?.name, 'tls.forwarded_certificate.spoof_suspected');
        assert.equal(event.attributes['tls.forwarded.suspicion'], 'untrusted_peer');
        assert.equal(event.attributes['tls.client.subject'], 'CN=good,O=Acme');
      });
    });
  }
});

/** OTLP's number. */
const SERVER = 2;

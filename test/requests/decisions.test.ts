import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { FAILURE_REASONS } from '../../src/handshake/failure-reasons';
import { type DecisionEventName, TlsPeerSpanProcessor } from '../../src/index';
import { type Credentials, credentials, get, node, ORDERS, Scene, type SceneOptions } from '../support/request-scene';
import { visitHttp2 } from '../support/http-visits';
import { LOOPBACK } from '../support/tls-pair';

const REJECTED: DecisionEventName = 'tls.client_certificate.rejected';
const ACCEPTED: DecisionEventName = 'tls.client_certificate.accepted_unverified';

/** Answers with the status that the path begins with: `/403/orders`. */
const answerAsAsked: RequestListener = (request, response) => {
  response.statusCode = Number(request.url?.split(/[/?]/)[1]);
  response.end('decided\n');
};

describe('what an application answers a client whose certificate did not verify', () => {
  let known: Credentials;
  let scene: Scene;

  before(async () => {
    known = await credentials();
  });
  afterEach(() => scene.close());

  const asking = () => ({ ...known.server, ca: known.ca, requestCert: true, rejectUnauthorized: false });
  const mallory = () => ({ ...known.mallory, ca: known.ca, agent: false as const });
  const setUp = (options: SceneOptions = {}): Scene => {
    scene = new Scene(options);
    return scene;
  };
  const logs = (...names: DecisionEventName[]) => {
    scene.instrumentation.flush();
    return scene.recorder.logs.filter(log => names.includes(log.eventName as DecisionEventName));
  };
  /** The client may know of the answer before the server is done with it: so many events, and what came with them. */
  const said = async (name: DecisionEventName, count = 1) => {
    await until(() => logs(name).length >= count);
    return logs(name);
  };
  const decided = async (count: number) => {
    await until(() => logs(REJECTED, ACCEPTED).length >= count);
    return logs(REJECTED, ACCEPTED).map(log => log.eventName);
  };

  for (const order of ORDERS) {
    it(`is an event on the request's span and in its trace, beside instrumentation-http, ${order}`, async () => {
      setUp({ order });
      const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
      assert.equal(await get(port, { ...mallory(), path: '/403/orders?token=secret' }), 403);
      const [span] = await scene.spans(SpanKind.SERVER, 1);
      const [log] = await said(REJECTED);
      const [handshake] = scene.handshakes('server');
      assert.ok(log && span && handshake);
      assert.equal(log.severityText, 'WARN');
      assert.equal(log.severityNumber, 13);
      assert.deepEqual(log.spanContext?.spanId, span.spanContext().spanId);
      assert.deepEqual(log.spanContext?.traceId, span.spanContext().traceId);
      const reason = FAILURE_REASONS.unknown_ca;
      const { 'network.peer.port': peerPort, ...attributes } = log.attributes;
      assert.equal(typeof peerPort, 'number');
      assert.deepEqual(pick(attributes, /^(http|url|network|error|tls\.(failure|verify|connection))/), {
        'http.request.method': 'GET',
        'url.path': '/403/orders',
        'http.response.status_code': 403,
        'network.peer.address': '127.0.0.1',
        'tls.verify.result': 'failed',
        'tls.verify.errors': ['unknown_ca'],
        'tls.verify.code': 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'tls.connection.id': handshake.spanContext().spanId,
        'tls.failure.brief': reason.brief,
        'tls.failure.hint': reason.hint,
      });
      assert.equal(attributes['tls.client.subject'], 'CN=mallory');
      assert.equal(attributes['tls.client.issuer'], 'CN=Elsewhere CA');
      assert.equal(attributes['tls.client.hash.sha256'], known.fingerprints.mallory);
      assert.doesNotMatch(JSON.stringify(attributes), /secret/);

      const [event] = span.events;
      assert.equal(event?.name, REJECTED);
      assert.deepEqual(event.attributes, {
        'tls.connection.id': handshake.spanContext().spanId,
        'tls.client.subject': 'CN=mallory',
        'tls.client.hash.sha256': known.fingerprints.mallory,
        'tls.verify.errors': ['unknown_ca'],
        'http.request.method': 'GET',
        'http.response.status_code': 403,
        'tls.failure.brief': reason.brief,
        'tls.failure.hint': reason.hint,
      });
    });
  }

  it('is told of 401 and 403, of what is below 400, and of nothing else', async () => {
    setUp();
    const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
    const expected: Array<[number, DecisionEventName[]]> = [
      [500, []],
      [404, []],
      [400, []],
      [402, []],
      [401, [REJECTED]],
      [403, [REJECTED, REJECTED]],
      [399, [REJECTED, REJECTED, ACCEPTED]],
      // Once an hour.
      [200, [REJECTED, REJECTED, ACCEPTED]],
    ];
    for (const [status, events] of expected) {
      assert.equal(await get(port, { ...mallory(), path: `/${status}` }), status);
      assert.deepEqual(await decided(events.length), events, String(status));
    }
    const [accepted] = await said(ACCEPTED);
    assert.equal(accepted?.severityText, 'WARN');
    assert.equal(accepted?.attributes['http.response.status_code'], 399);
  });

  it('is told of each identity that is let in', async () => {
    setUp();
    const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
    const expired = await known.authority.issue({ commonName: 'late', expired: true });
    const late = { cert: expired.certificate, key: expired.key };
    for (const client of [mallory(), { ...mallory(), ...late }, mallory()])
      await get(port, { ...client, path: '/200' });
    assert.deepEqual(
      (await said(ACCEPTED, 2)).map(log => [log.attributes['tls.client.subject'], log.attributes['tls.verify.errors']]),
      [
        ['CN=mallory', ['unknown_ca']],
        ['CN=late', ['certificate_expired']],
      ],
    );
  });

  it('is nothing of ours when the certificate verified, or none was presented, or none was asked for', async () => {
    setUp();
    const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
    const indifferent = await scene.listen(node.https.createServer({ ...known.server }, answerAsAsked));
    // From here on answers are looked at.
    await get(port, { ...mallory(), path: '/403' });
    for (const path of ['/401', '/200']) {
      await get(port, { ...mallory(), ...known.alice, path });
      await get(port, { ca: known.ca, agent: false, path });
      await get(indifferent, { ...mallory(), path });
    }
    await get(port, { ...mallory(), path: '/403/last' });
    assert.deepEqual(await decided(2), [REJECTED, REJECTED]);
  });

  it('is told of every request of a connection, and of resumed ones', async () => {
    setUp();
    const port = await scene.listen(node.https.createServer({ ...asking(), maxVersion: 'TLSv1.2' }, answerAsAsked));
    const agent = new node.https.Agent({ keepAlive: true, maxSockets: 1 });
    scene.atEnd(() => agent.destroy());
    let session: Buffer | undefined;
    agent.on('keylog', (_line, socket) => {
      session = socket.getSession();
    });
    for (const path of ['/401/one', '/403/two']) await get(port, { ...mallory(), agent, path });
    agent.destroy();
    await get(port, { ...mallory(), ...(session && { session }), path: '/403/three' });
    assert.deepEqual(
      (await said(REJECTED, 3)).map(({ attributes: a }) => [a['url.path'], a['tls.client.subject']]),
      [
        ['/401/one', 'CN=mallory'],
        ['/403/two', 'CN=mallory'],
        ['/403/three', 'CN=mallory'],
      ],
    );
    assert.equal(new Set(logs(REJECTED).map(({ attributes }) => attributes['tls.connection.id'])).size, 2);
  });

  it('is nothing when the answer broke off, whoever broke it', async () => {
    setUp();
    const arrived: Array<[IncomingMessage, ServerResponse]> = [];
    const server = node.https.createServer(asking(), (request, response) => {
      arrived.push([request, response]);
      if (request.url === '/given-up') response.destroy();
      else if (request.url === '/half')
        response.writeHead(403, { 'content-length': 9 }).write('half', () => response.destroy());
      else if (request.url === '/last') response.writeHead(403).end();
      else server.emit('waiting');
    });
    const port = await scene.listen(server);
    const waiting = once(server, 'waiting');
    const request = node.https.get({ host: '127.0.0.1', port, servername: 'localhost', ...mallory(), path: '/slow' });
    request.on('error', () => {});
    await waiting;
    const gone = once(arrived[0]![1], 'close');
    request.destroy();
    await gone;
    assert.ok((await get(port, { ...mallory(), path: '/given-up' })) instanceof Error);
    await get(port, { ...mallory(), path: '/half' });
    await get(port, { ...mallory(), path: '/half' });
    await get(port, { ...mallory(), path: '/last' });
    const events = await said(REJECTED);
    assert.deepEqual(
      events.map(log => log.attributes['url.path']),
      ['/last'],
    );
    assert.deepEqual(logs(ACCEPTED), []);
  });

  describe('over HTTP/2', () => {
    const requests: Array<[string, (stream: ServerHttp2Stream) => void]> = [
      ['ends with its headers', stream => stream.respond({ ':status': 403 }, { endStream: true })],
      [
        'has a body',
        stream => {
          stream.respond({ ':status': 403 });
          stream.end('no\n');
        },
      ],
      ['is a file', stream => stream.respondWithFile(join(__dirname, '../../../package.json'), { ':status': 403 })],
      [
        'has trailers',
        stream => {
          stream.respond({ ':status': 403 }, { waitForTrailers: true });
          stream.on('wantTrailers', () => stream.sendTrailers({ over: 'yes' }));
          stream.end('no\n');
        },
      ],
    ];
    for (const [how, respond] of requests) {
      it(`is told of a stream whose answer ${how}`, async () => {
        setUp();
        const server = node.http2.createSecureServer(asking());
        server.on('stream', stream => respond(stream as ServerHttp2Stream));
        const port = await scene.listen(server);
        const visit = await visitHttp2(port, { ...known.mallory, ca: known.ca });
        assert.equal(visit.status, 403);
        const [log] = await said(REJECTED);
        assert.deepEqual(await decided(1), [REJECTED]);
        assert.deepEqual(pick(log!.attributes, /^(http|url)/), {
          'http.request.method': 'GET',
          'url.path': '/',
          'http.response.status_code': 403,
        });
        assert.equal(log!.attributes['tls.client.subject'], 'CN=mallory');
      });
    }

    it('is told of a request of the compatibility API once, in the trace of a span that somebody started in it', async () => {
      setUp({ spanProcessors: [new TlsPeerSpanProcessor()] });
      const tracer = scene.recorder.tracerProvider.getTracer('framework');
      const server = node.http2.createSecureServer(asking(), (_request, response) => {
        const span = tracer.startSpan('GET', { kind: SpanKind.SERVER, attributes: { 'http.route': '/all' } });
        response.stream.once('close', () => span.end());
        response.writeHead(401).end();
      });
      const port = await scene.listen(server);
      assert.equal((await visitHttp2(port, { ...known.mallory, ca: known.ca })).status, 401);
      const [span] = await scene.spans(SpanKind.SERVER, 1);
      assert.deepEqual(await decided(1), [REJECTED]);
      assert.deepEqual(
        span!.events.map(({ name }) => name),
        [REJECTED],
      );
      const [log] = await said(REJECTED);
      assert.equal(log!.spanContext?.spanId, span!.spanContext().spanId);
      assert.equal(log!.attributes['http.route'], '/all');
      assert.equal(log!.attributes['url.path'], undefined);
    });

    it('is nothing when the stream broke off', async () => {
      setUp();
      const server = node.http2.createSecureServer(asking());
      const closed: Promise<unknown>[] = [];
      server.on('stream', stream => {
        stream.on('error', () => {});
        closed.push(new Promise<void>(resolve => stream.once('close', () => resolve())));
        if (closed.length === 1) stream.close(node.http2.constants.NGHTTP2_REFUSED_STREAM);
        else if (closed.length === 3) (stream as ServerHttp2Stream).respond({ ':status': 401 }, { endStream: true });
        else {
          stream.respond({ ':status': 403 });
          stream.write('half', () => stream.close(node.http2.constants.NGHTTP2_INTERNAL_ERROR));
        }
      });
      const port = await scene.listen(server);
      for (let i = 0; i < 3; i++) await visitHttp2(port, { ...known.mallory, ca: known.ca });
      await Promise.all(closed);
      assert.equal(closed.length, 3);
      assert.deepEqual(
        (await said(REJECTED)).map(log => log.attributes['http.response.status_code']),
        [401],
      );
    });

    it('is told of HTTP/1.1 on the same server', async () => {
      setUp();
      const server = node.http2.createSecureServer({ ...asking(), allowHTTP1: true }, (_request, response) => {
        response.writeHead(403).end();
      });
      const port = await scene.listen(server);
      assert.equal(await get(port, mallory()), 403);
      assert.deepEqual(await decided(1), [REJECTED]);
    });
  });

  describe('behind a proxy', () => {
    const forwarded = { preset: 'nginx', trustedProxies: ['loopback'] } as const;
    const headers = (verdict: string) => ({
      'x-ssl-client-verify': verdict,
      ...(verdict !== 'NONE' && { 'x-ssl-client-cert': encodeURIComponent(known.mallory.cert) }),
    });
    const visit = async (port: number, verdict: string) => {
      const request = node.http.get({ host: LOOPBACK, port, path: '/403', headers: headers(verdict) });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
    };

    it('is told of whom the proxy let through unverified, over plain HTTP', async () => {
      setUp({ config: { forwarded } });
      const port = await scene.listen(node.http.createServer(answerAsAsked));
      for (const verdict of ['SUCCESS', 'NONE', 'FAILED:certificate has expired']) await visit(port, verdict);
      const [log, ...more] = await said(REJECTED);
      assert.deepEqual(more, []);
      assert.deepEqual(pick(log!.attributes, /^(network|tls\.(verify|client\.(subject|cert)|proxy))/), {
        'network.peer.address': '127.0.0.1',
        'tls.verify.result': 'failed',
        'tls.verify.errors': ['certificate_expired'],
        'tls.verify.code': 'CERT_HAS_EXPIRED',
        'tls.proxy.preset': 'nginx',
        'tls.client.subject': 'CN=mallory',
        'tls.client.certificate.source': 'header',
      });
      const spans = await scene.spans(SpanKind.SERVER, 3);
      const [event, ...others] = spans.flatMap(span => span.events.map(({ name }) => ({ name, span })));
      assert.deepEqual(others, []);
      assert.equal(event?.name, REJECTED);
      assert.equal(log!.spanContext?.spanId, event.span.spanContext().spanId);
    });

    it('is of the client, and not of a proxy whose own certificate did not verify', async () => {
      const trustedProxies = [`fingerprint:${known.fingerprints.alice}`];
      setUp({ config: { forwarded: { ...forwarded, trustedProxies } } });
      const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
      // From here on answers are looked at.
      await get(port, { ...mallory(), path: '/401' });
      const proxy = { ...mallory(), ...known.alice };
      await get(port, { ...proxy, path: '/403/verified', headers: headers('SUCCESS') });
      await get(port, { ...proxy, path: '/403/failed', headers: headers('FAILED:certificate revoked') });
      const [, log, ...more] = await said(REJECTED, 2);
      assert.deepEqual(more, []);
      assert.equal(log!.attributes['url.path'], '/403/failed');
      assert.deepEqual(log!.attributes['tls.verify.errors'], ['certificate_revoked']);
      assert.equal(log!.attributes['tls.proxy.subject'], 'CN=alice');
      assert.equal(log!.attributes['tls.client.subject'], 'CN=mallory');
    });
  });

  describe('the route', () => {
    /** Loaded when the test runs, by when whoever patches it is there. */
    const shop = () => {
      const express = require('express') as Express;
      const orders = express.Router();
      orders.get('/:id', (_request, response) => void response.writeHead(403).end());
      return express().use('/orders', orders);
    };

    it('is that of express, where nobody else knows it', async () => {
      setUp({ theirs: [] });
      const port = await scene.listen(node.https.createServer(asking(), shop()));
      for (const path of ['/orders/17?x=y', '/elsewhere']) await get(port, { ...mallory(), path });
      const [log] = await said(REJECTED);
      assert.deepEqual(pick(log!.attributes, /^(http|url)/), {
        'http.request.method': 'GET',
        'http.route': '/orders/:id',
        'http.response.status_code': 403,
      });
      assert.equal(log!.spanContext, undefined);
      assert.deepEqual(await decided(1), [REJECTED]);
    });

    it('is the one that the instrumentation of a framework hands to instrumentation-http', async () => {
      setUp();
      const instrumentation = new ExpressInstrumentation();
      instrumentation.setTracerProvider(scene.recorder.tracerProvider);
      scene.atEnd(() => instrumentation.disable());
      const port = await scene.listen(node.https.createServer(asking(), shop()));
      await get(port, { ...mallory(), path: '/orders/17' });
      const [span] = await scene.spans(SpanKind.SERVER, 1);
      assert.equal(span!.attributes['http.route'], '/orders/:id');
      assert.equal(span!.events[0]?.attributes?.['http.route'], '/orders/:id');
      assert.equal((await said(REJECTED))[0]?.attributes['http.route'], '/orders/:id');
    });

    it('is absent otherwise, and the path is bounded, escaped, and without its query', async () => {
      setUp({ theirs: [] });
      const answer: RequestListener = (_request, response) => void response.writeHead(403).end();
      const port = await scene.listen(node.https.createServer(asking(), answer));
      const paths: Array<[string, string | undefined]> = [
        ['/a?b#c', '/a'],
        ['/a\\b', '/a\\5Cb'],
        ['https://user:pass@host.test/absolute?x', '/absolute'],
        ['*', undefined],
        [`/${'x'.repeat(254)}?`, `/${'x'.repeat(254)}`],
        [`/${'x'.repeat(255)}`, `/${'x'.repeat(255)}`],
        [`/${'x'.repeat(256)}`, `/${'x'.repeat(252)}…`],
      ];
      for (const [path] of paths) assert.equal(await get(port, { ...mallory(), path, method: 'PURGE' }), 403, path);
      assert.deepEqual(
        (await said(REJECTED, paths.length)).map(log => log.attributes['url.path']),
        paths.map(([, expected]) => expected),
      );
      assert.deepEqual(new Set(logs(REJECTED).map(log => log.attributes['http.request.method'])), new Set(['_OTHER']));
      assert.ok(logs(REJECTED).every(log => !('http.route' in log.attributes)));
    });
  });

  describe('the user', () => {
    it('is asked for again when the request has been answered, and is on both', async () => {
      setUp({ config: { userId: request => (request as { user?: string }).user } });
      const answer: RequestListener = (request, response) => {
        (request as { user?: string }).user = 'alice\n';
        response.writeHead(403).end();
      };
      const port = await scene.listen(node.https.createServer(asking(), answer));
      await get(port, mallory());
      const [span] = await scene.spans(SpanKind.SERVER, 1);
      assert.equal((await said(REJECTED))[0]?.attributes['enduser.id'], 'alice\\0A');
      assert.equal(span!.events[0]?.attributes?.['enduser.id'], 'alice\\0A');
    });

    it('is the one on the span, where the option does not tell', async () => {
      setUp();
      const answer: RequestListener = (_request, response) => {
        trace.getActiveSpan()?.setAttribute('enduser.id', 'bob');
        response.writeHead(403).end();
      };
      const port = await scene.listen(node.https.createServer(asking(), answer));
      await get(port, mallory());
      assert.equal((await said(REJECTED))[0]?.attributes['enduser.id'], 'bob');
    });

    it('may not be told, and the event is there all the same', async () => {
      setUp({
        config: {
          userId: () => {
            throw new Error('nobody');
          },
        },
      });
      const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
      await get(port, { ...mallory(), path: '/403' });
      assert.deepEqual(await decided(1), [REJECTED]);
      assert.equal((await said(REJECTED))[0]?.attributes['enduser.id'], undefined);
    });
  });

  describe('goes where the option `events` says', () => {
    for (const events of ['both', 'span', 'log', 'none'] as const) {
      it(`which is ${events}`, async () => {
        setUp({ config: { events } });
        const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
        await get(port, { ...mallory(), path: '/403' });
        const [span] = await scene.spans(SpanKind.SERVER, 1);
        assert.equal(span!.events.length, events === 'both' || events === 'span' ? 1 : 0);
        const expected = events === 'both' || events === 'log' ? 1 : 0;
        assert.equal((await said(REJECTED, expected)).length, expected);
      });
    }

    it('also where nothing is put on spans', async () => {
      setUp({ config: { requestAttributes: 'none', handshakeSpans: 'none' } });
      const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
      await get(port, { ...mallory(), path: '/403' });
      const [span] = await scene.spans(SpanKind.SERVER, 1);
      assert.equal((await said(REJECTED))[0]?.spanContext?.spanId, span!.spanContext().spanId);
      assert.equal((await said(REJECTED))[0]?.attributes['tls.client.subject'], 'CN=mallory');
      assert.equal(span!.events[0]?.attributes?.['tls.client.subject'], 'CN=mallory');
    });

    it('and is in no trace where the only span is of something else', async () => {
      setUp({ theirs: [] });
      const startUp = scene.recorder.tracerProvider.getTracer('test').startSpan('start', { kind: SpanKind.SERVER });
      const { context } = await import('@opentelemetry/api');
      const server = node.https.createServer(asking(), answerAsAsked);
      const port = await context.with(trace.setSpan(ROOT_CONTEXT, startUp), () => scene.listen(server));
      await get(port, { ...mallory(), path: '/403' });
      startUp.end();
      assert.equal((await said(REJECTED)).length, 1);
      assert.equal((await said(REJECTED))[0]?.spanContext, undefined);
      const [ended] = await scene.spans(SpanKind.SERVER, 1);
      assert.deepEqual(ended!.events, []);
    });
  });

  it('is said so often and no more, and the rest is summed up', async () => {
    setUp({ config: { floodLimit: 3, floodLimitPerNetwork: 1, floodLimitPerReason: 1, requestAttributes: 'none' } });
    const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
    const agent = new node.https.Agent({ keepAlive: true, maxSockets: 1 });
    scene.atEnd(() => agent.destroy());
    const MANY = 40;
    for (let i = 0; i < MANY; i++) await get(port, { ...mallory(), agent, path: '/403' });
    const summaries = () => scene.recorder.logs.filter(log => log.eventName === 'tls.telemetry.suppressed');
    const unsaid = () =>
      summaries().reduce((sum, { attributes }) => sum + Number(attributes['tls.suppressed.requests']), 0);
    await until(() => logs(REJECTED).length + unsaid() >= MANY);
    const refused = logs(REJECTED).length;
    assert.ok(refused >= 3 && refused < MANY, String(refused));
    assert.equal(refused + unsaid(), MANY);
    assert.match(
      String(summaries()[0]?.body),
      /^\d+ more requests were refused or suspected than are reported one by one\.$/,
    );
  });

  it('costs no request its answer, and the process nothing, when it cannot be told', async () => {
    setUp({ theirs: [] });
    let asked = 0;
    scene.instrumentation.setLoggerProvider({
      getLogger: () => ({
        emit({ eventName }: { eventName?: string }) {
          if (eventName !== REJECTED) return;
          asked++;
          throw new Error('a logger that throws');
        },
        enabled: () => true,
      }),
    });
    const port = await scene.listen(node.https.createServer(asking(), answerAsAsked));
    const secure = node.http2.createSecureServer(asking(), (_request, response) => void response.writeHead(403).end());
    const securePort = await scene.listen(secure);
    assert.equal(await get(port, { ...mallory(), path: '/403' }), 403);
    assert.equal((await visitHttp2(securePort, { ...known.mallory, ca: known.ca })).status, 403);
    await until(() => asked === 2);
    assert.equal(asked, 2);
  });

  it('leaves an application as it is: no listener, no subscriber before it is needed, nothing left behind', async () => {
    setUp({ theirs: [] });
    const finish = channel('http.server.response.finish');
    const listeners: string[][] = [];
    const server = node.https.createServer(asking(), (request, response) => {
      const emitters = [request, response, request.socket, server];
      const count = () =>
        listeners.push(
          emitters.flatMap(one => one.eventNames().map(name => `${String(name)}: ${one.listenerCount(name)}`)),
        );
      count();
      response.writeHead(403).end();
      count();
    });
    const port = await scene.listen(server);
    await get(port, { ...mallory(), ...known.alice });
    assert.equal(finish.hasSubscribers, false);
    await get(port, mallory());
    assert.equal(finish.hasSubscribers, true);
    assert.deepEqual(await decided(1), [REJECTED]);
    assert.ok(listeners[0]!.length > 3);
    assert.deepEqual(listeners.slice(2), listeners.slice(0, 2));
    scene.instrumentation.disable();
    assert.equal(finish.hasSubscribers, false);
  });

  it('puts back the method of streams that it stood around, and adds nothing to a stream', async () => {
    setUp({ theirs: [] });
    const methods: unknown[] = [];
    const own: string[][] = [];
    const server = node.http2.createSecureServer(asking());
    server.on('stream', stream => {
      own.push([...Object.keys(stream), ...stream.eventNames().map(String)]);
      methods.push((stream as unknown as { _destroy: unknown })._destroy);
      (stream as ServerHttp2Stream).respond({ ':status': 403 }, { endStream: true });
    });
    const port = await scene.listen(server);
    await visitHttp2(port, { ...known.alice, ca: known.ca });
    await visitHttp2(port, { ...known.mallory, ca: known.ca });
    assert.deepEqual(await decided(1), [REJECTED]);
    scene.instrumentation.disable();
    await visitHttp2(port, { ...known.mallory, ca: known.ca });
    assert.notEqual(methods[0], methods[1]);
    assert.equal(methods[0], methods[2]);
    assert.deepEqual(own[1], own[0]);
  });
});

/** The part of express that is used here: it has no types of its own. */
interface Express {
  (): { use(path: string, router: object): RequestListener };
  Router(): { get(path: string, handler: RequestListener): void };
}

function pick(attributes: object, names: RegExp): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => names.test(name)));
}

/** Or for ten seconds: then the assertion that follows says what is missing. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition() && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 5));
}

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { AuditedOperation, AuditResult } from '../../src/audit/audit-result';
import { runOtelTls } from './otel-tls-command';

const DESCRIPTIONS = join(__dirname, '../../../test/fixtures/descriptions');

interface Expected {
  readonly operation: string;
  readonly protection: AuditedOperation['protection'];
  readonly why: string;
  readonly schemes: readonly string[];
  /** Every way in tells who the user is. */
  readonly isUserKnown?: true;
  /** A request of it as a client sends it: host and path. */
  readonly target: string;
}

const certificate = ['certificate'];

/** Of OpenAPI 3.0 and 3.1, which say the same each in its own words. */
const PETSHOP: readonly Expected[] = [
  {
    operation: 'GET /v3/pets',
    protection: 'none',
    why: 'its empty list sheds what all others inherit',
    schemes: [],
    target: 'api.petshop.example/v3/pets',
  },
  {
    operation: 'POST /v3/pets',
    protection: 'required',
    why: 'inherited from the description',
    schemes: certificate,
    target: 'eu.petshop.example/v3/pets',
  },
  {
    operation: 'GET /v3/pets/find',
    protection: 'optional',
    why: 'it has an empty requirement beside the certificate',
    schemes: certificate,
    target: 'us.petshop.example/v3/pets/find',
  },
  {
    operation: 'GET /v3/pets/{petId}',
    protection: 'required',
    why: 'inherited, though the path stands in another file',
    schemes: certificate,
    target: 'api.petshop.example/v3/pets/7',
  },
  {
    operation: 'PUT /v3/pets/{petId}',
    protection: 'required',
    why: 'overridden: a certificate and a token, together',
    schemes: certificate,
    isUserKnown: true,
    target: 'api.petshop.example/v3/pets/7',
  },
  {
    operation: 'DELETE /v3/pets/{petId}',
    protection: 'none',
    why: 'overridden: a token alone',
    schemes: [],
    isUserKnown: true,
    target: 'api.petshop.example/v3/pets/7',
  },
  {
    operation: 'GET /files/pets/{petId}/photo',
    protection: 'optional',
    why: 'a certificate or a key; on the server of its path',
    schemes: certificate,
    target: 'media.petshop.example/files/pets/7/photo',
  },
  {
    operation: 'PUT /pets/{petId}/photo',
    protection: 'required',
    why: 'inherited; on a server of its own',
    schemes: certificate,
    target: 'upload.petshop.example/pets/7/photo',
  },
  {
    operation: 'GET /v3/orders',
    protection: 'required',
    why: 'inherited, through a reference',
    schemes: certificate,
    target: 'api.petshop.example/v3/orders',
  },
  {
    operation: 'POST /v3/orders',
    protection: 'optional',
    why: 'an empty requirement comes first',
    schemes: certificate,
    target: 'api.petshop.example/v3/orders',
  },
  {
    operation: 'GET /v3/orders/{orderId}.{format}',
    protection: 'required',
    why: 'inherited; two parameters in one segment',
    schemes: certificate,
    target: 'api.petshop.example/v3/orders/12.pdf',
  },
  {
    operation: 'GET /v3/partners/{partner}/stock',
    protection: 'required',
    why: 'one certificate or another: each way in demands one',
    schemes: ['certificate', 'partnerCertificate'],
    target: 'api.petshop.example/v3/partners/a%2Fb/stock',
  },
];

const OLD_PETSHOP: readonly Expected[] = [
  ...PETSHOP.filter(({ operation }) => !/photo|stock|format/.test(operation)).map(expected => ({
    ...expected,
    operation: expected.operation.replace('/v3', '/v2'),
    target: expected.target.replace(/^[^/]*\/v3/, 'api.petshop.example/v2'),
  })),
  {
    operation: 'GET /v2/orders/{orderId}.{format}',
    protection: 'optional',
    why: 'its scheme leaves it to the client',
    schemes: ['maybe'],
    target: 'api.petshop.example/v2/orders/12.pdf',
  },
  {
    operation: 'GET /v2/partners/{partner}/stock',
    protection: 'optional',
    why: 'the extension of its path speaks of TLS, of which an empty list says nothing',
    schemes: ['x-wso2-mutual-ssl'],
    target: 'api.petshop.example/v2/partners/a/stock',
  },
  {
    operation: 'PUT /v2/partners/{partner}/stock',
    protection: 'required',
    why: 'its own extension, beside a token',
    schemes: ['x-wso2-mutual-ssl'],
    isUserKnown: true,
    target: 'api.petshop.example/v2/partners/a/stock',
  },
  {
    operation: 'DELETE /v2/partners/{partner}/stock',
    protection: 'none',
    why: 'its own extension overrides that of its path',
    schemes: [],
    target: 'api.petshop.example/v2/partners/a/stock',
  },
];

const PETSHOPS = {
  'petshop-2.0.yaml': { format: 'Swagger 2.0', expected: OLD_PETSHOP },
  'petshop-3.0.yaml': { format: 'OpenAPI 3.0.3', expected: PETSHOP },
  'petshop-3.1.yaml': { format: 'OpenAPI 3.1.0', expected: PETSHOP },
} as const;

describe('the audit of petshops', function () {
  this.timeout(60_000);

  let folder: string;
  let server: Server;
  /** Asked from another address than the one that the description is read from. */
  const asked: string[] = [];
  before(async () => {
    server = createServer(({ url = '' }, response) => {
      asked.push(url);
      response.end(readFileSync(join(DESCRIPTIONS, basename(url))));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const remote = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    folder = mkdtempSync(join(tmpdir(), 'petshops-'));
    cpSync(DESCRIPTIONS, folder, { recursive: true });
    rmSync(join(folder, 'remote.yaml'));
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('REMOTE', remote));
    }
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function audited(description: string, requests: readonly Expected[], look: Look): Promise<AuditResult> {
    writeFileSync(join(folder, 'evidence.jsonl'), evidenceOf(requests, look));
    const parameters = ['audit', description, '--evidence', 'evidence.jsonl', '--format', 'json'];
    const { stdout, stderr } = await runOtelTls(parameters, folder);
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  }

  for (const [description, { format, expected }] of Object.entries(PETSHOPS)) {
    describe(format, () => {
      let proven: AuditResult;
      let bare: AuditResult;
      before(async () => {
        asked.length = 0;
        proven = await audited(description, expected, 'proven');
        bare = await audited(description, expected, 'bare');
      });

      it('is read with what it refers to, near and far', () => {
        assert.equal(proven.description.format, format);
        assert.deepEqual(
          proven.operations.map(({ name }) => name),
          expected.map(({ operation }) => operation),
        );
        assert.ok(asked.length > 0);
      });

      for (const { operation, protection, why, schemes, isUserKnown = false } of expected) {
        it(`${operation}: ${protection === 'none' ? 'no certificate' : protection}, ${why}`, () => {
          const found = proven.operations.find(({ name }) => name === operation);
          assert.deepEqual(
            [found?.protection, found?.schemes, found?.isUserKnown, found?.requests],
            [protection, schemes, isUserKnown, 1],
          );
        });
      }

      it('has nothing against it when every request is proven', () => {
        assert.deepEqual(proven.findings, []);
        const isProtected = expected.filter(({ protection }) => protection !== 'none').length;
        const { operations, protected: guarded, seen, proven: known } = proven.scoreCard;
        assert.deepEqual([operations, guarded, seen, known], [expected.length, isProtected, isProtected, isProtected]);
      });

      it('is called open where a certificate is required and a request without one succeeded, and nowhere else', () => {
        const open = bare.findings.filter(({ rule }) => rule === 'success-without-certificate');
        assert.deepEqual(
          open.map(finding => finding.operation).sort(),
          expected
            .filter(({ protection }) => protection === 'required')
            .map(({ operation }) => operation)
            .sort(),
        );
        assert.ok(open.every(({ severity }) => severity === 'critical'));
      });
    });
  }

  it('are called on the host that a server names, not on another with the same path', async () => {
    const photo = PETSHOP.find(({ operation }) => operation === 'GET /files/pets/{petId}/photo')!;
    const elsewhere = { ...photo, target: 'media.petshop.example/v3/pets/7/photo' };
    const { operations, findings } = await audited('petshop-3.1.yaml', [PETSHOP[0]!, elsewhere], 'proven');
    assert.equal(operations.find(({ name }) => name === photo.operation)?.requests, 0);
    assert.ok(findings.some(({ rule, subject }) => rule === 'shadow-operation' && subject?.includes('photo')));
  });
});

/** `proven`: with a certificate and its handshake. `bare`: over a handshake in which none was shown. */
type Look = 'proven' | 'bare';

/** A request and its handshake for each, one line of OTLP JSON each, as the collector's file exporter writes them. */
function evidenceOf(requests: readonly Expected[], look: Look): string {
  const id = (number: number, digits: number) => number.toString(16).padStart(digits, '0');
  const named = {
    'tls.client.subject': 'CN=groomer,O=Petshop',
    'tls.client.hash.sha256': 'AB'.repeat(32),
    'tls.verify.result': 'ok',
  };
  const handshake = {
    'tls.handshake.outcome': 'established',
    'tls.protocol.name': 'tls',
    'tls.protocol.version': '1.3',
    'tls.cipher': 'TLS_AES_128_GCM_SHA256',
    'network.peer.address': '192.0.2.7',
    ...(look === 'proven' ? named : { 'tls.verify.result': 'not_presented' }),
  };
  return requests
    .map(({ operation, target }, index) => {
      const [method = ''] = operation.split(' ');
      const [host = '', ...path] = target.split('/');
      const connection = id(2 * index + 1, 16);
      const request = {
        'http.request.method': method,
        'http.response.status_code': 200,
        'server.address': host,
        'url.path': `/${path.join('/')}`,
        'tls.connection.id': connection,
        'enduser.id': 'alice',
        ...(look === 'proven'
          ? { ...named, 'tls.client.certificate.source': 'handshake' }
          : { 'tls.verify.result': 'not_presented' }),
      };
      return spanLine(id(index + 1, 32), [
        { spanId: connection, name: 'TLS server handshake', attributes: handshake },
        { spanId: id(2 * index + 2, 16), name: method, attributes: request },
      ]);
    })
    .join('');
}

type Attributes = Readonly<Record<string, string | number>>;

function spanLine(traceId: string, spans: readonly { spanId: string; name: string; attributes: Attributes }[]): string {
  const keyValues = (attributes: Attributes) =>
    Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === 'number' ? { intValue: `${value}` } : { stringValue: value },
    }));
  const times = { startTimeUnixNano: '1795348800000000000', endTimeUnixNano: '1795348800010000000' };
  const resource = { attributes: keyValues({ 'service.name': 'petshop' }) };
  const written = spans.map(({ attributes, ...span }) => ({
    traceId,
    ...span,
    kind: 2,
    ...times,
    attributes: keyValues(attributes),
  }));
  return `${JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: written }] }] })}\n`;
}

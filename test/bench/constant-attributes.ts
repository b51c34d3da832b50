import type { Attributes } from '@opentelemetry/api';
import type { HandshakeScenario } from './protocol';

/** What a handshake of each scenario is reported with: the floor says as much, by name, type and length. */
const SERVER: Attributes = {
  'tls.protocol.name': 'tls',
  'tls.protocol.version': '1.3',
  'tls.cipher': 'TLS_AES_256_GCM_SHA384',
  'tls.established': true,
  'tls.resumed': false,
  'server.address': 'localhost',
  'network.peer.address': '127.0.0.1',
  'network.peer.port': 51034,
  'network.local.address': '127.0.0.1',
  'network.local.port': 41107,
  'network.transport': 'tcp',
  'tls.handshake.outcome': 'established',
  'tls.verify.result': 'not_requested',
};

const certificate = (prefix: string): Attributes => ({
  'tls.verify.result': 'ok',
  'tls.verify.enforced': true,
  [`${prefix}subject`]: 'CN=bench,O=Acme',
  [`${prefix}issuer`]: 'CN=Bench CA',
  [`${prefix}hash.sha256`]: 'DE42D548163573954978183F59D641B62D748C31F55DD10C3746172B6F4EE01C',
  [`${prefix}not_before`]: '2026-01-01T00:00:00.000Z',
  [`${prefix}not_after`]: '2027-01-01T00:00:00.000Z',
  [`${prefix}x509.serial_number`]: '67596EDF51C2374145CA37274F73B9BD1732A138',
});

export const CONSTANT_ATTRIBUTES: Readonly<Record<HandshakeScenario, Attributes>> = {
  server: SERVER,
  resumed: { ...SERVER, 'tls.resumed': true },
  mutual: { ...SERVER, ...certificate('tls.client.') },
  client: {
    ...SERVER,
    'tls.curve': 'X25519',
    ...certificate('tls.server.'),
    'tls.server.x509.alternative_names': ['DNS:localhost', 'IP:127.0.0.1'],
  },
};

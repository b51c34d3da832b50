// An https server whose log lines say which client they are about, with pino.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');
const { join } = require('node:path');
const { getActiveTlsPeer } = require('opentelemetry-instrumentation-tls');
const pino = require('pino');

const clientOf = peer => ({
  'tls.client.subject': peer?.certificate?.subject,
  'tls.client.hash.sha256': peer?.certificate?.fingerprint,
  'tls.verify.result': peer?.verification.result,
  'tls.connection.id': peer?.connectionId,
});
const logger = pino({ mixin: () => clientOf(getActiveTlsPeer()) });

const folder = process.env.CERTIFICATES ?? join(__dirname, '../certificates');
const pem = name => readFileSync(join(folder, `${name}.pem`));

const server = createServer(
  { cert: pem('server'), key: pem('server-key'), ca: pem('ca'), requestCert: true, rejectUnauthorized: false },
  (request, response) => {
    logger.info(`asked for ${request.url}`);
    response.end('Come in.\n');
  },
);

server.listen(process.env.PORT ?? 8443, '127.0.0.1', () => {
  logger.info(`listening on https://localhost:${server.address().port}`);
});

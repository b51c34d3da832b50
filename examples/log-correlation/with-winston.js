// An https server whose log lines say which client they are about, with winston.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');
const { join } = require('node:path');
const { getActiveTlsPeer } = require('opentelemetry-instrumentation-tls');
const winston = require('winston');

const client = {
  get 'tls.client.subject'() {
    return getActiveTlsPeer()?.certificate?.subject;
  },
  get 'tls.client.hash.sha256'() {
    return getActiveTlsPeer()?.certificate?.fingerprint;
  },
  get 'tls.verify.result'() {
    return getActiveTlsPeer()?.verification.result;
  },
  get 'tls.connection.id'() {
    return getActiveTlsPeer()?.connectionId;
  },
};
const logger = winston.createLogger({ defaultMeta: client, transports: [new winston.transports.Console()] });

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

// An https server that lets in whoever has a certificate of its authority. It knows nothing of OpenTelemetry.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');
const { join } = require('node:path');

const folder = process.env.CERTIFICATES ?? join(__dirname, '../certificates');
const pem = name => readFileSync(join(folder, `${name}.pem`));

const server = createServer(
  { cert: pem('server'), key: pem('server-key'), ca: pem('ca'), requestCert: true, rejectUnauthorized: true },
  (_request, response) => response.end('Come in.\n'),
);

server.listen(process.env.PORT ?? 8443, '127.0.0.1', () => {
  console.log(`listening on https://localhost:${server.address().port}`);
});

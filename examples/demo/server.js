// An ordinary HTTPS server that lets in only who has a client certificate of its authority. It knows nothing of
// OpenTelemetry, and logs nothing of those it refuses: Node does not tell it.
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');
const { join } = require('node:path');

const read = file => readFileSync(join(process.argv[2], file));

const server = createServer(
  {
    key: read('server-key.pem'),
    cert: read('server.pem'),
    ca: read('authority.pem'),
    crl: read('revoked.pem'),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (_request, response) => response.end('Welcome.\n'),
);

server.listen(0, '127.0.0.1', () => console.log(`listening on port ${server.address().port}`));
process.on('SIGTERM', () => server.close());

// An ordinary application: an https server that demands a client certificate. It knows nothing of OpenTelemetry.
const https = require('node:https');
const { cert, key, ca } = JSON.parse(process.env.SERVER_OPTIONS);

const server = https.createServer(
  { cert, key, ca, requestCert: true, rejectUnauthorized: true },
  (_request, response) => response.end('welcome\n'),
);
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.once('message', () => {
  server.close();
  server.closeAllConnections();
  process.disconnect();
});

// One service of the shop. What it serves is the same for all; SETUP says how it was set up, well or badly.
const { readFileSync } = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { join } = require('node:path');
const { trace } = require('@opentelemetry/api');

const read = file => readFileSync(join(process.env.CERTIFICATES, file));

const credentials = { key: read('server-key.pem'), cert: read('server.pem'), ca: read('authority.pem') };
const mutual = { ...credentials, requestCert: true, rejectUnauthorized: true };

/** Each is something that somebody once did. `mended` is what they ought to have done. */
const SETUPS = {
  mended: { options: mutual, rememberUser: true },
  orders: { options: mutual },
  // "It did not work with rejectUnauthorized, so I switched it off."
  lenient: { options: { ...credentials, requestCert: true, rejectUnauthorized: false } },
  // Node's default: nobody is asked for a certificate.
  unasked: { options: credentials },
  // An appliance that cannot do better.
  legacy: { options: { ...mutual, key: read('rsa-key.pem'), cert: read('rsa.pem'), ...oldSuites() } },
  // Behind a proxy, with a header that anybody could have written.
  handmade: { plain: true, believeHeader: true },
  // "Who was that again?"
  talkative: { options: mutual, nameEverybody: true },
};

const { options, plain, believeHeader, nameEverybody, rememberUser } = SETUPS[process.env.SETUP];

function application(request, response) {
  const span = trace.getActiveSpan();
  if (believeHeader) span?.setAttribute('tls.client.subject', request.headers['x-client-dn'] ?? '');
  if (nameEverybody) span?.setAttribute('tls.client.subject', request.socket.getPeerX509Certificate().subject);
  if (rememberUser && request.headers.authorization) span?.setAttribute('enduser.id', 'alice');
  request.resume();
  if (!/^\/v1\/[a-z]+(\/\w+)?$/.test(request.url)) response.writeHead(404);
  // The one place where somebody looked whether the certificate is any good.
  else if (request.url === '/v1/payments' && request.method === 'POST' && request.socket.authorized === false)
    response.writeHead(403);
  else response.writeHead(request.method === 'POST' ? 201 : 200);
  response.end();
}

function oldSuites() {
  return { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' };
}

const server = plain ? http.createServer(application) : https.createServer(options, application);
server.listen(0, '127.0.0.1', () => console.log(`listening on port ${server.address().port}`));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});

// An https server that lets everybody in and decides itself, and two who come: one with a good certificate, one with none.
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { createServer, get } = require('node:https');
const { join } = require('node:path');
const { getTlsPeer } = require('opentelemetry-instrumentation-tls');

const folder = process.env.CERTIFICATES ?? join(__dirname, '../certificates');
const pem = name => readFileSync(join(folder, `${name}.pem`));

function handle(request, response) {
  const peer = getTlsPeer(request);
  if (peer?.verification.result !== 'ok') {
    response.writeHead(401).end('Who are you?\n');
    return;
  }
  response.end(`Hello ${peer.certificate?.subject}\n`);
}

async function main() {
  const options = { cert: pem('server'), key: pem('server-key'), ca: pem('ca') };
  const server = createServer({ ...options, requestCert: true, rejectUnauthorized: false }, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  process.stdout.write(await answerTo(port, { cert: pem('billing'), key: pem('billing-key') }));
  process.stdout.write(await answerTo(port, {}));
  server.close();
}

async function answerTo(port, identity) {
  const url = `https://127.0.0.1:${port}/orders`;
  const [response] = await once(
    get(url, { ca: pem('ca'), servername: 'localhost', agent: false, ...identity }),
    'response',
  );
  let answer = '';
  for await (const chunk of response) answer += chunk;
  return answer;
}

main();

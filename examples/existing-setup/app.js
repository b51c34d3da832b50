// An https server, a request that trusts it, and one that expected somebody else.
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { createServer, get } = require('node:https');
const { join } = require('node:path');

const folder = process.env.CERTIFICATES ?? join(__dirname, '../certificates');
const pem = name => readFileSync(join(folder, `${name}.pem`));

async function main() {
  const server = createServer({ cert: pem('server'), key: pem('server-key') }, (_request, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${server.address().port}`;
  console.log('trusted:', await statusOf(url, { ca: pem('ca'), servername: 'localhost' }));
  console.log('wrong name:', await statusOf(url, { ca: pem('ca'), servername: 'api.example.com' }));
  server.close();
}

function statusOf(url, options) {
  return new Promise(resolve => {
    get(url, { agent: false, ...options }, response => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    }).on('error', error => resolve(error.code));
  });
}

main();

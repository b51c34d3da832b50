// An HTTP/2 server, a client that trusts it, and one that does not.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createSecureServer } from 'node:http2';
import { fileURLToPath } from 'node:url';

const folder = process.env.CERTIFICATES ?? fileURLToPath(new URL('../certificates', import.meta.url));
const pem = name => readFileSync(`${folder}/${name}.pem`);

const server = createSecureServer({ cert: pem('server'), key: pem('server-key') });
server.on('stream', stream => stream.respond({ ':status': 200 }, { endStream: true }));
server.listen(0, '127.0.0.1');
await once(server, 'listening');

console.log('trusting:', await visit({ ca: pem('ca') }));
console.log('not trusting:', await visit({}));
server.close();

function visit(options) {
  return new Promise(resolve => {
    const session = connect(`https://localhost:${server.address().port}`, options);
    const request = session.request();
    session.on('error', error => resolve(error.code));
    request.on('error', () => {}); // the session says why
    request.on('response', headers => {
      session.close();
      resolve(headers[':status']);
    });
  });
}

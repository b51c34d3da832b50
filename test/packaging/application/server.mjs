// The same application as ECMAScript modules.
import { createServer } from 'node:https';

const { cert, key, ca } = JSON.parse(process.env.SERVER_OPTIONS);
const options = { cert, key, ca, requestCert: true, rejectUnauthorized: true };
const server = createServer(options, (_request, response) => response.end('welcome\n'));
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.once('message', () => {
  server.close();
  server.closeAllConnections();
  process.disconnect();
});

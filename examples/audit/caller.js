// A client whose certificate nobody here trusts, instrumented for HTTP alone: all that it ever learns is "socket hang up".
const { readFileSync } = require('node:fs');
const https = require('node:https');
const { join } = require('node:path');

const read = file => readFileSync(join(process.env.CERTIFICATES, file));

const options = {
  port: process.argv[2],
  path: '/v1/orders',
  key: read('stranger-key.pem'),
  cert: read('stranger.pem'),
  ca: read('authority.pem'),
};
https.get(options, response => response.resume()).on('error', error => console.log(error.code));

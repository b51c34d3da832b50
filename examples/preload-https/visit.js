// node visit.js NAME: a request with the certificate of that name; without a name, with none.
const { readFileSync } = require('node:fs');
const { get } = require('node:https');
const { join } = require('node:path');

const folder = process.env.CERTIFICATES ?? join(__dirname, '../certificates');
const pem = name => readFileSync(join(folder, `${name}.pem`));

const [name] = process.argv.slice(2);
const identity = name ? { cert: pem(name), key: pem(`${name}-key`) } : {};

get(process.env.URL ?? 'https://localhost:8443', { ca: pem('ca'), ...identity }, response =>
  response.pipe(process.stdout),
).on('error', error => console.log(`Not let in: ${error.code} ${error.message}`));

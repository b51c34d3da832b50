// A client with a certificate of its own: over https, and over fetch, which needs undici's Agent for that.
const { readFileSync } = require('node:fs');
const { get } = require('node:https');
const { join } = require('node:path');
const { Agent, fetch } = require('undici');

const url = process.env.URL ?? 'https://localhost:8443';
const folder = process.env.CERTIFICATES ?? join(__dirname, '../certificates');
const pem = name => readFileSync(join(folder, `${name}.pem`));

const ca = pem('ca');
const billing = { cert: pem('billing'), key: pem('billing-key') };
const expired = { cert: pem('expired'), key: pem('expired-key') };

async function main() {
  console.log('https:', await overHttps({ ca, ...billing }));
  console.log('fetch:', await overFetch({ ca, ...billing }));
  console.log('https, with an expired certificate:', await overHttps({ ca, ...expired }));
  console.log('https, not trusting the server:', await overHttps({ ...billing }));
}

function overHttps(options) {
  return new Promise(resolve => {
    get(url, { agent: false, ...options }, response => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    }).on('error', error => resolve(error.code));
  });
}

async function overFetch(options) {
  const dispatcher = new Agent({ connect: options });
  try {
    return (await fetch(url, { dispatcher })).status;
  } catch (error) {
    return error.cause?.code ?? error.message;
  } finally {
    await dispatcher.close();
  }
}

main();

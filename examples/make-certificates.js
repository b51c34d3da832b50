// Writes the certificates that the examples read: an authority, a server, and clients that ought to be refused or not.
const { mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { CertificateAuthority } = require('../build/test/support/certificate-authority');

const folder = process.env.CERTIFICATES ?? join(__dirname, 'certificates');

async function main() {
  mkdirSync(folder, { recursive: true });
  const acme = await CertificateAuthority.create({ commonName: 'Acme CA' });
  const nobody = await CertificateAuthority.create({ commonName: 'Nobody You Know CA' });
  writeFileSync(join(folder, 'ca.pem'), acme.certificate);
  write('server', await acme.issue({ usage: 'server' }));
  write('billing', await acme.issue({ commonName: 'billing', organization: 'Acme' }));
  write('expired', await acme.issue({ commonName: 'old-billing', organization: 'Acme', expired: true }));
  write('stranger', await nobody.issue({ commonName: 'stranger' }));
  console.log(`written to ${folder}`);
}

function write(name, { chain, key }) {
  writeFileSync(join(folder, `${name}.pem`), chain);
  writeFileSync(join(folder, `${name}-key.pem`), key, { mode: 0o600 });
}

main();

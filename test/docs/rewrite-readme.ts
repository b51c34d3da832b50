/** `npm run docs`: rewrites what is made of the code. `--check` writes nothing and fails when a rewrite would change anything. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withFreshTables } from './readme-tables';
import { withFreshMappings, withFreshSearches } from './watching-tables';

const CHECKOUT = join(__dirname, '../../..');

const DOCUMENTS: Readonly<Record<string, (text: string) => string>> = {
  'README.md': withFreshTables,
  'docs/mappings.md': withFreshMappings,
  'docs/searches.md': withFreshSearches,
};

for (const [path, madeAnew] of Object.entries(DOCUMENTS)) {
  const document = readFileSync(join(CHECKOUT, path), 'utf8');
  const fresh = madeAnew(document);
  if (fresh === document) {
    console.log(`${path} is fresh`);
  } else if (process.argv.includes('--check')) {
    console.error(`${path} is stale: its tables are not what the code says. Run \`npm run docs\`.`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(CHECKOUT, path), fresh);
    console.log(`${path} rewritten`);
  }
}

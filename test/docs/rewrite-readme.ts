/** `npm run docs`: rewrites the README's tables. `--check` writes nothing and fails when a rewrite would change anything. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withFreshTables } from './readme-tables';

const README = join(__dirname, '../../../README.md');

const readme = readFileSync(README, 'utf8');
const fresh = withFreshTables(readme);
if (fresh === readme) {
  console.log('README.md is fresh');
} else if (process.argv.includes('--check')) {
  console.error('README.md is stale: its tables are not what the code says. Run `npm run docs`.');
  process.exitCode = 1;
} else {
  writeFileSync(README, fresh);
  console.log('README.md rewritten');
}

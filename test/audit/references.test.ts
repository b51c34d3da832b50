import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Reference } from '../../src/audit/audit-result';
import { FINDINGS } from '../../src/audit/findings';
import { REFERENCES } from '../../src/audit/references';

/** What the standards number, by their own sources. Of ASVS whole chapters, of the others what may be referred to. */
const STANDARDS: {
  readonly asvs: { readonly chapters: Readonly<Record<string, { file: string; numbers: readonly string[] }>> };
  readonly owaspApi: { readonly risks: Readonly<Record<string, { title: string; page: string }>> };
  readonly cwe: { readonly names: Readonly<Record<string, string>> };
  readonly pci: { readonly requirements: Readonly<Record<string, string>> };
} = JSON.parse(readFileSync(join(__dirname, '../../../test/fixtures/requirements.json'), 'utf8'));

/** What is wrong with a reference. Undefined: nothing. */
function wrong({ name, url }: Reference): string | undefined {
  const [, standard, number = ''] = /^(ASVS 5\.0|OWASP|PCI DSS 4\.0|CWE)[ -](.+)$/.exec(name) ?? [];
  switch (standard) {
    case 'ASVS 5.0': {
      const chapter = STANDARDS.asvs.chapters[number.split('.')[0]!];
      if (!chapter?.numbers.includes(number)) return 'no such requirement';
      return url === `https://github.com/OWASP/ASVS/blob/v5.0.0_release/${chapter.file}`
        ? undefined
        : 'another chapter';
    }
    case 'OWASP': {
      const [risk, edition] = number.split(':');
      const page = STANDARDS.owaspApi.risks[risk!]?.page;
      if (!page || edition !== '2023') return 'no such risk';
      return url === `https://owasp.org/API-Security/editions/2023/en/${page}/` ? undefined : 'another page';
    }
    case 'CWE':
      if (!Object.hasOwn(STANDARDS.cwe.names, number)) return 'no such weakness';
      return url === `https://cwe.mitre.org/data/definitions/${number}.html` ? undefined : 'another page';
    case 'PCI DSS 4.0':
      return Object.hasOwn(STANDARDS.pci.requirements, number) ? undefined : 'no such requirement';
    default:
      return 'an unknown standard';
  }
}

describe('the references of findings', () => {
  for (const [key, reference] of Object.entries(REFERENCES)) {
    it(`lead to what there is: ${reference.name}`, () => {
      assert.equal(wrong(reference), undefined);
      const used = Object.values(FINDINGS).some(({ references }) =>
        (references as readonly Reference[]).includes(reference),
      );
      assert.ok(used, `${key} is referred to by no finding`);
    });
  }

  it('would be found out leading elsewhere', () => {
    const { asvs16_3_1: requirement, omission: weakness, inventory: risk } = REFERENCES;
    assert.equal(wrong({ ...requirement, name: 'ASVS 5.0 16.3.5' }), 'no such requirement');
    assert.equal(wrong({ ...requirement, name: 'ASVS 5.0 12.1.1' }), 'another chapter');
    assert.equal(wrong({ ...weakness, name: 'CWE-224' }), 'no such weakness');
    assert.equal(wrong({ ...weakness, name: 'CWE-778' }), 'another page');
    assert.equal(wrong({ ...risk, name: 'OWASP API8:2023' }), 'another page');
    assert.equal(wrong({ ...risk, name: 'OWASP API9:2019' }), 'no such risk');
    assert.equal(wrong({ ...risk, name: 'PCI DSS 4.0 10.2.1.8' }), 'no such requirement');
    assert.equal(wrong({ ...risk, name: 'NIST 1' }), 'an unknown standard');
  });

  it('are some for every finding, each once', () => {
    for (const [id, { references }] of Object.entries(FINDINGS)) {
      assert.ok(references.length > 0, id);
      assert.equal(new Set<Reference>(references).size, references.length, id);
    }
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { AuditResult } from '../../src/audit/audit-result';
import { htmlReport } from '../../src/audit/report-html';
import { needsProgram } from '../support/summary';
import { HOSTILE_TEXTS, hostileAudit } from './hostile-audit';
import { runOtelTls } from './otel-tls-command';
import { cleanAudit, sampleAudit } from './sample-audit';

describe('the HTML report in a browser', function () {
  this.timeout(120_000);
  let browser: Browser;
  let folder: string;

  before(async function () {
    const executablePath = needsProgram(this, 'chromium');
    folder = mkdtempSync(join(tmpdir(), 'audit-report-'));
    // Its sandbox is not to be had by root, nor in most containers. What is opened here is ours.
    browser = await chromium.launch({ executablePath, chromiumSandbox: false, timeout: 60_000 });
  });

  after(async () => {
    await browser?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it('is opened from the disk, asks for nothing else, and has nothing to complain of', async () => {
    await withReport(sampleAudit(), {}, async ({ page, requests, complaints, address }) => {
      assert.equal(await page.title(), 'Evidence audit: Payments API');
      assert.deepEqual(requests, [address]);
      assert.deepEqual(complaints, []);
    });
  });

  it('is what the command writes of the example', async () => {
    const command = ['audit', 'api.yaml', '--evidence', 'evidence/gaps.jsonl', '--format', 'html'];
    const { exitCode, stdout } = await runOtelTls(command, join(__dirname, '../../../examples/audit'));
    assert.equal(exitCode, 1);
    await withReport(stdout, {}, async ({ page, requests, complaints, address }) => {
      assert.ok((await shownSeverities(page)).length >= 20);
      assert.deepEqual([requests, complaints], [[address], []]);
    });
  });

  it('shows the findings of the chosen severities and operation, and counts them', async () => {
    await withReport(sampleAudit(), {}, async ({ page, complaints }) => {
      const count = page.locator('#shown');
      assert.equal(await count.textContent(), '7 findings');
      await page.getByRole('checkbox', { name: 'high' }).uncheck();
      assert.equal(await count.textContent(), '4 of 7 findings');
      assert.deepEqual(await shownSeverities(page), ['critical', 'medium', 'medium', 'low']);
      await page.getByRole('combobox', { name: 'Operation' }).selectOption('POST /v2/payments/{id}/refunds');
      assert.equal(await count.textContent(), '2 of 7 findings');
      await page.getByRole('checkbox', { name: 'medium' }).uncheck();
      assert.equal(await count.textContent(), '0 of 7 findings');
      assert.ok(await page.getByText('No finding is of this severity and operation.').isVisible());
      await page.getByRole('button', { name: 'Show all' }).click();
      await page.getByText('7 findings', { exact: true }).waitFor();
      assert.equal((await shownSeverities(page)).length, 7);
      await page.getByRole('combobox', { name: 'Operation' }).selectOption('none of the description');
      assert.deepEqual(await shownSeverities(page), ['high', 'low']);
      assert.deepEqual(complaints, []);
    });
  });

  it('leads from the coverage of an operation to its findings', async () => {
    await withReport(sampleAudit(), {}, async ({ page }) => {
      await page.getByRole('row', { name: 'DELETE /v2/mandates/' }).getByRole('link', { name: '1 critical' }).click();
      assert.deepEqual(await shownSeverities(page), ['critical']);
      assert.equal(new URL(page.url()).hash, '#finding-0');
    });
  });

  it('has a row for each protected operation and a column for each question', async () => {
    await withReport(sampleAudit(), {}, async ({ page }) => {
      const cells = (name: string) => page.getByRole('row', { name }).getByRole('cell').allTextContents();
      assert.deepEqual(await page.locator('#coverage').getByRole('columnheader').allTextContents(), [
        'Operation',
        'Requests',
        'Which certificate?',
        'Was it verified?',
        'In which handshake?',
        'From which address?',
        'How strongly encrypted?',
        'Which user?',
        'Findings',
      ]);
      assert.deepEqual(await cells('DELETE /v2/mandates/'), [
        '12',
        '✗none of 12',
        '✗none of 12',
        '3 of 12',
        '✓all 12',
        '3 of 12',
        '–not asked',
        '1 critical',
      ]);
      assert.deepEqual(await cells('POST /v2/webhooks/keys'), ['0', 'never seen in the evidence', '1 high']);
    });
  });

  it('can be read without JavaScript: all findings, their evidence, what to do, and no filter', async () => {
    await withReport(sampleAudit(), { javaScriptEnabled: false }, async ({ page }) => {
      assert.equal((await shownSeverities(page)).length, 7);
      assert.equal(await page.locator('#filter').isVisible(), false);
      const finding = page.locator('#finding-0');
      const trace = finding.locator('dd code').first();
      assert.equal(await trace.isVisible(), false);
      await finding.locator('summary').click();
      assert.ok(await trace.isVisible());
      assert.ok(await page.locator('#rule-success-without-certificate pre').isVisible());
    });
  });

  it('prints what is folded on the screen, and not what is clicked', async () => {
    await withReport(sampleAudit(), {}, async ({ page }) => {
      const trace = page.locator('#finding-0 dd code').first();
      assert.equal(await trace.isVisible(), false);
      await page.emulateMedia({ media: 'print' });
      assert.ok(await trace.isVisible());
      assert.equal(await page.locator('#filter').isVisible(), false);
      assert.ok((await page.pdf({ format: 'A4' })).length > 10_000);
    });
  });

  it('runs no script but its own', async () => {
    await withReport(sampleAudit(), {}, async ({ page, complaints }) => {
      await page.evaluate(() => {
        const { document } = globalThis as unknown as { document: { createElement(name: string): object; body: Body } };
        interface Body {
          append(element: object): void;
        }
        const text = 'globalThis.harmed = true';
        document.body.append(Object.assign(document.createElement('script'), { textContent: text }));
      });
      assert.equal(await page.evaluate('globalThis.harmed'), undefined);
      assert.match(complaints.join('\n'), /Content Security Policy/);
    });
  });

  // One after the other in the tests without a browser; here all at once, but for what is cut.
  const short = Object.values(HOSTILE_TEXTS).filter(text => text.length < 1000);
  for (const [kind, text] of [
    ['full of traps', short.join(' ')],
    ['ten megabytes', HOSTILE_TEXTS['ten megabytes']!],
  ] as const) {
    it(`comes to no harm when everything from outside is ${kind}`, async () => {
      await withReport(hostileAudit(text), {}, async ({ page, requests, complaints, address }) => {
        await page.locator('#finding-0 summary').click();
        await page.getByRole('checkbox', { name: 'high' }).uncheck();
        assert.equal((await shownSeverities(page)).length, 4);
        assert.equal(await page.evaluate('globalThis.harmed'), undefined);
        assert.equal(await page.locator('script').count(), 1);
        assert.deepEqual(requests, [address]);
        assert.deepEqual(complaints, []);
        assert.equal(await overflow(page), 0);
      });
    });
  }

  it('fits a telephone', async () => {
    await withReport(sampleAudit(), { viewport: { width: 360, height: 740 } }, async ({ page }) => {
      assert.equal(await overflow(page), 0);
    });
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`is ${colorScheme} where that is preferred, and accessible`, async () => {
      const audit = sampleAudit();
      const everything = {
        ...audit,
        evidence: { ...audit.evidence, partial: true },
        scoreCard: { ...audit.scoreCard, known: 3 },
      };
      for (const [name, result] of Object.entries({ findings: everything, clean: cleanAudit() })) {
        // Only here: the checker is a script of somebody else's.
        await withReport(result, { colorScheme, bypassCSP: true }, async ({ page }) => {
          for (const summary of await page.locator('summary').all()) await summary.click();
          const picture = join(__dirname, `report-${name}-${colorScheme}.png`);
          await page.screenshot({ path: picture, fullPage: true });
          const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor');
          const brightness = Math.max(...String(paper).match(/\d+/g)!.map(Number));
          assert.ok(colorScheme === 'light' ? brightness > 200 : brightness < 60, `${paper}`);
          await page.addScriptTag({ path: require.resolve('axe-core/axe.min.js') });
          const violations = await page.evaluate(
            'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))',
          );
          assert.deepEqual(violations, []);
        });
      }
    });
  }

  interface OpenReport {
    readonly page: Page;
    readonly address: string;
    /** Every address that was asked for. */
    readonly requests: string[];
    /** Whatever was written on the console, thrown, or asked in a dialog. */
    readonly complaints: string[];
  }

  async function withReport(
    report: AuditResult | string,
    options: BrowserContextOptions,
    look: (report: OpenReport) => Promise<void>,
  ): Promise<void> {
    const file = join(folder, 'report.html');
    writeFileSync(file, typeof report === 'string' ? report : htmlReport(report));
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    try {
      const page = await context.newPage();
      const requests: string[] = [];
      const complaints: string[] = [];
      page.on('request', request => requests.push(request.url()));
      page.on('console', message => complaints.push(message.text()));
      page.on('pageerror', error => complaints.push(String(error)));
      page.on('dialog', dialog => {
        complaints.push(dialog.message());
        void dialog.dismiss();
      });
      const address = pathToFileURL(file).href;
      await page.goto(address);
      await look({ page, address, requests, complaints });
    } finally {
      await context.close();
    }
  }
});

async function shownSeverities(page: Page): Promise<(string | null)[]> {
  const shown = await page.locator('.finding:visible').all();
  return Promise.all(shown.map(finding => finding.getAttribute('data-severity')));
}

/** By how many pixels the page is wider than its window. */
async function overflow(page: Page): Promise<unknown> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

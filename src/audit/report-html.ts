import { createHash } from 'node:crypto';
import { boundedText } from '../certificate/untrusted-text';
import {
  type Answer,
  type AuditedOperation,
  type AuditResult,
  type ExampleSpan,
  type Finding,
  type Location,
  type Occurrences,
  type ProbeReport,
  type ProbeResult,
  QUESTIONS,
  type Question,
  type Rule,
  SEVERITIES,
} from './audit-result';
import { type ProbeSummary, probeSummaries } from './probe-summary';
import { SCRIPT, STYLE } from './report-html-look';

/**
 * An audit as one HTML file that needs nothing else: no network, no server. Whatever it shows can be read without its
 * script, which only filters.
 */
export function htmlReport(audit: AuditResult): string {
  const title = `Evidence audit: ${audit.description.title}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the score card</a>
${banner(audit)}
<main id="main">
${scoreCard(audit)}
${coverage(audit)}
${findings(audit)}
${remedies(audit)}
${audit.probes && probes(audit.probes)}
${evidence(audit)}
</main>
<footer><p>Written by <code>${audit.tool.name}</code> ${audit.tool.version}.</p></footer>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`.source;
}

/** Nothing is loaded, nothing is sent, and no other script runs than the one we wrote. */
const POLICY = [
  "default-src 'none'",
  `script-src '${sha256(SCRIPT)}'`,
  `style-src '${sha256(STYLE)}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

function sha256(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function banner(audit: AuditResult): Markup {
  const { description, evidence } = audit;
  const verdict = verdictOf(audit);
  const period =
    evidence.firstSeen !== undefined && evidence.lastSeen !== undefined
      ? html`${time(evidence.firstSeen)} to ${time(evidence.lastSeen)}`
      : 'none';
  return html`<header class="banner">
<p class="eyebrow">Evidence audit of mutual TLS</p>
<h1><bdi>${description.title}</bdi> <small><bdi>${description.version}</bdi></small></h1>
<p class="verdict ${verdict.isGood ? 'good' : 'bad'}">${verdict.sentence}</p>
${evidence.partial && html`<p class="warning" role="note"><strong>Not complete.</strong> A source of evidence ended early: what seems to be missing may yet be there.</p>`}
<dl class="facts">
<div><dt>Description</dt><dd><bdi>${description.source}</bdi>, <bdi>${description.format}</bdi></dd></div>
<div><dt>Evidence</dt><dd>${period}</dd></div>
${audit.alerts && html`<div><dt>Alerts</dt><dd>${counted(audit.alerts.rules, 'rule')} in ${audit.alerts.sources.map((source, index) => html`${index > 0 && ', '}<bdi>${source}</bdi>`)}</dd></div>`}
</dl>
<nav aria-label="Sections">
<a href="#score-card">Score card</a>
<a href="#coverage">Coverage</a>
<a href="#findings">Findings</a>
<a href="#remedies">What to do</a>
${audit.probes && html`<a href="#probes">Probes</a>`}
<a href="#evidence">Evidence</a>
</nav>
</header>`;
}

function verdictOf({ scoreCard, findings }: AuditResult): { sentence: string; isGood: boolean } {
  const found = findings.length === 0 ? 'nothing was found' : `${counted(findings.length, 'finding')}`;
  if (scoreCard.protected === 0) {
    return { sentence: `No operation asks for a client certificate; ${found}.`, isGood: false };
  }
  const proven = `${number(scoreCard.proven)} of ${counted(scoreCard.protected, 'protected operation')}`;
  return {
    sentence: `${proven} leave${scoreCard.proven === 1 ? 's' : ''} a trail that proves who called; ${found}.`,
    isGood: findings.length === 0 && scoreCard.proven === scoreCard.protected,
  };
}

function scoreCard({ scoreCard: card, findings }: AuditResult): Markup {
  return html`<section id="score-card" aria-labelledby="score-card-title">
<h2 id="score-card-title">Score card</h2>
<dl class="tiles">
${tile('Operations', card.operations, card.operations, 'in the description')}
${tile('Protected', card.protected, card.operations, 'ask for a client certificate')}
${tile('Seen', card.seen, card.protected, 'of those protected, in the evidence')}
${tile('Proven', card.proven, card.protected, 'seen, and the trail has no gap')}
</dl>
<dl class="tally" aria-label="Findings by severity">
${SEVERITIES.map(severity => html`<div class="${severity}${card.findings[severity] === 0 && ' nothing'}"><dt>${severity}</dt><dd>${card.findings[severity]}</dd></div>`)}
</dl>
${card.known !== undefined && html`<p class="quiet">${counted(card.known, 'finding')} of the baseline ${card.known === 1 ? 'is' : 'are'} left out; ${counted(findings.length, 'is', 'are')} new.</p>`}
</section>`;
}

function tile(name: string, count: number, of: number, meaning: string): Markup {
  const share = of === 0 ? 0 : Math.round((count / of) * 100);
  return html`<div><dt>${name}</dt><dd><strong>${count}</strong>${count !== of && html` <span class="quiet">of ${of}</span>`}
<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="4"/><rect class="filled" width="${share}" height="4"/></svg>
<span class="quiet">${meaning}</span></dd></div>`;
}

/** Operations by questions: for how many of its requests the evidence answers each. */
function coverage({ operations, findings }: AuditResult): Markup {
  const asked = operations.filter(({ protection }) => protection !== 'none');
  const others = operations.filter(({ protection }) => protection === 'none');
  return html`<section id="coverage" aria-labelledby="coverage-title">
<h2 id="coverage-title">Coverage</h2>
<p>What the evidence answers about the requests of each protected operation. An answer may be a bad one: see the findings.</p>
${asked.length === 0 ? html`<p class="quiet">No operation is protected by a client certificate.</p>` : matrix(asked, operations, findings)}
${
  others.length > 0 &&
  html`<details>
<summary>${counted(others.length, 'operation')} without mutual TLS</summary>
<div class="wide" role="group" aria-label="Operations without mutual TLS" tabindex="0">
<table>
<thead><tr><th scope="col">Operation</th><th scope="col">Where</th><th scope="col" class="count">Requests</th></tr></thead>
<tbody>
${others.map(operation => html`<tr><th scope="row">${operationName(operation.name)}</th><td>${place(operation.location)}</td><td class="count">${operation.requests}</td></tr>`)}
</tbody>
</table>
</div>
</details>`
}
</section>`;
}

function matrix(
  asked: readonly AuditedOperation[],
  operations: readonly AuditedOperation[],
  findings: readonly Finding[],
): Markup {
  const questions = Object.keys(QUESTIONS) as Question[];
  return html`<div class="wide" role="group" aria-labelledby="coverage-title" tabindex="0">
<table class="matrix">
<thead><tr><th scope="col">Operation</th><th scope="col" class="count">Requests</th>${questions.map(question => html`<th scope="col">${QUESTIONS[question]}</th>`)}<th scope="col">Findings</th></tr></thead>
<tbody>
${asked.map(
  operation => html`<tr>
<th scope="row">${operationName(operation.name)}<span class="quiet">${place(operation.location)}${operation.protection === 'optional' && ', certificate optional'}</span></th>
<td class="count">${operation.requests}</td>
${
  operation.requests === 0 || operation.answers === undefined
    ? html`<td class="never" colspan="${questions.length}">never seen in the evidence</td>`
    : questions.map(question => answerCell(operation.answers![question]))
}
<td>${findingsOf(operation, operations.indexOf(operation), findings)}</td>
</tr>`,
)}
</tbody>
</table>
</div>
<p class="legend quiet"><span><span class="answer yes">✓</span> answered for every request</span> <span><span class="answer some">9 of 12</span> for some</span> <span><span class="answer no">✗</span> for none</span> <span><span class="answer not-asked">–</span> not asked of this operation</span></p>`;
}

function answerCell({ yes, no }: Answer): Markup {
  const all = yes + no;
  if (all === 0)
    return html`<td><span class="answer not-asked"><span aria-hidden="true">–</span><span class="unseen">not asked</span></span></td>`;
  if (no === 0)
    return html`<td><span class="answer yes"><span aria-hidden="true">✓</span><span class="unseen">all ${all}</span></span></td>`;
  if (yes === 0)
    return html`<td><span class="answer no"><span aria-hidden="true">✗</span><span class="unseen">none of ${all}</span></span></td>`;
  return html`<td><span class="answer some">${yes} of ${all}</span></td>`;
}

/** By severity. Links that also filter, where there is a script. */
function findingsOf(operation: AuditedOperation, index: number, findings: readonly Finding[]): Piece {
  const badges = SEVERITIES.map(severity => {
    const isOfThese = (finding: Finding) => finding.operation === operation.name && finding.severity === severity;
    const count = findings.filter(isOfThese).length;
    const href = `#finding-${findings.findIndex(isOfThese)}`;
    return (
      count > 0 &&
      html`<a class="severity ${severity}" href="${href}" data-operation="${index}">${count} ${severity}</a>`
    );
  });
  return badges.some(Boolean) ? badges : html`<span class="quiet">none</span>`;
}

function findings({ findings: all, operations, rules }: AuditResult): Markup {
  const indexes = new Map(operations.map(({ name }, index) => [name, index]));
  const concerned = [...new Set(all.map(({ operation }) => operation))];
  const named = concerned.filter(name => name !== undefined && indexes.has(name)) as string[];
  const titles = new Map(rules.map(({ id, title }) => [id, title]));
  return html`<section id="findings" aria-labelledby="findings-title">
<h2 id="findings-title">Findings</h2>
${
  all.length === 0
    ? html`<p class="quiet">None.</p>`
    : html`<form id="filter" class="filter" autocomplete="off" hidden aria-label="Filter the findings">
<fieldset><legend>Severity</legend>
${SEVERITIES.map(severity => html`<label><input type="checkbox" name="severity" value="${severity}" checked> <span class="severity ${severity}">${severity}</span></label>`)}
</fieldset>
<label class="operations">Operation
<select name="operation">
<option value="">all</option>
${named.map(name => html`<option value="${indexes.get(name)}">${name}</option>`)}
${concerned.length > named.length && html`<option value="none">none of the description</option>`}
</select></label>
<button type="reset">Show all</button>
<output id="shown" for="filter">${counted(all.length, 'finding')}</output>
</form>
${all.map((finding, index) => article(finding, index, indexes.get(finding.operation ?? ''), titles.get(finding.rule) ?? finding.rule))}
<p id="none-shown" class="quiet" hidden>No finding is of this severity and operation.</p>`
}
</section>`;
}

function article(finding: Finding, index: number, operation: number | undefined, title: string): Markup {
  const about = finding.operation ?? finding.subject;
  return html`<article class="finding ${finding.severity}" id="finding-${index}" aria-labelledby="finding-${index}-title" data-severity="${finding.severity}" data-operation="${operation ?? 'none'}">
<h3 id="finding-${index}-title"><span class="severity ${finding.severity}">${finding.severity}</span> ${title}</h3>
${(about !== undefined || finding.location) && html`<p class="about">${about !== undefined && operationName(about)}${finding.location && html` <span class="quiet">${place(finding.location)}</span>`}</p>`}
<p>${finding.message}</p>
${finding.occurrences && occurrences(finding.occurrences)}
<p class="more"><a href="#rule-${finding.rule}">What it means, and what to do</a></p>
</article>`;
}

function occurrences({ count, of, firstSeen, lastSeen, traceIds, example }: Occurrences): Markup {
  return html`<details>
<summary>Evidence: ${count}${of !== undefined && html` of ${of}`}, last ${time(lastSeen)}</summary>
<dl class="facts">
<div><dt>First seen</dt><dd>${time(firstSeen)}</dd></div>
<div><dt>Traces</dt><dd>${traceIds.map(id => html`<code>${id}</code> `)}</dd></div>
</dl>
${exampleSpan(example)}
</details>`;
}

function exampleSpan({ traceId, spanId, name, service, attributes }: ExampleSpan): Markup {
  return html`<div class="wide" role="group" aria-label="An example" tabindex="0">
<table class="example">
<caption>For example <bdi><code>${name}</code></bdi>${service !== undefined && html` of <bdi>${service}</bdi>`}, span <code>${spanId}</code> of trace <code>${traceId}</code></caption>
<thead><tr><th scope="col">Attribute</th><th scope="col">Value</th></tr></thead>
<tbody>
${Object.entries(attributes).map(([key, value]) => html`<tr><th scope="row"><bdi><code>${key}</code></bdi></th><td><bdi><code>${String(value)}</code></bdi></td></tr>`)}
</tbody>
</table>
</div>`;
}

function remedies({ rules, findings }: AuditResult): Markup {
  return html`<section id="remedies" aria-labelledby="remedies-title">
<h2 id="remedies-title">What to do</h2>
${rules.length === 0 && html`<p class="quiet">Nothing.</p>`}
${rules.map(rule => remedy(rule, findings.filter(finding => finding.rule === rule.id).length))}
</section>`;
}

function remedy(rule: Rule, count: number): Markup {
  const { text, paste } = rule.remediation;
  return html`<article class="rule" id="rule-${rule.id}" aria-labelledby="rule-${rule.id}-title">
<h3 id="rule-${rule.id}-title"><span class="severity ${rule.severity}">${rule.severity}</span> ${rule.title} <small>${counted(count, 'finding')}</small></h3>
<p>${prose(rule.help)}</p>
<p>${prose(text)}</p>
${paste !== undefined && html`<pre tabindex="0" role="group" aria-label="To be pasted"><code>${verbatim(paste)}</code></pre>`}
<p class="quiet">Rests on: ${prose(rule.restsOn)}</p>
${rule.references.length > 0 && html`<p class="references">${rule.references.map(({ name, url }) => (/^https?:\/\//.test(url) ? html`<a href="${url}" rel="noreferrer">${name}</a> ` : html`<span>${name}</span> `))}</p>`}
</article>`;
}

/** By certificate: what the server did, and what the evidence has of it; below that each that was sent. */
function probes(report: ProbeReport): Markup {
  const { address, planned, sent, sendings } = report;
  return html`<section id="probes" aria-labelledby="probes-title">
<h2 id="probes-title">Probes</h2>
<p>${counted(sent, 'request')}${sent < planned && ` of ${number(planned)}`} to <bdi><code>${address}</code></bdi>: what it answered, and whether the evidence has a trail of it.</p>
<div class="wide" role="group" aria-labelledby="probes-title" tabindex="0">
<table>
<thead><tr><th scope="col">Certificate</th><th scope="col" class="count">Accepted</th><th scope="col" class="count">Refused</th><th scope="col" class="count">Undecided</th><th scope="col">Trail</th><th scope="col">Seen</th><th scope="col">Recorded as</th></tr></thead>
<tbody>
${probeSummaries(report).map(probeRow)}
</tbody>
</table>
</div>
<details>
<summary>Each of them</summary>
<div class="wide" role="group" aria-label="Each probe" tabindex="0">
<table>
<thead><tr><th scope="col">Certificate</th><th scope="col">Operation</th><th scope="col">Sent</th><th scope="col">Seen</th><th scope="col">Trail</th><th scope="col">Trace</th></tr></thead>
<tbody>
${sendings.map(sendingRow)}
</tbody>
</table>
</div>
</details>
</section>`;
}

function probeRow({ certificate, withTrail, trailsExpected, details, reasons, ...count }: ProbeSummary): Markup {
  return html`<tr>
<th scope="row">${certificate}</th>
<td class="count">${count.accepted > 0 && certificate !== 'good' ? html`<span class="severity critical">${count.accepted}</span>` : count.accepted}</td>
<td class="count">${count.refused}</td>
<td class="count">${count.undecided}</td>
${answerCell({ yes: withTrail, no: trailsExpected - withTrail })}
<td>${details.join(', ')}</td>
<td>${reasons.map(reason => html`<code>${reason}</code>`)}</td>
</tr>`;
}

function sendingRow({ certificate, operation, at, detail, trail, recorded, traceId }: ProbeResult): Markup {
  const where = recorded && html`: ${recorded.as} by ${recorded.by}, trace <code>${recorded.traceId}</code>`;
  return html`<tr><th scope="row">${certificate}</th><td>${operationName(operation)}</td><td>${time(at)}</td><td>${detail}</td><td>${trail}${where}</td><td><code>${traceId}</code></td></tr>`;
}

function evidence({ evidence: read }: AuditResult): Markup {
  const counts: ReadonlyArray<readonly [string, number]> = [
    ['Spans', read.spans],
    ['Log records', read.logs],
    ['Requests', read.requests],
    ['Requests of other services', read.foreignRequests],
    ['Handshakes', read.handshakes],
    ['Failed handshakes', read.failedHandshakes],
  ];
  return html`<section id="evidence" aria-labelledby="evidence-title">
<h2 id="evidence-title">Evidence</h2>
<dl class="counts">
${counts.map(([name, count]) => html`<div><dt>${name}</dt><dd>${count}</dd></div>`)}
</dl>
<h3>Sources</h3>
<ul>${read.sources.map(source => html`<li><bdi>${source}</bdi></li>`)}</ul>
${read.notes.length > 0 && html`<h3>Notes</h3>\n<ul>${read.notes.map(note => html`<li>${note}</li>`)}</ul>`}
</section>`;
}

/** `GET /orders/{id}`, its method set apart. Breaks into lines behind slashes, where it must. */
function operationName(name: string): Markup {
  const shown = boundedText(name, MAX_BYTES, 'name');
  const [, method, path = shown] = /^([A-Z]+) (\/.*)$/su.exec(shown) ?? [];
  const segments = path.split(/(?<=\/)/).map(segment => html`${segment}<wbr>`.source);
  return html`<bdi class="name"><code>${method !== undefined && html`<b>${method}</b> `}${new Markup(segments.join(''))}</code></bdi>`;
}

function place({ source, line }: Location): Markup {
  return html`<bdi>${source.split(/[\\/]/).pop() || source}${line !== undefined && `:${line}`}</bdi>`;
}

function time(iso: string): Markup {
  const [, day, clock] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)/.exec(iso) ?? [];
  return day === undefined ? html`${iso}` : html`<time datetime="${iso}">${day} ${clock} UTC</time>`;
}

function counted(count: number, one: string, many = `${one}s`, isMany = count !== 1): string {
  return `${number(count)} ${isMany ? many : one}`;
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}

/** What has been made safe to stand in a document. Only `html` makes it, and two texts of ours: style and script. */
class Markup {
  constructor(readonly source: string) {}
}

type Piece = string | number | false | undefined | Markup | readonly Piece[];

/**
 * Markup in which every piece that is not markup itself is somebody's text: bounded, on one line, escaped. So nothing
 * can be left unescaped by forgetting; and as all attributes of ours are quoted, it is safe in those too.
 */
function html(literal: TemplateStringsArray, ...pieces: Piece[]): Markup {
  return new Markup(literal.map((text, index) => (index === 0 ? text : written(pieces[index - 1]) + text)).join(''));
}

function written(piece: Piece): string {
  if (piece === undefined || piece === false) return '';
  if (piece instanceof Markup) return piece.source;
  if (typeof piece === 'number') return number(piece);
  if (typeof piece === 'string') return escaped(boundedText(piece, MAX_BYTES, 'name'));
  return piece
    .map(written)
    .filter(each => each !== '')
    .join('\n');
}

/** Text of ours, in which code stands between backticks. */
function prose(text: string): Markup {
  const parts = text.split('`').map((part, index) => (index % 2 === 0 ? html`${part}` : html`<code>${part}</code>`));
  return new Markup(parts.map(({ source }) => source).join(''));
}

/** Text of ours whose lines are to stay. */
function verbatim(text: string): Markup {
  const lines = text.split('\n').map(line => boundedText(line, MAX_BYTES, 'name'));
  return new Markup(escaped(lines.join('\n')));
}

// 200 characters, each of which may be escaped to nine.
const MAX_BYTES = 2000;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}

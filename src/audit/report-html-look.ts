/** How the HTML report looks, and its one script: constants, so that the document can name their hashes. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --panel: #ffffff; --sunk: #eef0f4; --line: #dfe3e8;
  --ink: #1b2129; --quiet: #566070; --link: #1f5fae; --focus: #1f5fae;
  --good: #17663a; --good-wash: #e0f3e6;
  --critical: #8f1030; --critical-wash: #fde4ea;
  --high: #94380b; --high-wash: #fdeadd;
  --medium: #775408; --medium-wash: #fbf1cf;
  --low: #2b5288; --low-wash: #e4eefb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151a; --panel: #1a1f26; --sunk: #232932; --line: #303842;
    --ink: #e4e8ed; --quiet: #9da8b6; --link: #8dbcf5; --focus: #8dbcf5;
    --good: #86d9a4; --good-wash: #173625;
    --critical: #ffa3b5; --critical-wash: #471722;
    --high: #ffb787; --high-wash: #432612;
    --medium: #ecd07a; --medium-wash: #393010;
    --low: #a4cbfa; --low-wash: #1c3048;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 5.5rem; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
}
.banner, main, footer { max-width: 78rem; margin: 0 auto; padding: 0 1.5rem; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--panel); z-index: 9; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
a { color: var(--link); text-underline-offset: .2em; text-decoration-thickness: 1px; }
h1, h2, h3, p, dl, dd, ul, figure { margin: 0; }
h1 { font-size: 2rem; line-height: 1.2; font-weight: 650; letter-spacing: -.015em; overflow-wrap: anywhere; }
h1 small, h3 small { font-size: .6em; font-weight: 400; color: var(--quiet); letter-spacing: 0; }
h3 small { font-size: .85em; }
h2 { font-size: 1.3rem; font-weight: 650; letter-spacing: -.01em; margin-bottom: .75rem; }
h3 { font-size: 1rem; font-weight: 600; }
section { padding-top: 2.75rem; }
section > p, section > details { margin-bottom: 1rem; }
section > h3 { margin: 1.25rem 0 .25rem; }
code, pre { font: .9em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
.quiet, caption { color: var(--quiet); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.banner { padding-top: 2.5rem; }
.eyebrow { color: var(--quiet); font-size: .9rem; margin-bottom: .35rem; }
.verdict { font-size: 1.15rem; margin-top: .6rem; }
.verdict::before { content: ""; display: inline-block; width: .6em; height: .6em; border-radius: 50%; margin-right: .55em; }
.verdict.good::before { background: var(--good); }
.verdict.bad::before { background: var(--critical); }
.warning { background: var(--medium-wash); color: var(--medium); padding: .6rem .9rem; border-radius: 8px; margin-top: .9rem; }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 2rem; margin-top: .9rem; font-size: .92rem; }
.facts div { display: flex; gap: .6rem; min-width: 0; }
.facts dt { color: var(--quiet); flex: none; }
.facts dd { min-width: 0; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.4rem; margin-top: 1.4rem; padding: .7rem 0; border-block: 1px solid var(--line); font-size: .95rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 1rem; }
.tiles > div, .finding, .rule, .wide, .counts { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
.tiles > div { padding: 1rem 1.15rem; }
.tiles dt { font-size: .92rem; color: var(--quiet); }
.tiles strong { font-size: 2.1rem; line-height: 1.2; font-weight: 600; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.tiles dd > .quiet:last-child { font-size: .85rem; }
.bar { display: block; width: 100%; height: 5px; margin: .45rem 0 .5rem; border-radius: 3px; overflow: hidden; }
.track { fill: var(--sunk); }
.filled { fill: var(--link); }
.tally { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; }
.tally div { display: flex; gap: .55rem; align-items: baseline; padding: .3rem .85rem; border-radius: 99px; }
.tally dd { font-weight: 650; font-variant-numeric: tabular-nums; }
.tally dt { order: 2; }

.critical > .severity, .severity.critical, .tally .critical { background: var(--critical-wash); color: var(--critical); }
.high > .severity, .severity.high, .tally .high { background: var(--high-wash); color: var(--high); }
.medium > .severity, .severity.medium, .tally .medium { background: var(--medium-wash); color: var(--medium); }
.low > .severity, .severity.low, .tally .low { background: var(--low-wash); color: var(--low); }
.tally .nothing { background: var(--sunk); color: var(--quiet); }
.severity { display: inline-block; padding: .05rem .55rem; border-radius: 99px; font-size: .85rem; font-weight: 600; white-space: nowrap; }
a.severity { text-decoration: none; }
a.severity:hover { text-decoration: underline; }

.wide { overflow-x: auto; position: relative; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .55rem .8rem; vertical-align: top; border-top: 1px solid var(--line); overflow: hidden; }
thead th { border-top: 0; color: var(--quiet); font-weight: 500; font-size: .86rem; vertical-align: bottom; }
tbody th { font-weight: 400; }
.count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.matrix tbody th { min-width: 17rem; }
.matrix tbody td { white-space: nowrap; }
.matrix td .severity { margin-right: .3rem; }
.matrix th .quiet { display: block; font-size: .82rem; }
.matrix thead th:not(:first-child) { max-width: 6.5rem; }
.matrix tbody tr:hover { background: var(--sunk); }
.name b { font-weight: 650; }
.answer { display: inline-block; min-width: 2rem; padding: .05rem .5rem; border-radius: 6px; text-align: center; font-variant-numeric: tabular-nums; white-space: nowrap; }
.answer.yes { background: var(--good-wash); color: var(--good); }
.answer.some { background: var(--medium-wash); color: var(--medium); }
.answer.no { background: var(--critical-wash); color: var(--critical); }
.answer.not-asked { color: var(--quiet); }
.never { color: var(--critical); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin-top: .7rem; font-size: .85rem; }

.filter { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.4rem; padding: .7rem 0; background: var(--page); border-bottom: 1px solid var(--line); margin-bottom: 1rem; font-size: .95rem; }
.filter[hidden], .finding[hidden], #none-shown[hidden] { display: none; }
.filter fieldset { display: flex; flex-wrap: wrap; gap: .3rem 1rem; border: 0; margin: 0; padding: 0; }
.filter legend { float: left; padding: 0; margin-right: .2rem; }
.filter legend, .filter .operations { color: var(--quiet); }
.filter .operations { display: flex; gap: .6rem; align-items: center; min-width: 0; max-width: 100%; }
.filter input { accent-color: var(--link); }
.filter select, .filter button { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .25rem .6rem; min-width: 0; max-width: 22rem; }
.filter button { cursor: pointer; }
.filter output { margin-left: auto; color: var(--quiet); font-variant-numeric: tabular-nums; }

.finding, .rule { padding: 1rem 1.25rem; margin-bottom: .8rem; contain: paint; }
.finding > p, .rule > p { margin-top: .45rem; overflow-wrap: anywhere; }
.finding h3 .severity, .rule h3 .severity { margin-right: .35rem; font-weight: 600; }
.about .quiet { margin-left: .4rem; font-size: .88rem; }
.finding:target, .rule:target { border-color: var(--link); }
.finding { display: grid; grid-template-columns: minmax(0, 1fr) auto; column-gap: 1.5rem; }
.finding > * { grid-column: 1 / -1; }
.finding > h3 { grid-column: 1; }
.finding > .more { grid-area: 1 / 2; margin-top: 0; }
.more, .references { font-size: .92rem; }
.references a, .references span { margin-right: 1rem; }
details { margin-top: .55rem; }
summary { cursor: pointer; color: var(--quiet); }
summary:hover { color: var(--ink); }
details > :not(summary) { margin-top: .6rem; }
details .wide { border-radius: 8px; }
.example caption { text-align: left; padding: .6rem .8rem; font-size: .88rem; overflow-wrap: anywhere; }
.example th, .example td { padding-top: .3rem; padding-bottom: .3rem; }
.example thead th { border-top: 1px solid var(--line); }
.example tbody th { width: 1%; white-space: nowrap; }
pre { background: var(--sunk); padding: .8rem 1rem; border-radius: 8px; overflow-x: auto; margin: .6rem 0 0; }
pre code { overflow-wrap: normal; font-size: 1em; }
.counts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); padding: .9rem 1.15rem; gap: .8rem; }
.counts dt { font-size: .86rem; color: var(--quiet); }
.counts dd { font-size: 1.15rem; font-variant-numeric: tabular-nums; }
ul { padding-left: 1.2rem; overflow-wrap: anywhere; }
footer { padding-top: 3rem; padding-bottom: 3rem; color: var(--quiet); font-size: .88rem; }

@media (max-width: 40rem) {
  .banner, main, footer { padding-left: 1rem; padding-right: 1rem; }
  .tiles { grid-template-columns: 1fr 1fr; gap: .7rem; }
  .filter { position: static; }
  .filter output { margin-left: 0; }
  .matrix tbody th { min-width: 12rem; }
  .finding > h3, .finding > .more { grid-area: auto / 1 / auto / -1; }
  .finding > .more { margin-top: .45rem; }
}
@media print {
  :root {
    --page: #fff; --panel: #fff; --sunk: #f2f3f5; --line: #c9ced6; --ink: #000; --quiet: #444b55; --link: #000;
    --good: #17663a; --good-wash: #fff; --critical: #8f1030; --critical-wash: #fff; --high: #94380b; --high-wash: #fff;
    --medium: #775408; --medium-wash: #fff; --low: #2b5288; --low-wash: #fff;
  }
  html { font-size: 9.5pt; }
  nav, .filter, .skip, .more { display: none; }
  .banner, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  .wide { overflow: visible; }
  th, td { padding: .3rem .45rem; }
  .matrix tbody th { min-width: 12.5rem; }
  .answer { min-width: 0; padding: 0; }
  .matrix tbody td { white-space: normal; }
  .finding, .rule, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .severity { border: 1px solid currentColor; }
  details::details-content { content-visibility: visible; block-size: auto; }
  thead { display: table-header-group; }
  pre { white-space: pre-wrap; }
}
`;

export const SCRIPT = `
'use strict';
(() => {
  const form = document.getElementById('filter');
  if (!form) return;
  const findings = [...document.querySelectorAll('.finding')];
  const filter = () => {
    const severities = [...form.querySelectorAll('input:checked')].map(input => input.value);
    const operation = form.elements.operation.value;
    for (const finding of findings) {
      const { dataset } = finding;
      finding.hidden = !severities.includes(dataset.severity) || (operation !== '' && operation !== dataset.operation);
    }
    const shown = findings.filter(finding => !finding.hidden).length;
    const all = findings.length;
    document.getElementById('shown').textContent =
      (shown === all ? '' : shown + ' of ') + all + (all === 1 ? ' finding' : ' findings');
    document.getElementById('none-shown').hidden = shown > 0;
  };
  form.hidden = false;
  form.addEventListener('input', filter);
  form.addEventListener('submit', event => event.preventDefault());
  // The fields have their first values back only when the event is over.
  form.addEventListener('reset', () => setTimeout(filter));
  for (const link of document.querySelectorAll('a[data-operation]')) {
    link.addEventListener('click', () => {
      form.reset();
      form.elements.operation.value = link.dataset.operation;
      filter();
    });
  }
  filter();
})();
`;

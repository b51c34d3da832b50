import type { AuditResult } from '../../src/audit/audit-result';
import { sampleAudit } from './sample-audit';

/** Texts that do harm where they are not escaped, reordered or cut. */
export const HOSTILE_TEXTS: Readonly<Record<string, string>> = {
  'an end of the script': `</script><script>globalThis.harmed = true</script>`,
  'an image that fails': `<img src=x onerror="globalThis.harmed = true">`,
  'a way out of an attribute': `" autofocus onfocus="globalThis.harmed = true" x="' onfocus='globalThis.harmed = true`,
  'an end of the style': '</style><style>body { display: none }</style>',
  'a comment that never ends': '<!-- ',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that it is none of ours is the point
  'a way out of a template': '${globalThis.harmed = true}`{{constructor.constructor("globalThis.harmed = true")()}}',
  'a link of SARIF': '[harmless](https://evil.example/) {0}',
  'marks that reorder': 'GET /\u202e/reverse\u2066/\u200b\u200f',
  'codes of a terminal': '\u001b]8;;https://evil.example/\u0007\u001b[2J\r\n\u0000',
  'half a character': '\ud800 and \udfff',
  'the name of a prototype': '__proto__',
  'ten megabytes': 'x'.repeat(10_000_000),
};

/**
 * An audit in which everything that comes from outside is this text, its own keys included. Where the description lies
 * says who starts the audit: no text of ten megabytes.
 */
export function hostileAudit(text: string): AuditResult {
  const audit = sampleAudit();
  const source = text.slice(0, 1000);
  const names = new Map(audit.operations.map(({ name }, index) => [name, `${text} ${index}`]));
  return {
    ...audit,
    description: { source, title: text, version: text, format: text },
    evidence: { ...audit.evidence, sources: [text], notes: [text], firstSeen: text, lastSeen: text },
    alerts: { sources: [text], rules: 3 },
    operations: audit.operations.map(operation => ({
      ...operation,
      name: names.get(operation.name)!,
      path: text,
      operationId: text,
      location: { ...operation.location, source },
      schemes: [text],
    })),
    findings: audit.findings.map(finding => ({
      ...finding,
      message: text,
      ...(finding.operation !== undefined && { operation: names.get(finding.operation)! }),
      ...(finding.subject !== undefined && { subject: text }),
      ...(finding.location && { location: { ...finding.location, source } }),
      ...(finding.occurrences && {
        occurrences: {
          ...finding.occurrences,
          firstSeen: text,
          lastSeen: text,
          traceIds: [text],
          example: {
            traceId: text,
            spanId: text,
            name: text,
            service: text,
            attributes: Object.fromEntries([
              [text, text],
              ['url.path', text],
              ['http.response.status_code', 200],
            ]),
          },
        },
      }),
    })),
    probes: {
      ...audit.probes!,
      address: source,
      sendings: audit.probes!.sendings.map(({ recorded, ...sending }) => ({
        ...sending,
        operation: text,
        path: text,
        detail: text,
        ...(recorded && { recorded: { ...recorded, traceId: text, spanId: text, service: text, reason: text } }),
      })),
    },
  };
}

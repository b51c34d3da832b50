import type { ProbeReport } from './audit-result';

/** What came of all the probes that came with the same certificate. */
export interface ProbeSummary {
  readonly certificate: string;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  readonly undecided: number;
  /** Those that can have one, and those of them whose trail was found. */
  readonly withTrail: number;
  readonly trailsExpected: number;
  /** What was seen from here, each once: `answered 200`. */
  readonly details: readonly string[];
  /** What the trails say of it, each once: `certificate_expired`. */
  readonly reasons: readonly string[];
}

/** In the order in which they were sent. */
export function probeSummaries({ sendings }: ProbeReport): readonly ProbeSummary[] {
  return [...new Set(sendings.map(({ certificate }) => certificate))].map(certificate => {
    const these = sendings.filter(sending => sending.certificate === certificate);
    const expected = these.filter(({ trail }) => trail !== 'not expected');
    const of = (outcome: string) => these.filter(sending => sending.outcome === outcome).length;
    return {
      certificate,
      sent: these.length,
      accepted: of('accepted'),
      refused: of('refused'),
      undecided: of('undecided'),
      withTrail: expected.filter(({ trail }) => trail === 'found').length,
      trailsExpected: expected.length,
      details: [...new Set(these.map(({ detail }) => detail))],
      reasons: [...new Set(these.flatMap(({ recorded }) => recorded?.reason ?? []))],
    };
  });
}

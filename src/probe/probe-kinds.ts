/** What a probe comes with. */
export interface ProbeKind {
  /** `expired certificate`: behind "with", and in findings. */
  readonly title: string;
  /** In the plan: what is wrong with it. */
  readonly brief: string;
  /** `made` by the probe, `supplied` by whoever probes, or `nothing` at all. */
  readonly presents: 'made' | 'supplied' | 'nothing';
  /** It ought to be let in. */
  readonly isGood?: true;
  /** How it is made. `anybody`: by an authority that nobody knows; `accepted`: by one that the server accepts, if it is at hand. */
  readonly made?: {
    readonly issuer: 'itself' | 'anybody' | 'accepted' | 'forged';
    /** Days from now. */
    readonly from: number;
    readonly to: number;
    readonly usage: 'client' | 'server';
  };
}

const NOW = { from: -1, to: 1 };

/** In the order in which they are sent. Good first: if that is refused, the others prove little. */
export const PROBE_KINDS = {
  good: {
    title: 'good certificate',
    brief: 'the one that was supplied (--probe-certificate)',
    presents: 'supplied',
    isGood: true,
  },
  none: { title: 'no certificate', brief: 'none is presented', presents: 'nothing' },
  expired: {
    title: 'expired certificate',
    brief: 'ended yesterday',
    presents: 'made',
    made: { issuer: 'accepted', from: -30, to: -1, usage: 'client' },
  },
  'not-yet-valid': {
    title: 'certificate that is not yet valid',
    brief: 'begins tomorrow',
    presents: 'made',
    made: { issuer: 'accepted', from: 1, to: 30, usage: 'client' },
  },
  'self-signed': {
    title: 'self-signed certificate',
    brief: 'vouches for itself',
    presents: 'made',
    made: { issuer: 'itself', ...NOW, usage: 'client' },
  },
  'unknown-ca': {
    title: 'certificate of an unknown authority',
    brief: 'issued by an authority made for the probe',
    presents: 'made',
    made: { issuer: 'anybody', ...NOW, usage: 'client' },
  },
  'forged-issuer': {
    title: 'certificate with a forged issuer',
    brief: "names an authority that the server accepts, signed with another's key",
    presents: 'made',
    made: { issuer: 'forged', ...NOW, usage: 'client' },
  },
  'wrong-purpose': {
    title: 'certificate for another purpose',
    brief: 'for servers alone (extended key usage)',
    presents: 'made',
    made: { issuer: 'accepted', ...NOW, usage: 'server' },
  },
  revoked: {
    title: 'revoked certificate',
    brief: 'the one that was supplied (--probe-revoked-certificate)',
    presents: 'supplied',
  },
} as const satisfies { readonly [name: string]: ProbeKind };

export type ProbeKindName = keyof typeof PROBE_KINDS;

export function probeKind(name: ProbeKindName): ProbeKind {
  return PROBE_KINDS[name];
}

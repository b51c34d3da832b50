import type { Finding } from './audit-result';
import { BoundedMap, BoundedSet } from './bounded-collections';
import { Counts, MOST_SUBJECTS } from './counts';
import { type EvidenceAttributes, type EvidenceSpan, leakIn, plainExample, serviceOf } from './evidence';
import { countedText, type Found, findingOf } from './found';
import { exposuresIn, namingIn, type PrivacyPolicy } from './privacy';

/** What nobody ought to have sent: keys, whole certificates, names. */
export class Exposures {
  readonly #policy: PrivacyPolicy | undefined;
  readonly #found: Found;
  /** Services in which somebody is named by a pseudonym; and which attributes name somebody openly, by service. */
  readonly #pseudonymous = new BoundedSet(MOST_SUBJECTS);
  readonly #clear = new BoundedMap<Counts>(MOST_SUBJECTS);

  /** Without a policy, what is meant to be said of people is found out of the evidence itself. */
  constructor(policy: PrivacyPolicy | undefined, found: Found) {
    this.#policy = policy;
    this.#found = found;
  }

  /** `name`: of the span, event or record that has these attributes. */
  attributes(attributes: EvidenceAttributes, at: number, from: Origin, name: string): void {
    const policy = this.#policy;
    const leak = leakIn(attributes);
    if (leak?.what === 'private key')
      this.#found.add('private-key-exported', leak.attribute, at, plainExample(from, name));
    else if (leak !== undefined && policy?.pem !== 'on')
      this.#found.add('certificate-exported', leak.attribute, at, plainExample(from, name));
    if (policy !== undefined) {
      for (const [attribute, what] of exposuresIn(attributes, policy))
        this.#found.add('personal-data-exported', `${what} in ${attribute}`, at, plainExample(from, name));
    }
    if (policy?.identity === undefined) this.#naming(attributes, at, from, name);
  }

  /** Who is named openly where others are named by pseudonyms. */
  findings(): readonly Finding[] {
    const id = 'personal-data-exported';
    return [...this.#pseudonymous].flatMap(service =>
      [...(this.#clear.get(service) ?? [])].map(([attribute, count]) => {
        const subject = `${attribute} of ${service || 'an unnamed service'}`;
        return findingOf(id, countedText(id, count, 'record'), { subject, count });
      }),
    );
  }

  #naming(attributes: EvidenceAttributes, at: number, from: Origin, name: string): void {
    const { pseudonyms, clear } = namingIn(attributes);
    if (!pseudonyms && clear.length === 0) return;
    const service = serviceOf(from.resource);
    if (pseudonyms) this.#pseudonymous.add(service);
    if (clear.length === 0) return;
    const counts = this.#clear.getOrMake(service, () => new Counts());
    const example = plainExample(from, name);
    for (const attribute of clear) counts?.add(attribute, at, example);
  }
}

type Origin = Pick<EvidenceSpan, 'traceId' | 'spanId' | 'resource'>;

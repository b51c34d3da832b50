import { isoTime } from './copied-values';
import type { CopiedFields } from './format';
import type { HeaderFields } from './header-fields';

/** `NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z`, as AWS writes both times into one header. */
export function awsValidity(fields: HeaderFields, header: string): Pick<CopiedFields, 'notBefore' | 'notAfter'> {
  const times = fields.decoded(header, readTimes);
  if (times === undefined) return {};
  const [notBefore, notAfter] = times;
  return { notBefore: { value: notBefore, header }, notAfter: { value: notAfter, header } };
}

function readTimes(text: string): readonly [notBefore: number, notAfter: number] | undefined {
  const [, first, second] = /^NotBefore=([^;]{1,40});NotAfter=([^;]{1,40})$/.exec(text) ?? [];
  const notBefore = isoTime(first ?? '');
  const notAfter = isoTime(second ?? '');
  return notBefore === undefined || notAfter === undefined ? undefined : [notBefore, notAfter];
}

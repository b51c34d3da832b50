import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Preset } from '../../src/forwarded/presets';

/** What a real proxy forwarded for one client: `received`, in order, as Node had it. */
export interface RecordedCase {
  readonly case: string;
  /** What the client presented and sent, in words. */
  readonly sent: string;
  readonly received: ReadonlyArray<readonly [string, string]>;
}

interface Recordings {
  readonly findings: readonly string[];
  readonly full_samples: Readonly<Record<string, Readonly<Record<string, string | object>>>>;
  readonly proxies: ReadonlyArray<{
    readonly proxy: string;
    readonly preset: Preset;
    readonly modes: ReadonlyArray<{ readonly mode: string; readonly cases: readonly RecordedCase[] }>;
  }>;
}

const FILE = join(__dirname, '../../../test/fixtures/forwarded/proxy-recordings.json');

/** Refused clients, of whom the application never heard, are left out of the file. */
export const RECORDINGS = JSON.parse(readFileSync(FILE, 'utf8')) as Recordings;

/** A header that was recorded in full. */
export function sample(proxy: string, header: string): string {
  return RECORDINGS.full_samples[proxy]![header] as string;
}

export function recorded(proxy: string, mode: string, name: string): RecordedCase['received'] {
  const modes = RECORDINGS.proxies.find(({ proxy: id }) => id === proxy)!.modes;
  const found = modes.find(({ mode: id }) => id === mode)?.cases.find(({ case: id }) => id === name);
  if (found === undefined) throw new Error(`no case ${name} in ${proxy}, ${mode}`);
  return wholeAgain(found.received);
}

/**
 * The headers with their certificates, which the file shortens: whole where it has them in full elsewhere, as many characters
 * of something else where there were more than anybody takes, and otherwise left out, with the header or the part of it
 * that they were in.
 */
export function wholeAgain(received: RecordedCase['received']): RecordedCase['received'] {
  return received
    .map(([name, value]) => {
      const whole = value.replace(CUT, (cut, begin: string, length: string) => {
        if (Number(length) > 16 * 1024) return begin.padEnd(Number(length), 'A');
        return CERTIFICATES.find(text => text.startsWith(begin) && text.length === Number(length)) ?? cut;
      });
      return [name, whole.replace(/(Cert|Chain)="[^"]*…[^"]*";/g, '')] as const;
    })
    .filter(([, value]) => !value.includes('…'));
}

/** `MIIC…(776 characters)`. */
const CUT = /([A-Za-z0-9+/=% -]+)…\((\d+) characters\)/g;

const CERTIFICATES = Object.values(RECORDINGS.full_samples)
  .flatMap(samples => Object.values(samples))
  .filter(value => typeof value === 'string')
  .flatMap(value => value.match(/-----BEGIN%20[^"]+|-----BEGIN CERT[^"\n]+|[A-Za-z0-9+/]{100,}=*/g) ?? []);

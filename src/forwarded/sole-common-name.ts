import type { Copied } from './copied-values';
import type { HeaderFields } from './header-fields';

/**
 * A distinguished name from a proxy that does not say how it writes them. One common name of harmless characters is written
 * the same by all, but for a slash in front: `CN=alice`, `/CN=alice`. Of anything longer nobody knows whether a comma, a
 * slash or a blank separates or is the client's own: `CN=alice,O=Acme` may be one name that somebody chose. That is left
 * out, as if it were not there.
 */
export function soleCommonName(fields: HeaderFields, header: string): Copied<string> | undefined {
  const [, name] = SOLE_COMMON_NAME.exec(fields.text(header) ?? '') ?? [];
  return name === undefined ? undefined : { value: name, header };
}

const SOLE_COMMON_NAME = /^\/?(CN=[A-Za-z0-9*_](?:[A-Za-z0-9.@:*_-]{0,63}))$/;

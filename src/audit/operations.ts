import type { AuditedOperation, Location } from './audit-result';
import { type Fields, fieldOf, recordOf } from './unknown-shape';

/** One operation of an API description, and who may call it. */
export interface Operation
  extends Pick<
    AuditedOperation,
    'name' | 'method' | 'path' | 'operationId' | 'location' | 'protection' | 'schemes' | 'isUserKnown'
  > {
  /** Where it is served: at least one place, `{}` when the description does not say. */
  readonly servers: readonly ServedAt[];
}

export interface ServedAt {
  /** Lower case, without port. Undefined: on whatever host the description is served. */
  readonly host?: string;
  /** Empty, or begins with a slash and does not end in one. May hold `{variables}`. */
  readonly basePath: string;
}

/** A description as it was written, with its references resolved. Only what is read here is known of it. */
export type DescriptionDocument = Readonly<Record<string, unknown>>;

/** Where something stands in the description: its keys from the top. */
export type Locate = (path: readonly string[]) => Location;

/**
 * Extensions that say by themselves that a client certificate is wanted: of a security scheme, an operation, a path or the
 * whole description; the nearest one wins. OpenAPI 3.1 has the scheme type `mutualTLS`, 2.0 and 3.0 have nothing.
 */
// x-wso2-mutual-ssl: WSO2 API Manager, "mandatory" or "optional". The others are what people write who miss `mutualTLS`,
// with true, false or a word. Last checked 2026-11-22.
export const PROTECTING_EXTENSIONS: readonly string[] = ['x-mtls', 'x-mutual-tls', 'x-mutualTLS', 'x-wso2-mutual-ssl'];

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/** The scheme types by which a server learns of a user, not only of a machine. */
const USER_SCHEMES = ['oauth2', 'openIdConnect', 'http', 'basic'];

/**
 * The operations of a description, in its order. `more` are names of security schemes, or of extensions (`x-...`), that
 * mean mutual TLS here.
 */
export function operationsOf(
  document: DescriptionDocument,
  locate: Locate,
  more: readonly string[] = [],
): readonly Operation[] {
  const reading = new Reading(document, more);
  const operations: Operation[] = [];
  const names = new Set<string>();
  for (const [path, value] of Object.entries(recordOf(document['paths']) ?? {})) {
    const item = recordOf(value);
    if (item === undefined || !path.startsWith('/')) continue;
    for (const method of METHODS) {
      const operation = recordOf(fieldOf(item, method));
      if (operation === undefined) continue;
      const servers = reading.servers(operation, item);
      const name = unique(`${method.toUpperCase()} ${servers[0]!.basePath}${path}`, names);
      operations.push({
        name,
        method: method.toUpperCase(),
        path,
        ...(typeof operation['operationId'] === 'string' && { operationId: operation['operationId'] }),
        location: locate(['paths', path, method]),
        ...reading.protection(operation, item),
        servers,
      });
    }
  }
  return operations;
}

class Reading {
  readonly #document: DescriptionDocument;
  readonly #extensions: readonly string[];
  readonly #named: ReadonlySet<string>;

  constructor(document: DescriptionDocument, more: readonly string[]) {
    this.#document = document;
    this.#extensions = [...PROTECTING_EXTENSIONS, ...more.filter(name => name.startsWith('x-'))];
    this.#named = new Set(more);
  }

  protection(operation: Fields, item: Fields): Pick<Operation, 'protection' | 'schemes' | 'isUserKnown'> {
    // An empty list takes away what the description demands of all.
    const security = fieldOf(operation, 'security') ?? fieldOf(this.#document, 'security');
    const alternatives = Array.isArray(security) ? security.map(one => Object.keys(recordOf(one) ?? {})) : [];
    const schemes = [...new Set(alternatives.flat().filter(name => this.#protectionBy(name) !== 'none'))];
    // Of schemes in one alternative all are asked for, so the strictest tells.
    const ways = alternatives.map(names => strictest(names.map(name => this.#protectionBy(name))));
    const isUserKnown =
      alternatives.length > 0 && alternatives.every(names => names.some(name => this.#isOfUsers(name)));
    if (schemes.length > 0) {
      const protection = ways.every(way => way === 'required') ? 'required' : 'optional';
      return { protection, schemes, isUserKnown };
    }
    for (const place of [operation, item, this.#document]) {
      const extension = this.#extensions.find(name => fieldOf(place, name) !== undefined);
      if (extension === undefined) continue;
      const protection = protectionOf(fieldOf(place, extension));
      return { protection, schemes: protection === 'none' ? [] : [extension], isUserKnown };
    }
    return { protection: 'none', schemes: [], isUserKnown };
  }

  /** Of the operation, else of its path, else of the description. OpenAPI 2.0 has one for all. */
  servers(operation: Fields, item: Fields): readonly ServedAt[] {
    if (typeof this.#document['swagger'] === 'string') {
      const { host, basePath } = this.#document;
      return [{ ...hostOf(host), basePath: withoutEnd(typeof basePath === 'string' ? basePath : '') }];
    }
    for (const place of [operation, item, this.#document]) {
      const servers = fieldOf(place, 'servers');
      if (!Array.isArray(servers) || servers.length === 0) continue;
      const read = servers.map(recordOf).flatMap(server => (server === undefined ? [] : serverOf(server)));
      if (read.length > 0) return read;
    }
    return [{ basePath: '' }];
  }

  #scheme(name: string): Fields | undefined {
    const schemes =
      recordOf(this.#document['securityDefinitions']) ??
      recordOf(fieldOf(this.#document['components'], 'securitySchemes'));
    return recordOf(fieldOf(schemes, name));
  }

  #protectionBy(name: string): Operation['protection'] {
    if (this.#named.has(name)) return 'required';
    const scheme = this.#scheme(name);
    if (scheme === undefined) return 'none';
    if (scheme['type'] === 'mutualTLS') return 'required';
    return strictest(this.#extensions.map(extension => protectionOf(fieldOf(scheme, extension))));
  }

  #isOfUsers(name: string): boolean {
    const type = this.#scheme(name)?.['type'];
    return typeof type === 'string' && USER_SCHEMES.includes(type) && this.#protectionBy(name) === 'none';
  }
}

function strictest(all: readonly Operation['protection'][]): Operation['protection'] {
  if (all.includes('required')) return 'required';
  return all.includes('optional') ? 'optional' : 'none';
}

function protectionOf(extension: unknown): Operation['protection'] {
  if (extension === undefined || extension === null || extension === false) return 'none';
  const word = typeof extension === 'string' ? extension.toLowerCase() : '';
  if (['none', 'off', 'false', 'disabled', 'no'].includes(word)) return 'none';
  return word === 'optional' ? 'optional' : 'required';
}

/** `https://{region}.api.example.com:8443/v1`, `/v1`, `{base}/v1`: variables of a host are left open, those of a path too. */
function serverOf(server: Fields): ServedAt[] {
  const url = server['url'];
  if (typeof url !== 'string') return [];
  const variables = recordOf(server['variables']) ?? {};
  // A variable that stands where the scheme or the host does is filled in, or nothing could be told apart.
  const filled = url.replace(/\{([^{}]*)\}/g, (whole, name: string, at: number) => {
    const value = fieldOf(fieldOf(variables, name), 'default');
    return typeof value === 'string' && (at === 0 || value.includes('/')) ? value : whole;
  });
  const [, authority, path = ''] = /^(?:[a-z][a-z0-9+.-]*:)?\/\/([^/?#]*)([^?#]*)/i.exec(filled) ?? [];
  if (authority !== undefined) return [{ ...hostOf(authority), basePath: withoutEnd(path) }];
  return [{ basePath: withoutEnd(filled.replace(/^\.?\/?/, '/').replace(/[?#].*$/, '')) }];
}

/** Nothing where the host is not known beforehand. */
function hostOf(authority: unknown): { readonly host?: string } {
  if (typeof authority !== 'string' || authority === '' || /[{}]/.test(authority)) return {};
  const host = /^(?:[^@]*@)?(\[[^\]]*\]|[^:]*)/.exec(authority)?.[1]?.toLowerCase();
  return host ? { host } : {};
}

function withoutEnd(path: string): string {
  const absolute = path === '' || path.startsWith('/') ? path : `/${path}`;
  return absolute.replace(/\/+$/, '');
}

function unique(name: string, taken: Set<string>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name} (${n})`;
  taken.add(free);
  return free;
}

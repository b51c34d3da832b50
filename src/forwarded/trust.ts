import type * as net from 'node:net';
import { builtinModule } from '../builtin-module';
import { isSpiffeId } from '../certificate/subject-alternative-names';
import type { Forwarder } from './forwarded-certificate';

const { BlockList, isIP, SocketAddress } = builtinModule('node:net');

/** Told what was given, and what would have been understood. */
type Complain = (complaint: string) => void;

/** What a trusted proxy may be named by, for the complaint about anything else. */
export const EXPECTED_PROXIES =
  'loopback, unix, an address or CIDR (10.0.0.0/8, fd00::/8), fingerprint:<SHA-256 in hex> or spiffe://<domain>/<path>';

/** Which peers may speak for others. Immutable. */
export class TrustedProxies {
  readonly #addresses: net.BlockList;
  readonly #unix: boolean;
  readonly #fingerprints: ReadonlySet<string>;
  readonly #spiffeIds: ReadonlySet<string>;

  private constructor(proxies: readonly TrustedProxy[]) {
    this.#addresses = new BlockList();
    for (const proxy of proxies) {
      if (proxy.kind === 'network') this.#addresses.addSubnet(proxy.address, proxy.bits, proxy.family);
    }
    this.#unix = proxies.some(proxy => proxy.kind === 'unix');
    this.#fingerprints = new Set(proxies.flatMap(proxy => (proxy.kind === 'fingerprint' ? [proxy.fingerprint] : [])));
    this.#spiffeIds = new Set(proxies.flatMap(proxy => (proxy.kind === 'spiffe' ? [proxy.id] : [])));
  }

  /**
   * The proxies that the names mean. A name that is not understood is complained of and left out; undefined when none is
   * left: then nobody is trusted, and there is no sense in reading anything.
   */
  static parse(names: readonly unknown[], complain: Complain): TrustedProxies | undefined {
    const proxies: TrustedProxy[] = [];
    for (const name of names) {
      const proxy = typeof name === 'string' ? parsed(name.trim()) : 'is no text';
      if (typeof proxy === 'object') proxies.push(...proxy);
      else complain(`${shown(name)} ${proxy}; expected ${EXPECTED_PROXIES}`);
    }
    return proxies.length === 0 ? undefined : new TrustedProxies(proxies);
  }

  /**
   * How the peer is known to be a trusted proxy: by its own verified certificate, or by where it is. Undefined: it is none.
   */
  trusts({ address, transport, certificate, verification }: Forwarder): 'by_certificate' | 'by_address' | undefined {
    if (verification?.result === 'ok' && certificate !== undefined) {
      const { fingerprint, spiffeId } = certificate;
      if (fingerprint !== undefined && this.#fingerprints.has(fingerprint)) return 'by_certificate';
      if (spiffeId !== undefined && this.#spiffeIds.has(spiffeId)) return 'by_certificate';
    }
    if (transport === 'pipe') return this.#unix ? 'by_address' : undefined;
    return address !== undefined && this.#isNear(address) ? 'by_address' : undefined;
  }

  #isNear(address: string): boolean {
    // A link-local peer comes with its interface: fe80::1%eth0.
    const bare = plainAddress(address.split('%', 1)[0]!);
    const family = isIP(bare);
    return family !== 0 && this.#addresses.check(bare, family === 4 ? 'ipv4' : 'ipv6');
  }
}

type TrustedProxy =
  | { readonly kind: 'unix' }
  | {
      readonly kind: 'network';
      readonly address: string;
      readonly bits: number;
      readonly family: 'ipv4' | 'ipv6';
    }
  | { readonly kind: 'fingerprint'; readonly fingerprint: string }
  | { readonly kind: 'spiffe'; readonly id: string };

/** What a name means, or what is wrong with it. */
function parsed(name: string): readonly TrustedProxy[] | string {
  const lower = name.toLowerCase();
  if (lower === 'loopback') return LOOPBACK;
  if (lower === 'unix') return [{ kind: 'unix' }];
  if (lower.startsWith('fingerprint:')) {
    const fingerprint = name.slice('fingerprint:'.length).replaceAll(':', '').trim().toUpperCase();
    return /^[0-9A-F]{64}$/.test(fingerprint)
      ? [{ kind: 'fingerprint', fingerprint }]
      : 'is no SHA-256 of 64 hex digits';
  }
  if (lower.startsWith('spiffe:')) {
    return isSpiffeId(name) ? [{ kind: 'spiffe', id: name }] : 'is no SPIFFE id';
  }
  return network(name);
}

function network(name: string): readonly TrustedProxy[] | string {
  const [written, length, ...more] = name.split('/');
  if (isIP(written!) === 0 || more.length > 0 || written!.includes('%')) return 'is not understood';
  // As the system writes it: ::ffff:a00:1 is ::ffff:10.0.0.1.
  const mapped =
    isIP(written!) === 6 ? plainAddress(new SocketAddress({ address: written!, family: 'ipv6' }).address) : written!;
  const family = isIP(mapped);
  const most = family === 4 ? 32 : 128;
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  const offset = family === isIP(written!) ? 0 : 96;
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) - offset : Number.NaN;
  if (!(bits >= 0 && bits <= most)) return `has no prefix length of ${offset + 1} to ${offset + most}`;
  if (bits === 0) return 'would trust everybody';
  return [{ kind: 'network', address: mapped, bits, family: family === 4 ? 'ipv4' : 'ipv6' }];
}

/** The IPv4 address of an IPv6 one that carries it (`::ffff:127.0.0.1`), as a server that listens on both sees it. */
function plainAddress(address: string): string {
  return /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1] ?? address;
}

const LOOPBACK: readonly TrustedProxy[] = [
  { kind: 'network', address: '127.0.0.0', bits: 8, family: 'ipv4' },
  { kind: 'network', address: '::1', bits: 128, family: 'ipv6' },
];

function shown(name: unknown): string {
  if (typeof name !== 'string') return `an entry of type ${name === null ? 'null' : typeof name}`;
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}...` : name);
}

/** The longest text of an IPv6 address is 45 characters, and a zone's name follows. */
const MAX_ADDRESS_LENGTH = 64;

/**
 * The peer behind an address: an IPv4 address itself, of an IPv6 address its /64, as one customer has all of that
 * (`2001:db8:0:1::/64`). Undefined where there is no address.
 */
export function peerOf(address: string | undefined): string | undefined {
  if (!address || address.length > MAX_ADDRESS_LENGTH) return undefined;
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1];
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    // A last group in the form of an IPv4 address stands for two.
    const length = after.length + (tail.includes('.') ? 1 : 0);
    while (groups.length + length < 8) groups.push('0');
    groups.push(...after);
  }
  const network = groups.slice(0, 4).map(group => group.toLowerCase().replace(/^0+(?=.)/, ''));
  // One text, and not two that V8 would keep for it: many are remembered.
  return [...network, '', '/64'].join(':');
}

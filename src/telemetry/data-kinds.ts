/**
 * What a value may give away, for whoever decides what may leave the process. A column of every table of attributes, without
 * a default: a new row has to say.
 *
 * - `neither`: of the connection, the verification or the failure; nobody is named.
 * - `identity`: names who is at the other end, or the certificate they have. A pseudonym in its place tells them apart.
 * - `certificate`: a whole one. A pseudonym of that would tell no more than one of its fingerprint.
 * - `text`: a sentence, in which somebody may be named, and an address.
 * - `address`: an address of the connection, or what leads to one: behind a NAT the port does.
 * - `host`: a name that was asked for, or an address in its place.
 * - `networks`: a list of networks with how many came from each, `192.0.2.0/24=17`.
 */
export type DataKind = 'neither' | 'identity' | 'certificate' | 'text' | 'address' | 'host' | 'networks';

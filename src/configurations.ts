import { readOwnCertificate } from './certificate/own-certificate';
import type { PeerCertificate } from './certificate/peer-certificate';
import { RevocationLists } from './certificate/revocation-lists';
import { TrustAnchors } from './certificate/trust-anchors';
import { boundedText } from './certificate/untrusted-text';
import {
  type ConfigurationObserver,
  type ConfiguredServer,
  contextsOf,
  isListening,
  madeOf,
  ownCertificateOf,
} from './hooks/secure-context-hook';
import type { Configuration, ConfigurationEvents } from './telemetry/configuration-events';

/** Servers that are remembered. Of more, the first are forgotten. */
const MAX_SERVERS = 200;
/** Contexts of one server that are looked at: one a name. */
const MAX_CONTEXTS = 200;
const MAX_NAME_BYTES = 256;

/** Between the hook and whoever wants to know what this process presents and whom it trusts. Holds on to no server. */
export class Configurations implements ConfigurationObserver {
  readonly #events: ConfigurationEvents | undefined;
  readonly #now: () => number;
  readonly #onConfigured: () => void;
  readonly #servers: KnownServer[] = [];

  /** `events` undefined: nobody wants to hear of changes. `onConfigured`: a server has another certificate, or its first. */
  constructor(events: ConfigurationEvents | undefined, now: () => number, onConfigured: () => void = () => {}) {
    this.#events = events;
    this.#now = now;
    this.#onConfigured = onConfigured;
  }

  configured(given: ConfiguredServer): void {
    const { server, name, before, after, listening, port } = given;
    this.#remember(server);
    // What a name is given before anybody can ask for it is no change.
    const changed = before !== undefined || (name !== undefined && listening);
    if (changed && this.#events) {
      this.#events.changed({
        before: before && configurationOf(before),
        after: configurationOf(after),
        name: name === undefined ? undefined : boundedText(name, MAX_NAME_BYTES, 'plain'),
        port,
        at: this.#now(),
      });
    }
    this.#onConfigured();
  }

  /** What servers present now, but for those that listened once and do so no longer. */
  get ownCertificates(): PeerCertificate[] {
    const found = new Set<PeerCertificate>();
    for (const known of [...this.#servers]) {
      const server = known.reference.deref();
      const listens = server !== undefined && isListening(server);
      if (server === undefined || (known.hasListened && !listens)) {
        this.#servers.splice(this.#servers.indexOf(known), 1);
        continue;
      }
      known.hasListened ||= listens;
      for (const context of contextsOf(server).slice(0, MAX_CONTEXTS)) {
        const der = ownCertificateOf(context);
        if (der) found.add(readOwnCertificate(der));
      }
    }
    return [...found];
  }

  #remember(server: object): void {
    if (this.#servers.some(({ reference }) => reference.deref() === server)) return;
    this.#servers.push({ reference: new WeakRef(server), hasListened: false });
    if (this.#servers.length > MAX_SERVERS) this.#servers.shift();
  }
}

interface KnownServer {
  readonly reference: WeakRef<object>;
  hasListened: boolean;
}

function configurationOf(context: object): Configuration {
  const der = ownCertificateOf(context);
  const certificate = der && readOwnCertificate(der);
  const made = madeOf(context);
  const anchors = TrustAnchors.from(made?.ca);
  const lists = RevocationLists.from(made?.crl);
  return {
    fingerprint: certificate?.fingerprint,
    notAfter: certificate?.notAfter,
    authorities: made?.ca === undefined ? undefined : anchors.size,
    authoritiesDigest: anchors.digest,
    revocationLists: lists.size,
    revocationListsDigest: lists.digest,
  };
}

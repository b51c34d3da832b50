import { type Attributes, context } from '@opentelemetry/api';
import type { Suspicion } from '../forwarded/forwarded-certificate';
import type { Endpoint } from '../handshake/handshake';
import type { TlsPeer } from '../identity/tls-peer';
import { CONNECTION_ID } from './attributes';
import { type EventLogger, SEVERITY_NUMBERS } from './event-sink';
import { REQUEST_EVENTS, type RequestEventName } from './events';
import type { FloodControl } from './flood-control';

/** Events of requests as log records, each in the context that is active: within the request's span, if it has one. */
export class RequestEvents {
  readonly #logger: (() => EventLogger) | undefined;
  readonly #flood: FloodControl;

  /** `logger` undefined: no events are wanted in the logs. */
  constructor(logger: (() => EventLogger) | undefined, flood: FloodControl) {
    this.#logger = logger;
    this.#flood = flood;
  }

  /** `at`: milliseconds since the epoch. `peerAddress`: strangers cause events, and there is a limit for each network. */
  say(eventName: RequestEventName, attributes: Attributes, at: number, peerAddress: string | undefined): void {
    if (this.#logger === undefined) return;
    const limit = this.#flood.limitReachedBy({ peerAddress, reason: eventName, at });
    if (limit !== undefined) {
      this.#flood.leftUnsaid('event', limit, 1);
      return;
    }
    const { brief, severity } = REQUEST_EVENTS[eventName];
    this.#logger().emit({
      eventName,
      timestamp: at,
      severityNumber: SEVERITY_NUMBERS[severity],
      severityText: severity,
      body: brief,
      attributes,
      context: context.active(),
    });
  }
}

/** What is said of a certificate header that is not believed. `direct` is who sent it, by our own handshake. */
export function suspicionAttributes(
  { reason, preset, header }: Suspicion,
  sender: Endpoint,
  direct: TlsPeer | undefined,
): Attributes {
  const said = { 'tls.forwarded.suspicion': reason, 'tls.forwarded.header': header, 'tls.proxy.preset': preset };
  return { ...said, ...senderAttributes(sender, direct) };
}

/** What is said of a request that was too large to be one. */
export function overflowAttributes(preset: string, sender: Endpoint, direct: TlsPeer | undefined): Attributes {
  return { 'tls.proxy.preset': preset, ...senderAttributes(sender, direct) };
}

/** `direct` is the sender by our own handshake. */
function senderAttributes({ address, port }: Endpoint, direct: TlsPeer | undefined): Attributes {
  const known: Attributes = {
    'network.peer.address': address,
    'network.peer.port': port,
    [CONNECTION_ID]: direct?.connectionId,
    'tls.verify.result': direct?.verification.result,
    'tls.client.subject': direct?.certificate?.subject,
    'tls.client.hash.sha256': direct?.certificate?.fingerprint,
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}

import { type Attributes, ROOT_CONTEXT } from '@opentelemetry/api';
import {
  CONFIGURATION_ATTRIBUTES,
  type Configuration,
  type ConfigurationChange,
  whatChanged,
} from './configuration-attributes';
import { type EventLogger, SEVERITY_NUMBERS } from './event-sink';
import { PROCESS_EVENTS } from './events';
import { MinuteLimit } from './minute-limit';
import type { Sink } from './sink';

export type { Configuration, ConfigurationChange };

const EVENT = 'tls.config.changed';

/** Who has a thousand tenants may change a thousand certificates at once. */
const SAID_A_MINUTE = 30;

/** How many changes were left unsaid since the last one that was said. Absent: none. */
export const CHANGES_UNSAID = 'tls.config.unsaid';

/** Changes that wait for an SDK. Of more, the first are forgotten, and counted. */
const MOST_HELD = SAID_A_MINUTE;

export interface ConfigurationEventParts {
  readonly logger: () => EventLogger;
  /** False as long as the logger leads nowhere. */
  readonly isHeard: () => boolean;
}

/**
 * Says when a server was given other certificates, authorities or revocation lists. Servers are configured before the first
 * handshake, and a preload starts its SDK at that: what nobody would hear yet is said with the first handshake that is
 * reported.
 */
export class ConfigurationEvents implements Sink {
  readonly #logger: () => EventLogger;
  readonly #isHeard: () => boolean;
  readonly #limit = new MinuteLimit(SAID_A_MINUTE);
  #held: ConfigurationChange[] = [];
  #forgotten = 0;

  constructor({ logger, isHeard }: ConfigurationEventParts) {
    this.#logger = logger;
    this.#isHeard = isHeard;
  }

  changed(change: ConfigurationChange): void {
    if (whatChanged(change).length === 0) return;
    this.#held.push(change);
    if (this.#held.length > MOST_HELD) {
      this.#held.shift();
      this.#forgotten++;
    }
    this.sayHeld();
  }

  report(): void {
    this.sayHeld();
  }

  /** Does nothing while nobody would hear it. */
  sayHeld(): void {
    if (this.#held.length === 0 || !this.#isHeard()) return;
    const held = this.#held;
    this.#held = [];
    for (const change of held) this.#say(change);
  }

  #say(change: ConfigurationChange): void {
    const beyondLimit = this.#limit.take(change.at);
    if (beyondLimit === undefined) return;
    const unsaid = beyondLimit + this.#forgotten;
    this.#forgotten = 0;
    const { severity, brief } = PROCESS_EVENTS[EVENT];
    const attributes: Attributes = {};
    for (const [name, row] of Object.entries(CONFIGURATION_ATTRIBUTES)) {
      const value = row.read(change);
      if (value !== undefined) attributes[name] = value;
    }
    if (unsaid > 0) attributes[CHANGES_UNSAID] = unsaid;
    this.#logger().emit({
      eventName: EVENT,
      timestamp: change.at,
      severityNumber: SEVERITY_NUMBERS[severity],
      severityText: severity,
      body: brief,
      attributes,
      context: ROOT_CONTEXT,
    });
  }
}

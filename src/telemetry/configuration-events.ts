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

export type { Configuration, ConfigurationChange };

const EVENT = 'tls.config.changed';

/** Who has a thousand tenants may change a thousand certificates at once. */
const SAID_A_MINUTE = 30;

/** How many changes were left unsaid since the last one that was said. Absent: none. */
export const CHANGES_UNSAID = 'tls.config.unsaid';

/** Says when a server was given other certificates, authorities or revocation lists. */
export class ConfigurationEvents {
  readonly #logger: () => EventLogger;
  readonly #limit = new MinuteLimit(SAID_A_MINUTE);

  constructor(logger: () => EventLogger) {
    this.#logger = logger;
  }

  changed(change: ConfigurationChange): void {
    if (whatChanged(change).length === 0) return;
    const unsaid = this.#limit.take(change.at);
    if (unsaid === undefined) return;
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

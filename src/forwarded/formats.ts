import type { Format } from './format';
import { nginx } from './nginx';

/** Every format, in the order in which they are told of. A new one is a file beside this one, and its line here. */
export const FORMATS = [nginx] as const satisfies readonly Format[];

/** What `forwarded.preset` may be. */
export type Preset = (typeof FORMATS)[number]['id'];

export const PRESETS: readonly Preset[] = FORMATS.map(format => format.id);

import { logs } from './logs.ts';
import { metrics } from './metrics/metrics.ts';
import { profiles } from './profiles.ts';
import { traces } from './spans.ts';

/** The signals of OpenTelemetry. A further one is a row here: types, counters and the configuration follow from it. */
export const signals = { metrics, logs, traces, profiles };

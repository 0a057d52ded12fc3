import type { Static } from 'typebox';
import type { Host } from '../component.ts';
import { duration } from '../config/schema/duration.ts';
import { Type } from '../config/schema/type.ts';
import { type Batch, bySignal } from '../telemetry/batch.ts';
import { createCumulative } from '../telemetry/metrics/temporality.ts';

/** Keys of an exporter that sends totals or deltas. */
export const temporalityKeys = {
  temporality: Type.Enum(['cumulative', 'delta'], {
    default: 'cumulative',
    description: 'What the destination wants: totals since a series began, or the deltas of each interval.',
  }),
  cumulative: Type.Object(
    {
      max_stale: duration({
        default: '10m',
        description: 'A series nothing comes for is forgotten after so long.',
      }),
      max_streams: Type.Integer({
        minimum: 1,
        default: 100_000,
        description: 'Series kept at most; points of further ones are dropped and counted.',
      }),
    },
    { additionalProperties: false, default: {} },
  ),
};

const temporalitySchema = Type.Object(temporalityKeys);

/** From the deltas of the pipelines to what the destination wants. */
export function converterTo(settings: Static<typeof temporalitySchema>, host: Host): (batch: Batch) => Batch {
  if (settings.temporality === 'delta') return (batch) => batch;
  const cumulative = createCumulative({
    maxStale: settings.cumulative.max_stale,
    maxStreams: settings.cumulative.max_streams,
    counters: host.counters,
    exporter: host.id,
  });
  return (batch) =>
    bySignal<Batch>(batch, {
      metrics: ({ signal, resourceMetrics }) => ({ signal, resourceMetrics: cumulative(resourceMetrics) }),
    }) ?? batch;
}

import { counter, listed } from '../../telemetry/emits.ts';
import { cumulativeCounters } from '../../telemetry/metrics/temporality.ts';
import { labelChanges } from './labels.ts';

/** Why a data point is not shown. */
export const reasons = {
  max_series: 'no room for another series',
  collision: 'another series has the same name and labels',
  type_conflict: 'its name belongs to a metric of another type',
  invalid_name: 'nothing of its name can be a name in Prometheus',
  out_of_order: 'older than what is shown',
} as const;

export type Reason = keyof typeof reasons;

export const prometheusCounters = {
  pointsDropped: counter({
    name: 'earshot.agent.exposition.points.dropped',
    unit: '{datapoint}',
    meaning: `Data points that an exporter does not show to Prometheus, by exporter and reason: ${listed(reasons)}. Each is also one of \`otelcol_exporter_send_failed_metric_points\`, reason \`partial\`.`,
    isLoss: false, // not a second time
  }),
  labelsChanged: counter({
    name: 'earshot.agent.exposition.labels.changed',
    unit: '{label}',
    meaning: `Attributes of new series that are no label of their own in Prometheus, by exporter and reason: ${listed(labelChanges)}.`,
    isLoss: false,
  }),
  seriesForgotten: cumulativeCounters.seriesForgotten,
} as const;

import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { messageOf } from '../telemetry/health.ts';

export interface ExportWatcher {
  succeeded(): void;
  failed(reason: string): void;
}

/** The exporter, with each result reported: the SDK itself reports none. */
export function watched(exporter: PushMetricExporter, watcher: ExportWatcher): PushMetricExporter {
  return {
    export(metrics, done) {
      exporter.export(metrics, (result) => {
        if (result.code === 0) watcher.succeeded();
        else watcher.failed(result.error ? messageOf(result.error) : 'no reason given');
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    ...(exporter.selectAggregation && { selectAggregation: exporter.selectAggregation.bind(exporter) }),
    ...(exporter.selectAggregationTemporality && {
      selectAggregationTemporality: exporter.selectAggregationTemporality.bind(exporter),
    }),
  };
}

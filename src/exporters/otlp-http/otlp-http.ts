import { tlsFiles } from '../../client/tls.ts';
import type { RequestExporterComponent, Stability } from '../../component.ts';
import { cumulativeCounters } from '../../telemetry/metrics/temporality.ts';
import type { OtlpSignal } from '../../telemetry/otlp.ts';
import { configProblems } from './check.ts';
import { otlpHttpConfig } from './config.ts';

export const otlpHttp: RequestExporterComponent<typeof otlpHttpConfig> = {
  kind: 'exporter',
  type: 'otlp_http',
  aliases: ['otlphttp'],
  summary: 'Sends metrics, events and spans to an OpenTelemetry Collector or backend: OTLP over HTTP.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha' } satisfies Record<OtlpSignal, Stability>,
  shape: 'request',
  delivery: { timeout: '30s' },
  config: otlpHttpConfig,
  emits: { counters: Object.values(cumulativeCounters) },
  check: configProblems,
  files: ({ tls }) => tlsFiles(tls),
  open: async (settings, host) => (await import('./exporter.ts')).openExporter(settings, host),
};

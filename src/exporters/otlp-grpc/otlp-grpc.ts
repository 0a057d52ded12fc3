import { tlsFiles } from '../../client/tls.ts';
import type { RequestExporterComponent, Stability } from '../../component.ts';
import { cumulativeCounters } from '../../telemetry/metrics/temporality.ts';
import type { OtlpSignal } from '../../telemetry/otlp.ts';
import { connectionProblems } from './check.ts';
import { otlpGrpcConfig } from './config.ts';

export const otlpGrpc: RequestExporterComponent<typeof otlpGrpcConfig> = {
  kind: 'exporter',
  type: 'otlp_grpc',
  aliases: ['otlp'],
  summary: 'Sends metrics, events and spans to an OpenTelemetry Collector or backend: OTLP over gRPC.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha' } satisfies Record<OtlpSignal, Stability>,
  shape: 'request',
  delivery: { timeout: '5s' },
  config: otlpGrpcConfig,
  emits: { counters: Object.values(cumulativeCounters) },
  check: connectionProblems,
  files: ({ tls }) => tlsFiles(tls),
  open: async (settings, host) => (await import('./exporter.ts')).openExporter(settings, host),
};

import { createSecureContext } from 'node:tls';
import type { MetricProducer, MetricReader } from '@opentelemetry/sdk-metrics';
import type { ReaderConfig } from '../config/schema/telemetry.ts';
import { type HttpServer, serveHttp } from '../net/http-server.ts';
import { toMilliseconds } from '../telemetry/units.ts';
import { type ExportWatcher, watched } from './watched-exporter.ts';

export interface OpenedReader {
  readonly reader: MetricReader;
  /** Begins to serve; a reader that sends begins by itself. */
  listen(): Promise<HttpServer | undefined>;
}

/** The exporters are loaded here: an agent without readers does not pay for them. */
export async function openReader(
  { pull, periodic }: ReaderConfig,
  { producer, watcher }: { readonly producer: MetricProducer; readonly watcher: ExportWatcher },
): Promise<OpenedReader> {
  const metricProducers = [producer];
  if (pull) {
    const { host, port, without_scope_info, without_target_info } = pull.exporter.prometheus;
    const { PrometheusExporter } = await import('@opentelemetry/exporter-prometheus');
    const reader = new PrometheusExporter({
      ...{ metricProducers, preventServerStart: true },
      ...{ withoutScopeInfo: without_scope_info, withoutTargetInfo: without_target_info },
    });
    const listen = () =>
      serveHttp(
        `${host.includes(':') ? `[${host}]` : host}:${port}`,
        (request, response) => {
          if (request.url?.split('?')[0] === '/metrics') reader.getMetricsRequestHandler(request, response);
          else response.writeHead(404).end();
        },
        watcher.failed,
      );
    return { reader, listen };
  }
  if (periodic === undefined) throw new Error('a checked reader is pull or periodic');
  const { endpoint, headers, compression, timeout } = periodic.exporter.otlp;
  const [
    { OTLPMetricExporter },
    { credentials },
    { metadataOf },
    { hostOf, TlsCredentials },
    { PeriodicExportingMetricReader },
  ] = await Promise.all([
    import('@opentelemetry/exporter-metrics-otlp-grpc'),
    import('@grpc/grpc-js'),
    import('../client/grpc-metadata.ts'),
    import('../client/grpc-credentials.ts'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const { protocol, host } = new URL(endpoint);
  type Config = NonNullable<ConstructorParameters<typeof OTLPMetricExporter>[0]>;
  const exporter = new OTLPMetricExporter({
    ...{ url: endpoint, metadata: metadataOf(headers), timeoutMillis: toMilliseconds(timeout) },
    compression: compression as NonNullable<Config['compression']>, // its enum is of these texts
    credentials:
      protocol === 'https:'
        ? new TlsCredentials(createSecureContext(), { name: hostOf(host) })
        : credentials.createInsecure(),
  });
  const interval = toMilliseconds(periodic.interval);
  const reader = new PeriodicExportingMetricReader({
    ...{ exporter: watched(exporter, watcher), metricProducers, exportIntervalMillis: interval },
    exportTimeoutMillis: Math.min(interval, toMilliseconds(timeout)),
  });
  return { reader, listen: async () => undefined };
}

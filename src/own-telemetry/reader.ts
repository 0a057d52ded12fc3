import { createSecureContext } from 'node:tls';
import type { Metadata } from '@grpc/grpc-js';
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
    { Metadata: Headers, credentials },
    { hostOf, TlsCredentials },
    { PeriodicExportingMetricReader },
  ] = await Promise.all([
    import('@opentelemetry/exporter-metrics-otlp-grpc'),
    import('@grpc/grpc-js'),
    import('../client/grpc-credentials.ts'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const { protocol, host } = new URL(endpoint);
  const metadata = new Headers();
  for (const [name, value] of Object.entries(headers)) setHeader(metadata, name, value);
  type Config = NonNullable<ConstructorParameters<typeof OTLPMetricExporter>[0]>;
  const exporter = new OTLPMetricExporter({
    ...{ url: endpoint, metadata, timeoutMillis: toMilliseconds(timeout) },
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

/** gRPC's own error has the value. */
function setHeader(metadata: Metadata, name: string, value: string): void {
  try {
    metadata.set(name, value);
  } catch {
    throw new Error(
      'name or value of a header of service::telemetry::metrics has a character that gRPC does not carry',
    );
  }
}

import type { HeldExporterComponent } from '../../component.ts';
import { serverTlsFiles, serverTlsProblems } from '../../config/schema/server-tls.ts';
import { listenProblem } from '../../net/host-port.ts';
import { prometheusCounters } from './emits.ts';
import { config, exampleEndpoint } from './settings.ts';

export const prometheus: HeldExporterComponent<typeof config> = {
  kind: 'exporter',
  type: 'prometheus',
  summary:
    'Shows the totals of metrics to Prometheus, which scrapes them: as text, OpenMetrics or protobuf with native histograms.',
  stability: { metrics: 'beta' },
  shape: 'held',
  config,
  ownsPlace: true,
  emits: { counters: Object.values(prometheusCounters) },
  check({ endpoint, tls }) {
    const message = listenProblem(endpoint, exampleEndpoint);
    return [
      ...(message === undefined ? [] : [{ path: ['endpoint'], message }]),
      ...(tls ? serverTlsProblems(tls) : []),
    ];
  },
  files: ({ tls }) => (tls ? serverTlsFiles(tls) : []),
  open: async (settings, host) => (await import('./exporter.ts')).openExporter(settings, host),
};

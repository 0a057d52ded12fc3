import type { ReceiverComponent, Stability } from '../../component.ts';
import { serverTlsFiles } from '../../config/schema/server-tls.ts';
import type { OtlpSignal } from '../../telemetry/otlp.ts';
import { otlpConfig, otlpProblems } from './config.ts';
import { intakeEmits } from './emits.ts';

export const otlp: ReceiverComponent<typeof otlpConfig> = {
  kind: 'receiver',
  type: 'otlp',
  summary: 'Takes metrics, logs and traces that applications and Collectors send: OTLP over gRPC and HTTP.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'beta' } satisfies Record<OtlpSignal, Stability>,
  config: otlpConfig,
  ownsPlace: true,
  emits: intakeEmits,
  check: otlpProblems,
  files: ({ protocols }) => Object.values(protocols).flatMap(({ tls }) => (tls ? serverTlsFiles(tls) : [])),
  open: async (settings, host) => (await import('./receiver.ts')).openReceiver(settings, host),
};

import type { Static } from 'typebox';
import { otlpGrpc } from '../../../../src/exporters/otlp-grpc/otlp-grpc.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import type { Batch } from '../../../../src/telemetry/batch.ts';
import { type Interval, resource, resourceMetrics, sum } from '../../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { startOtlpReceiver } from '../../../lab/otlp-receiver.ts';
import { fakeHost } from '../../fake-host.ts';
import { settingUp, sharedDefaults, tlsOff } from '../otlp-fixture.ts';

// A proxy in the environment is not what is tested here.
process.env.no_grpc_proxy = '127.0.0.1,localhost';

export type Settings = Static<typeof otlpGrpc.config>;

export const defaults: Omit<Settings, 'endpoint'> = {
  ...sharedDefaults,
  tls: tlsOff,
  temporality: 'cumulative',
};

export const setUp = settingUp(otlpGrpc, { defaults, start: startOtlpReceiver });

export const interval = (n = 0): Interval => ({
  start: (1_700_000_000_000_000_001n + BigInt(n) * 10_000_000_000n) as UnixNanoseconds,
  end: (1_700_000_010_000_000_001n + BigInt(n) * 10_000_000_000n) as UnixNanoseconds,
});
export const workload = (id: string) => resource({ [resourceAttributes.serviceInstanceId.key]: id });
export const runBatch = (ids: readonly string[], n = 0): Batch => ({
  signal: 'metrics',
  resourceMetrics: ids.map((id) =>
    resourceMetrics(workload(id), [sum(waitMetrics.runTime, interval(n), [{ value: 1.5 }])]),
  ),
});
export const one = runBatch(['a']);
export const numbered = (count: number) => Array.from({ length: count }, (_, n) => `workload-${n}`);

export const opening = (settings: Partial<Settings>) =>
  otlpGrpc.open({ ...defaults, endpoint: '127.0.0.1:1', ...settings }, fakeHost('otlp_grpc').host);

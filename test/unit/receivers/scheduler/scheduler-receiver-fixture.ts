import assert from 'node:assert/strict';
import type { DataPoint, MetricData } from '@opentelemetry/sdk-metrics';
import type { Pull } from '../../../../src/component.ts';
import { schedulerEmits } from '../../../../src/receivers/scheduler/emits.ts';
import { receiveFrom } from '../../../../src/receivers/scheduler/receiver.ts';
import type { SourceDescription } from '../../../../src/receivers/scheduler/source.ts';
import type { Batch, Signal } from '../../../../src/telemetry/batch.ts';
import { milliseconds, seconds, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { assertDeclared } from '../../declared.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';
import { fakeHost } from '../../fake-host.ts';
import { cgroupReading, fakeSource, pairReading } from './readings.ts';

export const settings = {
  interval: seconds(10),
  min_wait: milliseconds(5),
  sample: 1000,
  events_per_second: 5,
  max_workloads: 512,
  max_pairs: 4096,
  max_culprits: 10,
  measure_cost: seconds(3600),
  include: [] as string[],
  exclude: [] as string[],
};

export interface SetUp {
  readonly settings?: Partial<typeof settings>;
  readonly description?: Partial<SourceDescription>;
  /** What the pipelines take. */
  readonly signals?: readonly Signal[];
}

export async function setUp({
  settings: own = {},
  description = {},
  signals = ['metrics', 'logs'],
}: SetUp = {}) {
  const fake = fakeSource(description);
  const cgroups = new FakeCgroups();
  const clock = { now: 1_700_000_000_000_000_000n };
  const { host, logged } = fakeHost('scheduler', schedulerEmits);
  const receiver = receiveFrom(
    fake.source,
    { ...settings, ...own },
    {
      host: {
        ...host,
        signals: new Set(signals),
        clock: { ...host.clock, now: () => clock.now as UnixNanoseconds },
      },
      cgroups,
    },
  );
  const pull = (name: string): Pull => {
    const found = receiver.pulls?.find((it) => it.name === name);
    assert.ok(found);
    return found;
  };
  const collect = async (name: string): Promise<Batch> => {
    const [batch, ...others] = await pull(name).collect();
    assert.ok(batch);
    assert.deepEqual(others, []);
    assertDeclared(batch, schedulerEmits);
    return batch;
  };
  const read = async () => {
    const batch = await collect('metrics');
    assert.ok(batch.signal === 'metrics');
    return batch.resourceMetrics.map(({ resource, scopeMetrics }) => ({
      resource: resource.attributes,
      metrics: new Map(
        scopeMetrics.flatMap((scope) => scope.metrics).map((metric) => [metric.descriptor.name, metric]),
      ),
    }));
  };
  const drain = async () => {
    const batch = await collect('events');
    assert.ok(batch.signal === 'logs');
    return batch.records;
  };
  return {
    ...fake,
    receiver,
    cgroups,
    clock,
    counters: host.counters,
    logged,
    monotonic: host.clock.monotonic,
    pull,
    read,
    drain,
  };
}

export const values = (metric: MetricData | undefined) =>
  (metric?.dataPoints as DataPoint<number>[] | undefined)?.map(({ value, attributes }) => [
    value,
    attributes,
  ]);

export const busy = cgroupReading(
  { self: 1e9, other: 3e9, throttled: 2e9, idle: 5e8 },
  {
    run: seconds(4),
    preemptedBySelf: 5,
    preemptedByKernel: 6,
    buckets: new Map([
      [-10, 2],
      [-7, 1],
    ]),
    zeroCount: 3,
  },
);
export const blamed = [pairReading(2n, { other: 3e9, preemptions: 7 }), pairReading(3n, { throttled: 2e9 })];

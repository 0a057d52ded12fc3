import assert from 'node:assert/strict';
import type { DataPoint } from '@opentelemetry/sdk-metrics';
import {
  type CgroupFiles,
  type CpuEntitlement,
  type CpuStatistics,
  type Pressure,
  type PressureResource,
  pressureResources,
} from '../../../../src/cgroup/files/files.ts';
import { cgroup as receiver } from '../../../../src/receivers/cgroup/cgroup.ts';
import { cgroupEmits, readingsDropped } from '../../../../src/receivers/cgroup/emits.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import {
  cgroupId,
  milliseconds,
  nanoseconds,
  seconds,
  type UnixNanoseconds,
} from '../../../../src/telemetry/units.ts';
import { assertDeclared } from '../../declared.ts';
import { FakeBpf } from '../../fake-bpf.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';
import { fakeHost } from '../../fake-host.ts';

/** Contents of the files of one cgroup; a function may throw, as a file that cannot be read does. */
export interface FakeCgroup {
  entitlement?: CpuEntitlement;
  statistics?: CpuStatistics | (() => CpuStatistics);
  throttledLocal?: bigint;
  pressures?: Partial<Record<PressureResource, Pressure>>;
  hasProcesses?: boolean;
  /** Listed, and removed before it is read. */
  isGone?: true;
}

export const still: CpuStatistics = { periods: 0, throttledPeriods: 0, throttled: 0n, usage: 0n };
export const quota = { quota: milliseconds(20), period: milliseconds(100), burst: nanoseconds(0) };
export const pod = '/kubepods/burstable/pod0a1b2c3d-0000-4000-8000-000000000001';
export const container = `${pod}/${'0123456789abcdef'.repeat(4)}`;

export const settings = {
  interval: seconds(10),
  pressure: true,
  max_cgroups: 4096,
  include: [] as string[],
  exclude: [] as string[],
};

export async function setUp(cgroups: Record<string, FakeCgroup>, own: Partial<typeof settings> = {}) {
  const seen = new FakeCgroups();
  const { host, logged } = fakeHost('cgroup', cgroupEmits, seen);
  const clock = { now: 1_700_000_000_000_000_000n, elapsed: 0 };
  const asked: string[] = [];
  const ids = new Map<string, bigint>();
  const idOf = (path: string) => {
    const id = ids.get(path) ?? BigInt(ids.size + 1);
    ids.set(path, id);
    return cgroupId(id);
  };
  const of = (path: string) => {
    const found = cgroups[path];
    return found?.isGone ? undefined : found;
  };
  const files: CgroupFiles = {
    version: 2,
    pressures: pressureResources,
    cpu: (path) => of(path) && (of(path)?.entitlement ?? {}),
    weight: (path) => of(path)?.entitlement?.weight,
    cpuStatistics(path) {
      const statistics = of(path)?.statistics;
      return typeof statistics === 'function' ? statistics() : statistics;
    },
    throttledLocally(path) {
      asked.push(`${path} held back`);
      return of(path)?.throttledLocal;
    },
    pressure(path, resource) {
      asked.push(`${path} ${resource}`);
      return of(path)?.pressures?.[resource];
    },
    hasProcesses: (path) => of(path)?.hasProcesses ?? false,
  };
  seen.files = files;
  seen.living = function* () {
    for (const path of Object.keys(cgroups)) yield { id: idOf(path), path };
  };
  const opened = await receiver.open(
    { ...settings, ...own },
    {
      ...host,
      clock: {
        ...host.clock,
        now: () => clock.now as UnixNanoseconds,
        elapsed: () => nanoseconds(clock.elapsed),
      },
      bpf: Object.assign(new FakeBpf(), { lacks: ['it needs no eBPF'] }),
    },
  );
  /** After an interval: attributes of points and values, by metric, by path. */
  const read = async () => {
    clock.now += 10_000_000_000n;
    clock.elapsed += 10e9;
    const [batch, ...others] = (await opened.pulls?.[0]?.collect()) ?? [];
    assert.deepEqual(others, []);
    assert.equal(batch?.signal ?? 'metrics', 'metrics');
    const resourceMetrics = batch?.signal === 'metrics' ? batch.resourceMetrics : [];
    if (batch) assertDeclared(batch, cgroupEmits);
    return new Map(
      resourceMetrics.map(({ resource, scopeMetrics }) => {
        const path = [...ids].find(
          ([, id]) => String(id) === resource.attributes[resourceAttributes.cgroupId.key],
        )?.[0];
        const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
        return [path ?? '?', new Map(metrics.map((metric) => [metric.descriptor.name, metric]))];
      }),
    );
  };
  const rename = (from: string, to: string) => {
    ids.set(to, idOf(from));
    ids.delete(from);
  };
  return { read, rename, counters: host.counters, logged, asked, clock };
}

export type Read = Awaited<ReturnType<Awaited<ReturnType<typeof setUp>>['read']>>;

export const points = (read: Read, path: string, { name }: { readonly name: string }) =>
  ((read.get(path)?.get(name)?.dataPoints ?? []) as DataPoint<number>[]).map(({ value, attributes }) => [
    value,
    attributes,
  ]);
export const value = (read: Read, path: string, metric: { readonly name: string }) =>
  points(read, path, metric)[0]?.[0];

export const dropped = ({ counters }: Awaited<ReturnType<typeof setUp>>) =>
  Object.fromEntries(
    counters
      .read()
      .filter(({ metric }) => metric === readingsDropped)
      .map(({ attributes, value: count }) => [attributes.reason, count]),
  );

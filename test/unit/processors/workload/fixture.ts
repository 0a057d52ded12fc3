import assert from 'node:assert/strict';
import type { Attributes } from '@opentelemetry/api';
import type { CgroupFiles } from '../../../../src/cgroup/files/files.ts';
import type { Host } from '../../../../src/component.ts';
import { components } from '../../../../src/components.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import type { ContainerFacts, PodFacts } from '../../../../src/identity/facts.ts';
import type { FactSink, Source, SourceName, SourceState } from '../../../../src/identity/source.ts';
import type { WorkloadConfig } from '../../../../src/processors/workload/config.ts';
import { workloadEmits } from '../../../../src/processors/workload/emits.ts';
import { openWorkload } from '../../../../src/processors/workload/workload.ts';
import { waitEvent } from '../../../../src/receivers/scheduler/emits.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { type Batch, mapBatch } from '../../../../src/telemetry/batch.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import { resource, resourceMetrics, sum } from '../../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { cgroupId, nanoseconds, seconds, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';
import { fakeHost } from '../../fake-host.ts';

/** A configuration of the processor as the loader checks and completes it. Throws the loader's error. */
export function workloadSettings(written: object = {}): WorkloadConfig {
  const text = JSON.stringify({
    receivers: { agent: {} },
    processors: { workload: written },
    exporters: { table: {} },
    service: {
      pipelines: { metrics: { receivers: ['agent'], processors: ['workload'], exporters: ['table'] } },
    },
  });
  const config = loadConfig({ files: ['test'], sets: [], environment: {}, readFile: () => text }, components);
  return config.processors.get('workload')?.config as unknown as WorkloadConfig; // by the schema of `workload`
}

/** A source whose facts the test sets. */
export class FakeSource implements Source {
  readonly name: SourceName;
  readonly facts: FactSink;
  readonly requested: { readonly containerId?: string; readonly podUid?: string }[] = [];
  state: SourceState = 'ready';
  readonly reason = undefined;
  ticks = 0;
  closed = 0;

  constructor(name: SourceName, facts: FactSink) {
    this.name = name;
    this.facts = facts;
  }

  tick(): void {
    this.ticks += 1;
  }

  requestLookup(what: { readonly containerId?: string; readonly podUid?: string }): void {
    this.requested.push(what);
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

const noFiles: CgroupFiles = {
  version: 2,
  pressures: [],
  cpu: () => undefined,
  weight: () => undefined,
  cpuStatistics: () => undefined,
  throttledLocally: () => undefined,
  pressure: () => undefined,
  hasProcesses: () => false,
};

export interface FixtureOptions {
  readonly settings?: object;
  /** Sources there are. */
  readonly sources?: readonly SourceName[];
  readonly paths?: Readonly<Record<string, string>>;
  /** The files of cgroups. */
  readonly cpu?: CgroupFiles['cpu'];
  readonly path?: FakeCgroups['path'];
  readonly own?: string;
}

/** The processor over fake cgroups and fake sources, with a clock that the test moves. */
export async function fixture({ settings, sources = [], paths = {}, own, ...more }: FixtureOptions = {}) {
  const cgroups = new FakeCgroups();
  const learn = (id: string, path: string) => cgroups.set(cgroupId(BigInt(id)), path);
  for (const [id, path] of Object.entries(paths)) learn(id, path);
  if (more.path) cgroups.path = more.path;
  if (more.cpu) cgroups.files = { ...noFiles, cpu: more.cpu };
  if (own !== undefined) cgroups.ownId = cgroupId(BigInt(own));
  const { host, logged, runTasks } = fakeHost('workload', workloadEmits, cgroups);
  let elapsed = 0;
  const opened = new Map<SourceName, FakeSource>();
  const all: Host = {
    ...host,
    clock: { ...host.clock, elapsed: () => nanoseconds(elapsed) },
  };
  const processor = await openWorkload(workloadSettings(settings), all, (name, { facts }) => {
    if (!sources.includes(name)) return undefined;
    const source = new FakeSource(name, facts);
    opened.set(name, source);
    return source;
  });
  const [pull] = processor.pulls ?? [];
  assert.ok(pull);
  return {
    ...{ processor, host: all, logged, learn },
    source: (name: SourceName) => opened.get(name) ?? assert.fail(`${name} was not opened`),
    pass: (time: number) => {
      elapsed += seconds(time);
    },
    pull() {
      void runTasks(); // the sources' only task is done when it returns
      return pull.collect() as readonly Batch[];
    },
    /** Totals of a counter, of both signals, by the values of its other attributes. */
    counted(name: string) {
      const totals: Record<string, number> = {};
      for (const { attributes, value } of all.counters
        .read()
        .filter((counter) => counter.metric.name === name)) {
        const { component, signal, ...rest } = attributes;
        const key = Object.values(rest).join(' ');
        totals[key] = (totals[key] ?? 0) + value;
      }
      return totals;
    },
  };
}

const interval = { start: 1_000_000_000n as UnixNanoseconds, end: 11_000_000_000n as UnixNanoseconds };

/** A reading about victims, each with its points of blame. */
export function reading(
  ...victims: readonly (readonly [of: Attributes | string, ...points: Attributes[]])[]
): Batch {
  return {
    signal: 'metrics',
    resourceMetrics: victims.map(([of, ...points]) =>
      resourceMetrics(
        resource(
          typeof of === 'string'
            ? { [resourceAttributes.cgroupId.key]: of, [resourceAttributes.hostName.key]: 'node' }
            : of,
        ),
        [
          sum(
            waitMetrics.blameTime,
            interval,
            (points.length ? points : [{}]).map((attributes) => ({ value: 1, attributes })),
          ),
        ],
      ),
    ),
  };
}

export function waits(...of: readonly (readonly [victim: string, attributes?: Attributes])[]): Batch {
  return {
    signal: 'logs',
    records: of.map(([id, attributes = {}]) =>
      event(waitEvent, {
        resource: resource({
          [resourceAttributes.cgroupId.key]: id,
          [resourceAttributes.hostName.key]: 'node',
        }),
        at: interval.end,
        observed: interval.end,
        attributes,
      }),
    ),
  };
}

/** The contents of a batch: resources with the attributes of their points, in order. */
export function read(
  batch: Batch,
): { readonly victim: Attributes; readonly points: readonly Attributes[] }[] {
  const contents: { readonly victim: Attributes; readonly points: Attributes[] }[] = [];
  mapBatch(batch, {
    resource(of) {
      contents.push({ victim: of.attributes, points: [] });
      return of;
    },
    item(attributes) {
      contents.at(-1)?.points.push(attributes);
      return attributes;
    },
  });
  return contents;
}

export const uid = 'f6f2d169-f2ae-4afa-95ed-06ff2ed6b288';
export const containerId = '3f'.repeat(32);
export const containerPath = `/kubepods/burstable/pod${uid}/${containerId}`;

export const pod: PodFacts = {
  uid,
  name: 'web-7d4b9c5f6-x2x4z',
  namespace: 'shop',
  node: 'node-a',
  labels: { app: 'web', 'pod-template-hash': '7d4b9c5f6' },
  annotations: {},
  owners: [
    { kind: 'ReplicaSet', name: 'web-7d4b9c5f6' },
    { kind: 'Deployment', name: 'web' },
  ],
};

export const container: ContainerFacts = {
  id: containerId,
  name: 'app',
  podUid: uid,
  runtime: 'containerd',
  image: { name: 'registry.example/shop/web', tag: '1.2', digest: `sha256:${'ab'.repeat(32)}` },
  restartCount: 3,
  resources: { cpuRequest: 0.25, cpuLimit: 0.5 },
};

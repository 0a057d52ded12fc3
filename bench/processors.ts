/**
 * How many batches a second go through three processors to OTLP bytes, and what do they allocate?
 *
 *     bench/processors.ts [--workloads 200] [--rounds 60]
 *
 * A batch is a reading of that many workloads, with the attributes that `workload` and `contention` give. CPU time of two
 * batches, which `batch` makes one request of, variants in turns. The ratio is to encoding the two as OTLP, without any
 * processor. What is allocated on the heap is measured apart, between two collections, where Node.js has the flags
 * `--expose-gc --min-semi-space-size=256 --max-semi-space-size=256`: nothing is collected meanwhile.
 */
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { type Processed, type Processor, resultsOf } from '../src/component.ts';
import { attributes } from '../src/processors/attributes.ts';
import { batch } from '../src/processors/batch.ts';
import { filter } from '../src/processors/filter/filter.ts';
import { type Batch, itemCount } from '../src/telemetry/batch.ts';
import { resource, resourceMetrics, sum } from '../src/telemetry/metrics/build.ts';
import { codecOf } from '../src/telemetry/otlp.ts';
import type { UnixNanoseconds } from '../src/telemetry/units.ts';
import { fakeHost } from '../test/unit/fake-host.ts';
import { loadProcessor } from '../test/unit/processors/load-processor.ts';

const { values } = parseArgs({
  options: {
    workloads: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '60' },
  },
});
const [workloads, rounds] = [Number(values.workloads), Number(values.rounds)];

const time = {
  name: 'earshot.wait.time',
  kind: 'sum',
  unit: 's',
  meaning: 'Time that threads waited.',
} as const;
const blame = { name: 'earshot.blame.time', kind: 'sum', unit: 's', meaning: 'What culprits ran.' } as const;
const causes = ['self', 'sibling', 'neighbor', 'system', 'kernel', 'irq', 'throttled', 'idle'];

const resources = Array.from({ length: workloads }, (_, n) =>
  resource({
    ...{ 'host.name': 'node-1', 'service.instance.id': `instance-${n}`, 'earshot.cgroup.id': String(n) },
    ...{ 'k8s.namespace.name': n % 10 === 0 ? 'kube-system' : `team-${n % 7}`, 'k8s.pod.name': `pod-${n}` },
    ...{ 'k8s.container.name': 'app', 'k8s.deployment.name': `deployment-${n % 40}` },
  }),
);

/** A point for each cause, one in eight of which the filter drops, and ten culprits. */
function reading(n: number): Batch {
  const second = 1_700_000_000n + BigInt(n) * 5n;
  const at = (offset: bigint) => ((second + offset) * 1_000_000_000n) as UnixNanoseconds;
  const interval = { start: at(0n), end: at(5n) };
  return {
    signal: 'metrics',
    resourceMetrics: resources.map((of, workload) =>
      resourceMetrics(of, [
        sum(
          time,
          interval,
          causes.map((cause, index) => ({
            value: index / 100,
            attributes: { 'earshot.cause': cause },
          })),
        ),
        sum(
          blame,
          interval,
          Array.from({ length: 10 }, (_, culprit) => ({
            value: culprit / 50,
            attributes: {
              ...{ 'earshot.cause': 'neighbor', 'earshot.culprit.cgroup.id': String(culprit) },
              ...{ 'earshot.culprit.name': `team-${culprit}/pod-${(workload + culprit) % workloads}/app` },
            },
          })),
        ),
      ]),
    ),
  };
}

const settings = {
  filter: {
    metrics: {
      resource: ['attributes["k8s.namespace.name"] == "kube-system"'],
      datapoint: ['attributes["earshot.cause"] == "idle" and value_double < 0.1'],
    },
  },
  attributes: {
    actions: [
      { key: 'cluster', value: 'one', action: 'insert' },
      { key: 'earshot.culprit.cgroup.id', action: 'delete' },
    ],
  },
  batch: { send_batch_size: 1_000_000_000, timeout: '1h' },
} as const;

/** Stages of the pipeline, as functions of the batches that come. */
type Stage = (batches: readonly Batch[]) => readonly Batch[];

const stage = ({ process, flush }: Processor<Processed>): Stage => {
  return (batches) => [...batches.flatMap((each) => resultsOf(process(each))), ...(flush?.() ?? [])];
};

const configOf = (type: keyof typeof settings): unknown => loadProcessor(type, settings[type]);
type ConfigOf<C extends { open(config: never, host: never): unknown }> = Parameters<C['open']>[0];

const { host } = fakeHost('bench');
const filtering = stage(await filter.open(configOf('filter') as ConfigOf<typeof filter>, host));
const changing = stage(await attributes.open(configOf('attributes') as ConfigOf<typeof attributes>, host));
const batching = stage(await batch.open(configOf('batch') as ConfigOf<typeof batch>, host));

const { encode } = codecOf('metrics');
const encoded = (batches: readonly Batch[]) =>
  batches.reduce((sum, each) => sum + (itemCount(each) > 0 ? encode(each, 'proto').length : 0), 0);

/** Each gives what the next one of the pipeline gets, or bytes. */
const variants = ['encoding alone', 'filter', 'attributes', 'batch', 'all three, and encoding'] as const;
type Variant = (typeof variants)[number];
const runs: Readonly<Record<Variant, (batches: readonly Batch[]) => unknown>> = {
  'encoding alone': encoded,
  filter: filtering,
  attributes: changing,
  batch: batching,
  'all three, and encoding': (batches) => encoded(batching(changing(filtering(batches)))),
};

/** ms of CPU. */
function costOf(run: () => unknown): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** KiB of the heap. */
function allocatedBy(run: () => unknown, collect: () => unknown): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  run();
  return (process.memoryUsage().heapUsed - before) / 1024;
}

const pairs = Array.from({ length: 4 }, (_, n) => [reading(2 * n), reading(2 * n + 1)] as const);
const costs = new Map<Variant, number[]>(variants.map((variant) => [variant, []]));
const allocated = new Map<Variant, number[]>(variants.map((variant) => [variant, []]));

for (let round = -10; round < rounds; round += 1) {
  const pair = pairs[Math.abs(round) % pairs.length] ?? [];
  for (const variant of variants) {
    const cost = costOf(() => runs[variant](pair));
    if (round >= 0) costs.get(variant)?.push(cost); // compiled by then
  }
}
const { gc } = globalThis;
for (let round = 0; gc && round < 5; round += 1)
  for (const variant of variants)
    allocated.get(variant)?.push(allocatedBy(() => runs[variant](pairs[round % pairs.length] ?? []), gc));

const at = (of: readonly number[] = [], part: number) =>
  of.toSorted((a, b) => a - b)[Math.floor(part * (of.length - 1))] ?? Number.NaN;
const median = (of: ReadonlyMap<Variant, readonly number[]>, variant: Variant) => at(of.get(variant), 0.5);
const ratio = (of: ReadonlyMap<Variant, readonly number[]>, variant: Variant) =>
  (median(of, variant) / median(of, 'encoding alone')).toFixed(2);

const [first = []] = pairs;
const points = first.reduce((sum, each) => sum + itemCount(each), 0);
console.log(
  `${new Date().toISOString()}, Linux ${release()}, ${cpus().length} CPUs, Node.js ${process.version}\n` +
    `${workloads} workloads, ${points / 2} points a batch, ${rounds} rounds: batches a second of CPU\n` +
    `OTLP: ${encoded(first)} B, behind the processors ${encoded(batching(changing(filtering(first))))} B\n\n` +
    `${'variant'.padEnd(26)}   minimum    median   maximum  to encoding  KiB a batch  to encoding`,
);
for (const variant of variants) {
  const rates = [1, 0.5, 0]
    .map((part) => (2000 / at(costs.get(variant), part)).toFixed(0).padStart(10))
    .join('');
  const memory = gc ? (median(allocated, variant) / 2).toFixed(0) : '';
  console.log(
    `${variant.padEnd(26)}${rates}${ratio(costs, variant).padStart(13)}${memory.padStart(13)}${(gc ? ratio(allocated, variant) : '').padStart(13)}`,
  );
}

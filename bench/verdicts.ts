/**
 * What does a window of the `noisy_neighbor` connector cost, with 1,000 workloads that each wait behind 20 culprits?
 *
 *     bench/verdicts.ts [--workloads 1000] [--culprits 20] [--windows 200]
 *
 * CPU time, that of the garbage collector included, and its ratio to a sum over the same points, which is read beside each
 * window; first where no question of `earshot explain` can come, then where an extension `admin` listens and windows are
 * retained. Memory is measured after collection, with that of typed arrays. A pause is wall time: on a busy machine it has that
 * of others. To be run with `--expose-gc` and the agent's own flags, those of `npm start`.
 */
import { cpus, release } from 'node:os';
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DataPointType } from '@opentelemetry/sdk-metrics';
import { noisyNeighbor } from '../src/connectors/noisy-neighbor/noisy-neighbor.ts';
import { explanations } from '../src/explanations/explanations.ts';
import { culpritAttributes } from '../src/telemetry/attributes/culprit.ts';
import type { MetricsBatch } from '../src/telemetry/metrics/metrics.ts';
import { settings } from '../test/unit/connectors/noisy-neighbor/connector.ts';
import { hurtBy, windowBatch } from '../test/unit/connectors/noisy-neighbor/windows.ts';
import { fakeHost } from '../test/unit/fake-host.ts';

const { values } = parseArgs({
  options: {
    workloads: { type: 'string', default: '1000' },
    culprits: { type: 'string', default: '20' },
    windows: { type: 'string', default: '200' },
  },
});
const [workloads, culprits, windows] = [values.workloads, values.culprits, values.windows].map(Number);

const doings = Object.fromEntries(
  Array.from({ length: workloads ?? 0 }, (_, index) => {
    const blame = Array.from({ length: culprits ?? 0 }, (_, by) => {
      const time = 1 / (culprits ?? 1) / (by + 1);
      const culprit = `culprit ${(index + by) % 1000}`;
      return { cause: 'neighbor', culprit, time, excess: time } as const;
    });
    const wait = blame.reduce((sum, { time }) => sum + time, 0);
    return [`workload ${index}`, hurtBy('', { blame, waits: { neighbor: wait } })];
  }),
);

const batches = Array.from({ length: 2 }, (_, n) => windowBatch(n, doings));

/** The n-th window: its time is that of its first point. */
function batchAt(n: number): MetricsBatch {
  const [[name, doing] = ['', hurtBy('')]] = Object.entries(doings);
  const [first] = windowBatch(n, { [name]: doing }).resourceMetrics;
  const [, ...others] = batches[n % batches.length]?.resourceMetrics ?? [];
  if (!first) throw new Error('there is no workload');
  return { signal: 'metrics', resourceMetrics: [first, ...others] };
}

type Connector = Awaited<ReturnType<typeof noisyNeighbor.open>>;

/** ms of CPU. */
function costOf(run: () => unknown): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Blame by culprit, as a reader that concludes nothing would sum it. */
function blameByCulprit({ resourceMetrics }: MetricsBatch): ReadonlyMap<unknown, number> {
  const sums = new Map<unknown, number>();
  for (const { scopeMetrics } of resourceMetrics)
    for (const { metrics } of scopeMetrics)
      for (const metric of metrics)
        if (metric.dataPointType === DataPointType.SUM)
          for (const { value, attributes } of metric.dataPoints) {
            const cgroup = attributes[culpritAttributes.cgroupId.key];
            sums.set(cgroup, (sums.get(cgroup) ?? 0) + value);
          }
  return sums;
}

function round(n: number, connector: Connector) {
  const batch = batchAt(n);
  return { judged: costOf(() => connector.connect(batch)), summed: costOf(() => blameByCulprit(batch)) };
}

/** MiB. */
async function memory(): Promise<number> {
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.();
    await setTimeout(50); // buffers are freed by another thread
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}

const pauses: number[] = [];
const observer = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) pauses.push(duration);
});

/** Minimum, median, maximum. */
const spread = (of: readonly number[]) => {
  const sorted = of.toSorted((a, b) => a - b);
  return [0, sorted.length >> 1, sorted.length - 1]
    .map((i) => (sorted[i] ?? Number.NaN).toFixed(1))
    .join(' / ');
};

async function measure(title: string, { isAsked }: { readonly isAsked: boolean }): Promise<void> {
  const { host } = fakeHost('noisy_neighbor');
  if (isAsked) (await host.use(explanations)).listen();
  const connector = await noisyNeighbor.open(settings({ max_workloads: 100_000 }), host);
  const count = Number(windows);
  const inputs = await memory();
  const first = round(0, connector);
  for (let n = 1; n < count; n++) round(n, connector); // compiled, as in an agent that has run for a while
  const warm = await memory();
  observer.observe({ entryTypes: ['gc'] });
  const costs = Array.from({ length: count }, (_, n) => round(count + n, connector));
  await setTimeout(100); // pauses are reported by the event loop
  observer.disconnect();
  const late = await memory();
  const total = (of: 'judged' | 'summed') => costs.reduce((sum, cost) => sum + cost[of], 0);
  const judged = spread(costs.map((of) => of.judged));
  const held = [warm - inputs, late - inputs].map((mebibytes) => mebibytes.toFixed(1));
  console.log(
    `${title}: ms of CPU a window, minimum / median / maximum of ${windows}: ${judged} (mean ${(total('judged') / count).toFixed(1)}, ` +
      `the first ${first.judged.toFixed(1)}), ${(total('judged') / total('summed')).toFixed(1)} times a sum over the same points; ` +
      `longest pause of the garbage collector ${Math.max(0, ...pauses.splice(0)).toFixed(1)} ms; ` +
      `memory beyond the batches: ${held[0]} MiB after ${count} windows, ${held[1]} MiB after twice as many`,
  );
  await connector.close();
}

console.log(
  `${new Date().toISOString()}, Linux ${release()}, ${cpus().length} CPUs, Node.js ${process.version}`,
);
await measure('without a listener', { isAsked: false });
await measure('with a listener', { isAsked: true });

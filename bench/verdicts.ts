/**
 * What does a window of the `noisy_neighbor` connector cost, with 1,000 workloads that each wait behind 20 culprits?
 *
 *     bench/verdicts.ts [--workloads 1000] [--culprits 20] [--windows 200]
 *
 * CPU time, and its ratio to a sum over the same points, which is read beside each window; first where no question of
 * `earshot explain` can come, then where an extension `admin` listens and windows are retained. The heap is measured after
 * collection: run with `--expose-gc`.
 */
import { cpus, release } from 'node:os';
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

const load = (n: number) =>
  windowBatch(
    n,
    Object.fromEntries(
      Array.from({ length: workloads ?? 0 }, (_, index) => {
        const blame = Array.from({ length: culprits ?? 0 }, (_, by) => {
          const time = 1 / (culprits ?? 1) / (by + 1);
          return {
            cause: 'neighbor',
            culprit: `culprit ${(index + by) % 1000}`,
            time,
            excess: time,
          } as const;
        });
        const wait = blame.reduce((sum, { time }) => sum + time, 0);
        return [`workload ${index}`, hurtBy('', { blame, waits: { neighbor: wait } })];
      }),
    ),
  );

const batches = Array.from({ length: 2 }, (_, n) => n).map(load);

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
  const batch = batches[n % batches.length];
  if (!batch) throw new Error('there is no batch');
  return { judged: costOf(() => connector.connect(batch)), summed: costOf(() => blameByCulprit(batch)) };
}

const heap = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};
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
  const inputs = heap();
  const first = round(0, connector);
  for (let n = 1; n < Number(windows); n++) round(n, connector); // compiled, as in an agent that has run for a while
  const warm = heap();
  const costs = Array.from({ length: Number(windows) }, (_, n) => round(n, connector));
  const late = heap();
  const total = (of: 'judged' | 'summed') => costs.reduce((sum, cost) => sum + cost[of], 0);
  console.log(
    `${title}: ms of CPU a window, minimum / median / maximum of ${windows}: ${spread(costs.map((of) => of.judged))} ` +
      `(mean ${(total('judged') / costs.length).toFixed(1)}, the first ${first.judged.toFixed(1)}), ` +
      `${(total('judged') / total('summed')).toFixed(1)} times a sum over the same points; ` +
      `heap beyond the batches: ${(warm - inputs).toFixed(1)} MiB after ${windows} windows, ${(late - inputs).toFixed(1)} MiB after twice as many`,
  );
  await connector.close();
}

console.log(
  `${new Date().toISOString()}, Linux ${release()}, ${cpus().length} CPUs, Node.js ${process.version}`,
);
await measure('without a listener', { isAsked: false });
await measure('with a listener', { isAsked: true });

/**
 * What does a reading of a large node, and what it becomes metrics by, cost user space, how long does it keep the event
 * loop, and how much memory does it need? Over maps that are made here: the copies are those of the real maps in size, the kernel is not asked.
 *
 *     bench/reading.ts [--cpus 256] [--cgroups 2000] [--changed 1] [--pairs 22000] [--against TREE]
 *
 * `--changed`: the share of cells that move between two readings. `--against`: a built tree of another commit, measured
 * in turns with this one.
 */

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { openLiveScheduler as Open } from '../src/receivers/scheduler/live-scheduler.ts';
import type { schedulerMetrics as Metrics } from '../src/receivers/scheduler/metrics.ts';
import { samplingQuantum } from '../src/receivers/scheduler/source.ts';
import { resource } from '../src/telemetry/metrics/build.ts';
import type { UnixNanoseconds } from '../src/telemetry/units.ts';
import { agentFlags } from './agent-flags.ts';
import { LargeNode } from './reading-node.ts';
import { costOf, type StepCost } from './step-cost.ts';

const { values } = parseArgs({
  options: {
    cpus: { type: 'string', default: '256' },
    cgroups: { type: 'string', default: '2000' },
    changed: { type: 'string', default: '1' },
    pairs: { type: 'string', default: '22000' },
    rounds: { type: 'string', default: '3' },
    against: { type: 'string' },
    trial: { type: 'string' },
  },
});
const here = fileURLToPath(new URL('..', import.meta.url));
const readings = 8;
/** Of the receiver. */
const interval = 10_000;

interface Cost {
  /** ms of CPU, median. */
  readonly reading: number;
  /** ms of CPU, median of the longest of each reading. */
  readonly longestStep: number;
  /** ms of CPU, median. */
  readonly metrics: number;
  /** ms of CPU, median of the longest of each reading. */
  readonly longestOfMetrics: number;
  /** MiB, resident, without what stands for the kernel's maps. */
  readonly memory: number;
}

const metricsOptions: Parameters<typeof Metrics>[1] = {
  interval: { start: 0n as UnixNanoseconds, end: 10_000_000_000n as UnixNanoseconds },
  histogramScale: 2,
  maxCulprits: 10,
  samplingError: samplingQuantum,
  resourceOf: (cgroup) =>
    resource({
      'host.name': 'node',
      'earshot.cgroup.id': String(cgroup),
      'service.instance.id': `node:${cgroup}`,
    }),
  isWanted: () => true,
};

if (values.trial === undefined) compare();
else process.stdout.write(JSON.stringify(await measure(values.trial)));

function compare(): void {
  const trees = [here, ...(values.against === undefined ? [] : [resolve(values.against)])];
  const costs = new Map<string, Cost[]>(trees.map((tree) => [tree, []]));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const tree of trees) costs.get(tree)?.push(runTrial(tree));
  console.log(`${values.cpus} CPUs, ${values.cgroups} cgroups, ${values.changed} of the cells changed`);
  const [own = [], other] = trees.map((tree) => costs.get(tree) ?? []);
  for (const [what, unit] of [
    ['reading', 'ms'],
    ['longestStep', 'ms'],
    ['metrics', 'ms'],
    ['longestOfMetrics', 'ms'],
    ['memory', 'MiB'],
  ] as const) {
    const value = median(own.map((cost) => cost[what]));
    const share = what === 'reading' ? `, ${((100 * value) / interval).toFixed(2)} % of a CPU` : '';
    const ratios = own.map((cost, i) => cost[what] / (other?.[i]?.[what] ?? Number.NaN));
    const against = other
      ? `, ${median(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}) of ${median(other.map((cost) => cost[what])).toFixed(1)}`
      : '';
    console.log(`${what}: ${value.toFixed(1)} ${unit}${share}${against}`);
  }
}

function runTrial(tree: string): Cost {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      ...['--expose-gc', ...agentFlags],
      ...[fileURLToPath(import.meta.url), ...process.argv.slice(2), '--trial', tree],
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 20 },
  );
  if (status !== 0) throw new Error(`cannot measure ${tree}: ${stderr}`);
  return JSON.parse(stdout) as Cost;
}

async function measure(tree: string): Promise<Cost> {
  const load = (module: string) =>
    import(pathToFileURL(resolve(tree, `src/receivers/scheduler/${module}.ts`)).href);
  const { openLiveScheduler } = (await load('live-scheduler')) as { openLiveScheduler: typeof Open };
  const { schedulerMetrics } = (await load('metrics')) as { schedulerMetrics: typeof Metrics };
  const node = new LargeNode({
    cpus: Number(values.cpus),
    cgroups: Number(values.cgroups),
    pairs: Number(values.pairs),
  });
  const before = residentBytes();
  const source = openLiveScheduler(node.bpf(), node.options, node.surroundings());
  const costs: { reading: StepCost; metrics: StepCost }[] = [];
  for (let i = 0; i < readings; i++) {
    node.pass(Number(values.changed));
    const reading = costOf(() => source.reading());
    costs.push({ reading, metrics: costOf(() => schedulerMetrics(reading.result, metricsOptions)) });
    if (reading.result.cgroups.length !== Number(values.cgroups))
      throw new Error('not all cgroups were read');
  }
  const memory = (residentBytes() - before - node.mapBytes) / 2 ** 20;
  source.close();
  const medianOf = (of: (cost: (typeof costs)[number]) => number) => median(costs.map(of));
  return {
    reading: medianOf(({ reading }) => reading.total),
    longestStep: medianOf(({ reading }) => reading.longest),
    metrics: medianOf(({ metrics }) => metrics.total),
    longestOfMetrics: medianOf(({ metrics }) => metrics.longest),
    memory,
  };
}

function residentBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

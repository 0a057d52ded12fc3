/**
 * What does it cost to divide the blame of a large reading into excess and what culprits were entitled to?
 *
 *     bench/entitlement.ts [workloads] [culprits] [readings]    by default 1,000, 20 and 30
 *
 * Workloads are containers in pods, at six levels of a hierarchy whose weights differ. One step of the event loop.
 */
import { cpus, release } from 'node:os';
import { divideBlame } from '../src/processors/contention/entitlement.ts';
import { waitAttributes } from '../src/telemetry/attributes/wait.ts';
import { mapBatch } from '../src/telemetry/batch.ts';
import { scope, sum } from '../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../src/telemetry/units.ts';
import { machine, resourcesOf, second, type Workload } from '../test/unit/processors/contention/machine.ts';

const [workloads = 1000, culprits = 20, readings = 30] = process.argv.slice(2).map(Number);

const pathOf = (i: number) =>
  `/kubepods.slice/kubepods-${i % 2 ? 'burstable' : 'besteffort'}.slice/pod${i >> 1}.slice/sandbox/app/${i}`;

function workload(i: number): Workload {
  const blames = Array.from({ length: culprits }, (_, k): [string, number] => [
    pathOf((i + 1 + k * 37) % workloads),
    Math.round((1 + ((i * 31 + k * 17) % 100) / 100) * 0.01 * second),
  ]);
  return { path: pathOf(i), ran: (1 + (i % 50)) * 0.02 * second, blames: Object.fromEntries(blames) };
}

function weightsOf(paths: readonly string[]): Readonly<Record<string, number>> {
  const levels = paths.flatMap((path) => {
    const names = path.split('/').slice(1);
    return names.map((_, depth) => `/${names.slice(0, depth + 1).join('/')}`);
  });
  return Object.fromEntries(levels.map((level, i) => [level, 1 + (i % 200)]));
}

const all = Array.from({ length: workloads }, (_, i) => workload(i));
const resourceMetrics = resourcesOf(all);
const weights = weightsOf(all.map(({ path }) => path));
const noTime = { start: 0n as UnixNanoseconds, end: 0n as UnixNanoseconds };
let unjudged = 0;
const divide = () =>
  divideBlame(
    { signal: 'metrics', resourceMetrics },
    {
      weights: { find: (path) => weights[path] },
      recorded: { of: () => ({ find: () => undefined }) },
      leave: () => unjudged++,
    },
  );

/** The same reading as the kernel's classes have it, and divided already: only its causes are named. */
const classified = mapBatch({ signal: 'metrics', resourceMetrics } as const, {
  resource: (of) => of,
  item: ({ [waitAttributes.cause.key]: _, ...others }) => ({
    ...others,
    [waitAttributes.class.key]: 'other',
  }),
}).resourceMetrics.map((of) => ({
  ...of,
  scopeMetrics: [...of.scopeMetrics, { scope, metrics: [sum(waitMetrics.excessTime, noTime, [])] }],
}));
const { process: name } = await machine({});

/** ms of CPU. */
function costOf(run: () => unknown): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

const round = () => ({ divided: costOf(divide), named: costOf(() => name(classified)) });
for (let i = 0; i < readings; i++) round(); // compiled, as in an agent that has run for a while
const costs = Array.from({ length: readings }, round);
if (unjudged > 0) throw new Error(`${unjudged} pairs could not be compared`);
/** Minimum, median, maximum. */
const spread = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  return [0, sorted.length >> 1, sorted.length - 1]
    .map((i) => (sorted[i] ?? Number.NaN).toFixed(2))
    .join(' / ');
};
console.log(
  `${new Date().toISOString()}, Linux ${release()}, ${cpus().length} CPUs, Node.js ${process.version}\n` +
    `${workloads} workloads with ${culprits} culprits each, minimum / median / maximum of ${readings} readings: ` +
    `${spread(costs.map((of) => of.divided))} ms of CPU, ` +
    `${spread(costs.map((of) => of.divided / of.named))} times what naming their causes takes`,
);

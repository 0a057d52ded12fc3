/**
 * How many single waits a second does the processor `sampling` take, in each of its modes?
 *
 *     bench/sampling.ts [--workloads 500] [--records 5000] [--rounds 60]
 *
 * CPU time of a batch, modes in turns. The ratio is to encoding the same records as OTLP, which is what a record that is not
 * dropped costs at least; records have the attributes of `earshot.wait` behind `workload` and `contention`.
 */
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { culpritAttributes } from '../src/telemetry/attributes/culprit.ts';
import { eventAttributes } from '../src/telemetry/attributes/event.ts';
import { type Batch, itemCount } from '../src/telemetry/batch.ts';
import { codecOf } from '../src/telemetry/otlp.ts';
import { fixture, seededRandom, waits } from '../test/unit/processors/sampling/fixture.ts';

const { values } = parseArgs({
  options: {
    workloads: { type: 'string', default: '500' },
    records: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '60' },
  },
});
const [workloads, records, rounds] = [values.workloads, values.records, values.rounds].map(Number) as [
  number,
  number,
  number,
];

const random = seededRandom(1);
const load = () =>
  waits(
    ...Array.from({ length: records }, (_, n) => ({
      workload: `workload ${Math.floor(random() * workloads)}`,
      wait: -Math.log(1 - random()) * 0.01,
      weight: 1 + Math.floor(random() * 3),
      attributes: {
        [eventAttributes.processId.key]: n,
        [eventAttributes.threadName.key]: 'worker',
        [culpritAttributes.cgroupId.key]: String(n % 100),
        [culpritAttributes.name.key]: `culprit ${n % 100}`,
        [eventAttributes.cpu.key]: n % 8,
      },
    })),
  );

const modes = {
  'tail, of which nothing is kept, and probabilistic': {
    tail: { min_wait: '10s' },
    probabilistic: { percentage: 10 },
  },
  probabilistic: { probabilistic: { percentage: 10 } },
  'probabilistic by attribute': { probabilistic: { percentage: 10, attribute: 'process.pid' } },
  rate_limit: { rate_limit: { events_per_second: 1 } },
  'rate_limit by CPU': { rate_limit: { events_per_second: 1, per: 'workload_and_cpu' } },
  reservoir: { reservoir: { longest: 10, window: '10s', per: 'workload' } },
  'all of them': {
    ...{ tail: { min_wait: '100ms' }, probabilistic: { percentage: 50 } },
    ...{ rate_limit: { events_per_second: 10 }, reservoir: { longest: 10, window: '10s', per: 'workload' } },
  },
};

/** ms of CPU. */
async function costOf(run: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

const batches = Array.from({ length: 4 }, load);
const { encode } = codecOf('logs');
const runs = await Promise.all(
  Object.entries(modes).map(async ([name, settings]) => ({
    ...{ name, sampler: await fixture(settings), costs: [] as number[] },
    ...{ kept: 0, passed: 0 },
  })),
);
const encoded: number[] = [];
for (let round = -5; round < rounds; round++) {
  const batch = batches[Math.abs(round) % batches.length] as Batch; // there are as many
  const encoding = await costOf(() => encode(batch, 'proto'));
  if (round >= 0) encoded.push(encoding);
  for (const run of runs) {
    const { sampler } = run;
    sampler.pass(1);
    const count = (all: readonly Batch[]) => all.reduce((sum, of) => sum + itemCount(of), 0);
    let kept = 0;
    const cost = await costOf(async () => {
      kept = count([sampler.processor.process(batch)]);
      if (Math.abs(round) % 10 === 0) kept += count(await sampler.pull());
    });
    if (round < 0) continue; // compiled by then
    run.costs.push(cost);
    run.kept += kept;
    run.passed += records;
  }
}

const at = (of: readonly number[], part: number) =>
  of.toSorted((a, b) => a - b)[Math.floor(part * (of.length - 1))] ?? Number.NaN;
const rate = (ms: number) => `${Math.round(records / ms)} k/s`.padStart(10);
const spread = (of: readonly number[]) => [1, 0.5, 0].map((part) => rate(at(of, part))).join('');
console.log(
  `${new Date().toISOString()}, Linux ${release()}, ${cpus().length} CPUs, Node.js ${process.version}\n` +
    `${workloads} workloads, batches of ${records} waits, ${rounds} rounds: waits a second of CPU\n\n` +
    `${'mode'.padEnd(52)}   minimum    median   maximum  to encoding   kept`,
);
console.log(`${'(encoding all as OTLP)'.padEnd(52)}${spread(encoded)}`);
for (const { name, costs, kept, passed } of runs)
  console.log(
    `${name.padEnd(52)}${spread(costs)}${(at(costs, 0.5) / at(encoded, 0.5)).toFixed(2).padStart(13)}${((100 * kept) / passed).toFixed(1).padStart(6)} %`,
  );

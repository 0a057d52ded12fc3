/**
 * What does a window of the `noisy_neighbor` connector cost, with 1,000 workloads that each wait behind 20 culprits?
 *
 *     bench/verdicts.ts [--workloads 1000] [--culprits 20] [--windows 50]
 */
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { noisyNeighbor } from '../src/connectors/noisy-neighbor/noisy-neighbor.ts';
import { settings } from '../test/unit/connectors/noisy-neighbor/connector.ts';
import { hurtBy, windowBatch } from '../test/unit/connectors/noisy-neighbor/windows.ts';
import { fakeHost } from '../test/unit/fake-host.ts';

const { values } = parseArgs({
  options: {
    workloads: { type: 'string', default: '1000' },
    culprits: { type: 'string', default: '20' },
    windows: { type: 'string', default: '50' },
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

const { host } = fakeHost('noisy_neighbor');
const connector = await noisyNeighbor.open(settings({ max_workloads: 100_000 }), host);
const batches = Array.from({ length: 2 }, (_, n) => n).map(load);
const took: number[] = [];
for (let n = 0; n < Number(windows); n++) {
  const batch = batches[n % batches.length];
  if (!batch) continue;
  const begin = process.hrtime.bigint();
  connector.connect(batch);
  took.push(Number(process.hrtime.bigint() - begin) / 1e6);
}
console.log(
  `${new Date().toISOString()}, Linux ${release()}, ${cpus().length} CPUs, Node.js ${process.version}`,
);
const sorted = took.slice(5).sort((a, b) => a - b);
const at = (part: number) => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1);
console.log(
  `ms a window: ${at(0.5)} (${at(0)} to ${at(1)}), the first ${took[0]?.toFixed(1)}; heap ${(process.memoryUsage().heapUsed / 2 ** 20).toFixed(0)} MiB`,
);

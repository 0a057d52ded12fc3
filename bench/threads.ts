/**
 * How long does a reading keep the event loop on a node with many threads? As root, on this machine's kernel: most threads
 * sleep, some wait for a CPU all the time.
 *
 *     bench/threads.ts [--threads 1000,10000,25000] [--waiting 100] [--rounds 3] [--against TREE]
 *
 * `--against`: a built tree of another commit, measured in turns with this one.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { createBpfHost as Host } from '../src/bpf/host.ts';
import type { Serials as Ids } from '../src/cgroup/serials.ts';
import type { openLiveScheduler as Open } from '../src/receivers/scheduler/live-scheduler.ts';
import { nanoseconds } from '../src/telemetry/units.ts';
import { agentFlags } from './agent-flags.ts';
import { costOf } from './step-cost.ts';

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '1000,10000,25000' },
    waiting: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    against: { type: 'string' },
    trial: { type: 'string' },
  },
});
const here = fileURLToPath(new URL('..', import.meta.url));
const readings = 10;

/** ms of CPU. */
interface Cost {
  /** Which notes every thread, and visits each twice. */
  readonly longestOfFirst: number;
  readonly reading: number;
  readonly longest: number;
  readonly steps: number;
  /** Waits in progress that were charged or could not be, of all readings. */
  readonly losses: Readonly<Record<string, number>>;
}

if (values.trial === undefined) for (const threads of values.threads.split(',')) await compare(threads);
else process.stdout.write(JSON.stringify(await measure(values.trial)));

async function compare(threads: string): Promise<void> {
  const crowd = spawn(resolve(here, 'build/bench/crowd'), [threads, values.waiting], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(crowd.stdout, 'data');
  const trees = [here, ...(values.against === undefined ? [] : [resolve(values.against)])];
  const costs = new Map<string, Cost[]>(trees.map((tree) => [tree, []]));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const tree of trees) costs.get(tree)?.push(runTrial(tree, threads));
  crowd.stdin.end();
  await once(crowd, 'exit');
  for (const [tree, all] of costs) {
    const of = (member: 'longestOfFirst' | 'reading' | 'longest' | 'steps') => {
      const numbers = all.map((cost) => cost[member]).sort((a, b) => a - b);
      return numbers.map((number) => number.toFixed(1)).join(' ');
    };
    console.log(
      `${threads} threads, ${values.waiting} of them waiting, ${tree === here ? 'this tree' : tree}: longest step ` +
        `${of('longest')} ms (at start ${of('longestOfFirst')}), reading ${of('reading')} ms in ${of('steps')} steps`,
      JSON.stringify(all.at(-1)?.losses),
    );
  }
}

function runTrial(tree: string, threads: string): Cost {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...[...agentFlags, fileURLToPath(import.meta.url)], ...['--threads', threads, '--trial', tree]],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`cannot measure ${tree}: ${stderr}`);
  return JSON.parse(stdout) as Cost;
}

async function measure(tree: string): Promise<Cost> {
  const load = (module: string) => import(pathToFileURL(resolve(tree, `src/${module}.ts`)).href);
  const { createBpfHost } = (await load('bpf/host')) as { createBpfHost: typeof Host };
  const { Serials } = (await load('cgroup/serials')) as { Serials: typeof Ids };
  const { openLiveScheduler } = (await load('receivers/scheduler/live-scheduler')) as {
    openLiveScheduler: typeof Open;
  };
  const serials = new Serials(16_384);
  const source = openLiveScheduler(
    createBpfHost(),
    {
      ...{ minWait: nanoseconds(Number.MAX_SAFE_INTEGER), sample: 0, eventRate: 5 },
      ...{ maxWorkloads: 512, maxPairs: 8192, threads: Number(values.threads) },
    },
    { serials: () => serials },
  );
  const costs = [];
  for (let i = 0; i <= readings; i++) {
    costs.push(costOf(() => source.reading()));
    await sleep(100);
  }
  source.close();
  const [first, ...rest] = costs;
  const losses: Record<string, number> = {};
  for (const { result } of costs)
    for (const [reason, by] of Object.entries(result.drops)) losses[reason] = (losses[reason] ?? 0) + by;
  return {
    longestOfFirst: first?.longest ?? Number.NaN,
    reading: median(rest.map(({ total }) => total)),
    longest: median(rest.map(({ longest }) => longest)),
    steps: median(rest.map(({ steps }) => steps)),
    losses,
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, describe, test } from 'node:test';
import {
  account,
  makeCgroup,
  openScheduler,
  program,
  removeCgroups,
  runIn,
  spin,
} from '../../kernel/scheduler-fixture.ts';
import { openOracle } from '../../lab/oracle.ts';
import { flags, kinds, type Trace } from '../../lab/trace.ts';

const seconds = 4;
const cpus = availableParallelism();

const messages = [program('bench/messages'), String(seconds), '4'];
const pingpong = [program('bench/pingpong'), String(seconds), '0'];
const stress = (...what: readonly string[]) => [
  'stress-ng',
  ...['--quiet', '--temp-path', '/tmp', '--timeout', `${seconds}s`],
  ...what,
];

const loads: Readonly<Record<string, () => Promise<unknown>>> = {
  pipes: () => Promise.all([runIn(makeCgroup('pipes'), pingpong), runIn(makeCgroup('messages'), messages)]),
  hogs: () =>
    Promise.all([
      runIn(makeCgroup('a'), spin(seconds, 2 * cpus)),
      runIn(makeCgroup('b'), spin(seconds, cpus)),
      runIn(makeCgroup('burst'), spin(seconds, cpus, 2, 3)),
    ]),
  quota: () =>
    Promise.all([
      runIn(makeCgroup('limited', { quota: 20 }), spin(seconds, 4)),
      runIn(makeCgroup('free'), spin(seconds, cpus)),
    ]),
  forks: () => runIn(makeCgroup('forks'), stress('--fork', '4', '--vfork', '2', '--exec', '2')),
  locks: () => runIn(makeCgroup('locks'), stress('--futex', '2', '--timer', '2', '--switch', '2')),
};

/** What gets a CPU is what leaves it next, or a switch was left out. One loses a wait. */
describe('the kernel calls the hook at every switch', () => {
  after(removeCgroups);
  for (const [name, load] of Object.entries(loads))
    test(name, async (context) => {
      const oracle = openOracle();
      const source = openScheduler();
      try {
        const { drops } = await account(source, load);
        const { switches, gaps } = countGaps(oracle.trace());
        context.diagnostic(
          `${name}: ${switches} switches on ${cpus} CPUs, ${gaps.length} gaps; ${JSON.stringify(drops)} ${gaps.slice(0, 5).join(' ')}`,
        );
        assert.ok(switches > 500);
        assert.equal(gaps.length, 0);
      } finally {
        source.close();
        oracle.close();
      }
    });
});

function countGaps(trace: Trace): { readonly switches: number; readonly gaps: readonly string[] } {
  const running = new Map<number, number>();
  const gaps: string[] = [];
  let switches = 0;
  for (let i = 0; i < trace.length; i++) {
    if (trace.kind[i] !== kinds.switch || (trace.flags[i] ?? 0) & flags.unseen) continue;
    switches++;
    const cpu = trace.cpu[i] ?? 0;
    const before = running.get(cpu);
    if (before !== undefined && before !== trace.prevPid[i])
      gaps.push(`cpu ${cpu}: ${before} then ${trace.prevPid[i]}`);
    running.set(cpu, trace.pid[i] ?? 0);
  }
  return { switches, gaps };
}

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pairsFor, workloadsFor } from '../../src/receivers/scheduler/sizes.ts';
import { usualOr } from '../lab/thorough.ts';
import { attach } from './attach.ts';
import { Account, bpf, longestLoad, makeCgroup, program, type TestCgroup } from './scheduler-fixture.ts';

const pods = usualOr(150, 1500);
const threadsEach = 17;
/** Of each thread: bursts that take a third of two CPUs, and of which all but the first of ten pods wait. */
const burstMicros = 100;
const periodMicros = usualOr(400_000, 4_000_000);
const neighbors = 10;
const measuredMs = usualOr(2000, 10_000);

/** Ends with the test, however that ends. */
async function startPods(context: TestContext, cgroups: readonly TestCgroup[]): Promise<void> {
  const sizes = [cgroups.length, longestLoad, threadsEach, burstMicros, periodMicros, neighbors].map(String);
  const load = spawn('nice', [program('test/pods'), ...sizes], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(load, 'close'); // of all its processes
  context.after(async () => {
    load.kill('SIGTERM');
    await ended;
  });
  load.stdin.end(cgroups.map(({ procs }) => `${procs.join(' ')}\n`).join(''));
  const [first] = await Promise.race([once(load.stdout, 'data'), ended]);
  assert.equal(String(first), 'ready\n', 'all threads are there');
}

test(`${pods} cgroups with ${pods * threadsEach} threads: nearly all waiting has a culprit, and nothing is lost`, async (context) => {
  const cgroups = Array.from({ length: pods }, (_, i) => makeCgroup(`pod-${i}`));
  await startPods(context, cgroups);
  const maxWorkloads = workloadsFor({ cpus: bpf.cpuRows(), cgroups: pods });
  const threads = pods * threadsEach;
  const source = attach({ maxWorkloads, maxPairs: pairsFor(maxWorkloads), threads });
  await sleep(periodMicros / 1000); // the history of each CPU has begun
  source.drain();
  source.read();
  const total = new Account(); // throws where classes do not sum to the wait
  for (let at = 0; at < measuredMs; at += 500) {
    await sleep(500);
    total.add(source);
  }
  let [wait, other, unknown, named] = [0, 0, 0, 0];
  for (const cgroup of cgroups) {
    const of = total.of(cgroup);
    wait += of.wait;
    other += of.classes.other;
    unknown += of.classes.unknown;
  }
  const ids = new Set(cgroups.map(({ id }) => String(id)));
  for (const [key, pair] of total.pairs) if (ids.has(key.split(' ')[0] ?? '')) named += pair.other;
  const { drops } = total;
  const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(3)} %`;
  const found =
    `${(wait / 1e9).toFixed(1)} s of waiting, ${share(other, wait)} behind others, of which ${share(named, other)} have ` +
    `a name, ${share(unknown, wait)} unknown, ${total.pairs.size} pairs: ${JSON.stringify(drops)}`;
  context.diagnostic(found);
  const bursts = threads * (measuredMs / (periodMicros / 1000));
  assert.ok(wait > 10 * bursts * burstMicros * 1000, `each waits for some of its neighbors: ${found}`);
  assert.ok(other > 0.5 * wait, found);
  assert.ok(named > 0.99 * other && other - named < 0.01 * wait, found);
  assert.ok(unknown < 0.01 * wait, found);
  for (const reason of [
    'no_slot',
    'task_evicted',
    'task_lost',
    'pair_evicted',
    'pair_full',
    'cgroup_unnamed',
  ])
    assert.equal(drops[reason], undefined, found);
});

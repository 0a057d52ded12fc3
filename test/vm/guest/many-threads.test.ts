import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BpfHost } from '../../../src/bpf/bpf.ts';
import {
  type Account,
  account,
  bpf,
  endLoad,
  longestLoad,
  makeCgroup,
  openScheduler,
  removeCgroups,
  spin,
} from '../../kernel/scheduler-fixture.ts';
import { stopProcess, threadsOf, untilThreads, waitsOf } from '../../lab/threads.ts';
import { start } from './early-loads.ts';

/** Threads that were there before the programs, stopped; they run for a time, and are stopped again: all waits have ended. */

const threads = 3000;
const burstMicros = 30;
const pauseMicros = 400_000;
const measuredMs = 5000;

/** The same programs with a table of so many sets of four threads. */
const withTaskSets = (sets: number): BpfHost => ({
  ...bpf,
  open: (spec) =>
    bpf.open({
      ...spec,
      constants: { ...spec.constants, task_sets: sets },
      maxEntries: { ...spec.maxEntries, tasks: sets },
    }),
});

interface Measured {
  readonly total: Account;
  readonly of: ReturnType<Account['of']>;
  /** Of all threads, as the kernel counts them. */
  readonly waits: number;
  readonly wait: number;
}

async function measure(host: BpfHost, name: string): Promise<Measured> {
  const crowd = await start(
    makeCgroup(`${name}-crowd`),
    spin(longestLoad, threads, burstMicros, pauseMicros),
    0,
  );
  await untilThreads(crowd.load.pid, threads);
  await stopProcess(crowd.load.pid);
  const hog = await start(makeCgroup(`${name}-hog`), spin(longestLoad, 2), 0);
  const source = openScheduler({ host });
  try {
    const tasks = threadsOf(crowd.load.pid);
    const before = waitsOf(tasks);
    const total = await account(source, async () => {
      crowd.load.signal('SIGCONT');
      await sleep(measuredMs);
      await stopProcess(crowd.load.pid);
    });
    const after = waitsOf(tasks);
    return {
      ...{ total, of: total.of(crowd.cgroup) },
      ...{ waits: after.waits - before.waits, wait: after.wait - before.wait },
    };
  } finally {
    source.close();
    for (const { load } of [crowd, hog]) await endLoad(load);
  }
}

/** Left out are waits without a stamp, and from 6.12 on some with a wrong one, and of others the beginning; of all cgroups. */
function assertEqualTotals({ of, wait, waits, total: { drops } }: Measured): void {
  const leftOut = (drops.unstamped ?? 0) + (drops.delayed_dequeue ?? 0);
  const text = `${leftOut} left out, ${JSON.stringify(of.classes)} ${JSON.stringify(drops)}`;
  assert.ok(waits > threads, `there were only ${waits} waits`);
  assert.ok(of.waits <= waits && of.waits >= waits - leftOut, `${of.waits} waits, not ${waits}: ${text}`);
  assert.ok(of.wait < 1.0001 * wait, `waited ${of.wait}, not ${wait}: ${text}`);
  if (leftOut === 0 && !drops.begin_late)
    assert.ok(of.wait > 0.9999 * wait, `waited ${of.wait}, not ${wait}: ${text}`);
  assert.ok(
    Math.abs(of.completed - of.wait) < 1e-4 * wait,
    `of ${of.wait} ${of.completed} has ended: ${text}`,
  );
}

describe(`${threads} threads`, () => {
  after(removeCgroups);

  test('a table for 64 threads evicts, and counts each wait once', async (context) => {
    const measured = await measure(withTaskSets(16), 'small');
    context.diagnostic(`${measured.waits} waits: ${JSON.stringify(measured.total.drops)}`);
    assert.ok((measured.total.drops.task_evicted ?? 0) > threads);
    assertEqualTotals(measured);
  });

  test('the default table evicts nothing', async (context) => {
    const measured = await measure(bpf, 'default');
    context.diagnostic(`${measured.waits} waits: ${JSON.stringify(measured.total.drops)}`);
    assert.equal(measured.total.drops.task_evicted, undefined);
    assertEqualTotals(measured);
  });
});

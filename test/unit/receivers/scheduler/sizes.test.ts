import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  histogramShiftFor,
  pairsFor,
  taskSetsFor,
  throttleSetsFor,
  workloadsFor,
} from '../../../../src/receivers/scheduler/sizes.ts';

test('workloads: the next power of two above twice the living cgroups, at least 512', () => {
  for (const [cgroups, workloads] of [
    [0, 512],
    [254, 512],
    [255, 1024],
    [600, 2048],
    [1500, 4096],
  ] as const)
    assert.equal(workloadsFor({ cpus: 2, cgroups }), workloads, `${cgroups}`);
});

test('workloads: less room to grow where cells would take more than their budget, never fewer than live', () => {
  assert.equal(workloadsFor({ cpus: 256, cgroups: 2000 }), 2048);
  assert.equal(workloadsFor({ cpus: 256, cgroups: 900 }), 2048);
  assert.equal(workloadsFor({ cpus: 1024, cgroups: 2000 }), 2048);
  assert.equal(workloadsFor({ cpus: 1024, cgroups: 3000 }), 4096);
});

test('workloads: never more than the configuration allows', () => {
  assert.equal(workloadsFor({ cpus: 1, cgroups: 100_000 }), 65_536);
});

test('pairs: 16 a workload, at least 4096; above 16,384 half as many', () => {
  assert.deepEqual([16, 512, 1024, 2048, 4096].map(pairsFor), [4096, 8192, 16_384, 16_384, 32_768]);
});

test('throttled queues: four a set, twice the cgroups that a quota can throttle, in 4 MiB of all CPUs', () => {
  for (const [cpus, limited, sets] of [
    [2, 0, 8],
    [2, 16, 8],
    [2, 17, 16],
    [2, 1000, 64],
    [64, 1000, 32],
    [256, 1000, 8],
    [1024, 1000, 8],
  ] as const)
    assert.equal(throttleSetsFor({ cpus, limited }), sets, `${cpus} CPUs, ${limited}`);
});

test('threads: sets for 1.25 times as many as live, and 64 a CPU', () => {
  for (const [cpus, threads, sets] of [
    [2, 300, 4096],
    [128, 300, 8192],
    [2, 3276, 4096],
    [2, 3277, 8192],
    [2, 50_000, 65_536],
    [2, 10_000_000, 262_144],
  ] as const)
    assert.equal(taskSetsFor({ cpus, threads }), sets);
});

/** As `first_set`, `second_set` and `third_set` of `bpf/scheduler/tasks.bpf.h` choose. */
function countEvictions(pids: readonly number[], sets: number): number {
  const used = new Uint8Array(sets);
  let evictions = 0;
  for (const pid of pids) {
    const choices = [pid, Math.imul(pid, 0x9e3779b1) >>> 8, Math.imul(pid, 0x85ebca6b) >>> 8];
    const set = choices.map((choice) => choice & (sets - 1)).find((index) => (used[index] ?? 0) < 4);
    if (set === undefined) evictions++;
    else used[set] = (used[set] ?? 0) + 1;
  }
  return evictions;
}

/** In processes of so many threads, at places that a fixed sequence chooses. */
function pidsOf(
  threads: number,
  { pidMax, each }: { readonly pidMax: number; readonly each: number },
): number[] {
  const pids = new Set<number>();
  for (let state = 1; pids.size < threads; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    for (let pid = 300 + (state % (pidMax - 300)), left = each; left > 0; pid++)
      if (!pids.has(pid)) {
        pids.add(pid);
        left--;
      }
  }
  return [...pids];
}

for (const pidMax of [65_536, 4_194_304])
  test(`threads: each of 50,000 has an entry where pids go up to ${pidMax}, and room to become more`, () => {
    const threads = 50_000;
    const sets = taskSetsFor({ cpus: 2, threads });
    for (const each of [1, 2, 7, 30, 200, 1000]) {
      const title = `${each} a process`;
      assert.equal(countEvictions(pidsOf(threads, { pidMax, each }), sets), 0, title);
      const most = Math.min(2 * threads, pidMax - 1000);
      const evictions = countEvictions(pidsOf(most, { pidMax, each }), sets);
      assert.ok(evictions <= most / 10_000, `${evictions} of ${most} with ${title}`);
    }
  });

test('threads: the sizes follow those that live, wherever pids end', () => {
  const sets = (threads: number) => taskSetsFor({ cpus: 2, threads });
  assert.equal(sets(1000), 4096, '256 KiB on a small node, also where pids go up to 4 million');
  const entriesEach = [5000, 20_000, 30_000, 50_000, 100_000].map((threads) => (4 * sets(threads)) / threads);
  for (const entries of entriesEach) assert.ok(entries >= 5 && entries <= 10, `${entriesEach}`);
});

test('histograms have a copy for each cache, at least four, and no more than their budget', () => {
  for (const [cpus, cacheCpus, workloads, shift] of [
    [1, 1, 512, 0],
    [4, 4, 512, 0],
    [8, 8, 512, 1],
    [64, 16, 512, 4],
    [64, 64, 512, 4],
    [256, 16, 512, 4],
    [256, 8, 512, 4],
    [256, 16, 1024, 5],
    [256, 16, 2048, 6],
    [256, 1, 65_536, 6],
    [96, 1, 512, 3],
  ] as const)
    assert.equal(
      histogramShiftFor({ cpus, cacheCpus, workloads }),
      shift,
      `${cpus} CPUs, ${cacheCpus} a cache`,
    );
});

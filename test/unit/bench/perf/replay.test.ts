import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PerfEvent } from '../../../../bench/accuracy/perf/events.ts';
import { Replay } from '../../../../bench/accuracy/perf/replay.ts';
import { kernel, Threads } from '../../../../bench/accuracy/perf/threads.ts';

const change = (time: number, prev: number, next: number, isPrevRunnable = false, cpu = 0): PerfEvent => ({
  kind: 'switch',
  ...{ time, cpu, prev, next, isPrevRunnable },
});
const wake = (time: number, thread: number, on = 0): PerfEvent => ({
  kind: 'wakeup',
  ...{ time, thread, on, cpu: 0 },
});

/** Threads 1 and 2 are the victim's, 3 is a hog, 4 a kernel thread. */
function replay(events: readonly PerfEvent[], limited?: string) {
  const parties = [
    [1, '/victim'],
    [2, '/victim'],
    [3, '/hog'],
    [4, kernel],
  ] as const;
  const all = new Replay(new Threads(2, parties), { limited });
  for (const event of events) all.add(event);
  const of = (path: string) => {
    const { by, ...rest } = all.cgroups.get(path) ?? assert.fail(`nothing of ${path}`);
    return { ...rest, by: Object.fromEntries(by) };
  };
  return { of, victim: of('/victim'), doubts: all.doubts };
}

const trusted = { untraced: 0, unseen: 0, gaps: 0, contradictions: 0 };

test('a wait that began with a wake-up is divided among those that had the CPU', () => {
  const { victim, doubts } = replay([
    change(0, 0, 3),
    wake(60, 1),
    change(100, 3, 4, true),
    change(105, 4, 1),
    change(200, 1, 0),
  ]);
  assert.deepEqual(victim, {
    ...{ wait: 45, waits: 1, run: 95, throttled: 0, unbegun: 0 },
    by: { '/hog': 40, [kernel]: 5 },
  });
  assert.deepEqual(doubts, trusted);
});

test('a thread that is pushed off waits from there, for threads of its own cgroup too', () => {
  const { victim } = replay([
    change(0, 0, 1),
    wake(10, 2),
    change(20, 1, 2, true),
    change(50, 2, 1),
    change(60, 1, 0),
  ]);
  assert.deepEqual([victim.wait, victim.waits, victim.run, victim.by], [40, 2, 60, { '/victim': 40 }]);
});

test('a wait that moves is charged to those of each CPU', () => {
  const { victim } = replay([
    change(0, 0, 3),
    change(0, 0, 4, false, 1),
    wake(10, 1),
    { kind: 'migrate', time: 30, cpu: 0, thread: 1, to: 1 },
    change(45, 4, 1, false, 1),
    change(50, 3, 0),
  ]);
  assert.deepEqual(victim.by, { '/hog': 20, [kernel]: 15 });
});

test('a wake-up of a thread that runs or waits begins no wait', () => {
  const { victim } = replay([
    wake(0, 1),
    change(0, 0, 1),
    wake(5, 1),
    change(10, 1, 3),
    wake(20, 1),
    wake(25, 1),
    change(30, 3, 1),
  ]);
  assert.deepEqual([victim.wait, victim.waits, victim.unbegun], [10, 2, 0]);
});

test('a wait without a begin is counted and adds no time', () => {
  const { victim } = replay([change(0, 0, 3), change(10, 3, 1), change(20, 1, 0)]);
  assert.deepEqual([victim.wait, victim.waits, victim.unbegun], [0, 0, 1]);
});

test("a switch without a tracepoint is taken from perf's own record", () => {
  const { victim, doubts } = replay([
    change(0, 0, 3),
    { kind: 'switched_out', time: 1, cpu: 0, next: 3, isPrevRunnable: false },
    wake(5, 1),
    { kind: 'switched_out', time: 20, cpu: 0, next: 1, isPrevRunnable: true },
    { kind: 'switched_in', time: 21, cpu: 0, prev: 3, next: 1 },
    change(30, 1, 3),
  ]);
  assert.deepEqual([victim.by, victim.run], [{ '/hog': 15 }, 10]);
  assert.deepEqual(doubts, { ...trusted, untraced: 1 });
});

test('a switch of which only the arrival is known is taken from there, and counted', () => {
  const { victim, doubts } = replay([
    change(0, 0, 3),
    wake(5, 1),
    { kind: 'switched_in', time: 21, cpu: 0, prev: 3, next: 1 },
    change(30, 1, 0),
  ]);
  assert.deepEqual([victim.wait, victim.run], [16, 9]);
  assert.deepEqual(doubts, { ...trusted, unseen: 1 });
});

test('a gap, and records of a switch that differ, are counted', () => {
  const { doubts } = replay([
    change(0, 0, 1, true),
    { kind: 'switched_out', time: 1, cpu: 0, next: 1, isPrevRunnable: false },
    change(10, 3, 1),
  ]);
  assert.deepEqual(doubts, { ...trusted, contradictions: 1, gaps: 1 });
});

const refill = (time: number, timer = 'a'): PerfEvent => ({ kind: 'quota_refill', time, cpu: 0, timer });

test('a thread pushed off a CPU that then idles was throttled until the refill', () => {
  const events = [
    change(0, 0, 1),
    change(30, 1, 3, true),
    change(40, 3, 0),
    refill(100),
    change(103, 0, 1),
    change(110, 1, 0),
  ];
  const { victim } = replay(events, '/victim');
  assert.deepEqual([victim.wait, victim.throttled, victim.by], [73, 70, { idle: 3 }]);
  assert.deepEqual(replay(events).victim.by, { '/hog': 10, idle: 63 }, 'without a quota it was not');
});

test('a refill that finds the CPU busy ends the throttling before the wait', () => {
  const { victim } = replay(
    [
      change(0, 0, 1),
      change(30, 1, 0, true),
      change(80, 0, 3),
      refill(100),
      change(120, 3, 1),
      change(130, 1, 0),
    ],
    '/victim',
  );
  assert.deepEqual([victim.throttled, victim.by], [70, { '/hog': 20 }]);
});

test('a wake-up on an idle CPU, and a wait for a busy one, are no throttling', () => {
  const { victim } = replay(
    [
      change(0, 0, 3),
      refill(5),
      change(10, 3, 0),
      wake(20, 1),
      change(24, 0, 1),
      change(30, 1, 3, true),
      refill(35),
      change(40, 3, 1),
    ],
    '/victim',
  );
  assert.deepEqual([victim.throttled, victim.by], [0, { idle: 4, '/hog': 10 }]);
});

test('beside a CPU that never idles a long wait is throttling, and a short one is none', () => {
  const ms = 1e6;
  const { victim } = replay(
    [
      change(0, 0, 1),
      change(30 * ms, 1, 3, true),
      refill(100 * ms),
      change(102 * ms, 3, 1),
      change(195 * ms, 1, 3, true),
      refill(200 * ms),
      change(201 * ms, 3, 1),
    ],
    '/victim',
  );
  assert.deepEqual([victim.throttled, victim.by], [70 * ms, { '/hog': 8 * ms }]);
});

test('refills of another quota make it impossible to tell whose they are', () => {
  assert.throws(() => replay([refill(1), refill(2, 'b')], '/victim'), /other cgroups of this machine/);
});

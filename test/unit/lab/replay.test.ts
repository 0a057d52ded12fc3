import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { withUnseen } from '../../kernel/unseen.ts';
import { type Observer, type Replayed, replay, replayClasses, slicesOf } from '../../lab/replay.ts';
import { schedule } from '../../lab/schedules.ts';
import { kernelTasks } from '../../lab/trace.ts';
import { type Written, writeTrace } from '../../lab/traces.ts';

const victim = 100n;
const hog = 200n;
const other = 300n;

function replayed(happenings: readonly Written[], observer?: Observer): Replayed {
  const of = replay(writeTrace(happenings), observer).get(victim);
  assert.ok(of, 'the victim waited');
  return of;
}

/** From `prev` to `next` on CPU 0; 0 is the idle task, others have their number as pid and their cgroup as named. */
const cgroups = new Map([
  [1, victim],
  [2, hog],
  [3, other],
  [4, kernelTasks],
]);
const change = (at: number, prevPid: number, pid: number, rest: Partial<Written> = {}): Written => ({
  kind: 'switch',
  at,
  pid,
  prevPid,
  ...(pid ? { serial: cgroups.get(pid) ?? victim } : {}),
  ...(prevPid ? { prevSerial: cgroups.get(prevPid) ?? victim } : {}),
  ...rest,
});
const wake = (at: number, pid: number, rest: Partial<Written> = {}): Written => ({
  kind: 'wakeup',
  at,
  pid,
  serial: cgroups.get(pid) ?? victim,
  ...rest,
});

test('a wait is split among the cgroups that ran since it began', () => {
  const of = replayed([
    change(0, 0, 2),
    wake(40, 1),
    change(100, 2, 4),
    change(130, 4, 3),
    change(150, 3, 0),
    change(155, 0, 1, { queued: 40 }),
  ]);
  assert.equal(of.wait, 115);
  assert.equal(of.waits, 1);
  assert.deepEqual(
    [...of.by],
    [
      [other, 20],
      [hog, 60],
    ],
  );
  assert.deepEqual(of.classes, {
    self: 0,
    other: 80,
    kernel: 30,
    idle: 5,
    throttled: 0,
    stolen: 0,
    unknown: 0,
  });
  assert.deepEqual(of.misstamped, { waits: 0, wait: 0 });
});

test('another task of the same cgroup is the victim itself', () => {
  const of = replayed([
    change(0, 0, 1, { queued: 0 }),
    change(10, 1, 7, { flags: ['prevRunnable'], queued: 5 }),
    change(60, 7, 1, { queued: 10 }),
  ]);
  assert.equal(of.classes.self, 50 + 5);
  assert.equal(of.wait, 55);
});

test('stolen time of a slice is no cgroup’s, in proportion to the waited part', () => {
  const of = replayed([change(0, 0, 2), wake(50, 1), change(100, 2, 1, { queued: 50, stolen: 20 })]);
  assert.equal(of.classes.stolen, 10);
  assert.equal(of.classes.other, 40);
});

test('the part of a wait before the first switch is unknown', () => {
  const of = replayed([change(100, 2, 3), change(130, 3, 1, { queued: 20 })]);
  assert.equal(of.classes.unknown, 80);
  assert.equal(of.classes.other, 30);
});

test('a wait that moves between CPUs is charged on each of them', () => {
  const of = replayed([
    change(0, 0, 2),
    change(0, 0, 3, { cpu: 1 }),
    { kind: 'newWakeup', at: 10, pid: 1, serial: victim },
    { kind: 'move', at: 40, pid: 1, serial: victim, runDelay: 30 },
    change(90, 2, 0),
    change(100, 3, 1, { cpu: 1, queued: 45, runDelay: 30 }),
  ]);
  assert.equal(of.wait, 30 + 55);
  assert.equal(of.waits, 1);
  assert.deepEqual(
    new Map(of.by),
    new Map([
      [hog, 30],
      [other, 55],
    ]),
  );
  assert.equal(of.misstamped.waits, 0);
});

test('a task moved while it sleeps has a wrong stamp: its wait is excluded, with its true length', () => {
  const of = replayed([
    change(0, 0, 1, { queued: 0 }),
    change(10, 1, 2),
    { kind: 'move', at: 20, pid: 1, serial: victim, flags: ['delayed'] },
    wake(70, 1, { cpu: 1 }),
    change(60, 0, 3, { cpu: 1 }),
    change(100, 3, 1, { cpu: 1, queued: 20 }),
  ]);
  assert.deepEqual(of.excluded, { waits: 1, wait: 30 });
  assert.equal(of.waits, 1);
  assert.equal(of.wait, 0);
});

test('a stamp without a wake-up is reported', () => {
  const of = replayed([change(0, 0, 2), wake(40, 1), change(100, 2, 1, { queued: 30 })]);
  assert.deepEqual(of.misstamped, { waits: 1, wait: 10 });
});

test('a wait without a stamp is reported', () => {
  const of = replayed([
    change(0, 0, 1, { queued: 0 }),
    change(10, 1, 2, { flags: ['prevRunnable'] }),
    change(50, 2, 1),
  ]);
  assert.deepEqual(of.misstamped, { waits: 1, wait: 40 });
});

test('a wake-up of a running or waiting task begins no wait', () => {
  const of = replayed([
    change(0, 0, 1, { queued: 0 }),
    wake(5, 1),
    change(10, 1, 2, { flags: ['prevRunnable'] }),
    wake(30, 1),
    change(50, 2, 1, { queued: 10 }),
  ]);
  assert.equal(of.misstamped.waits, 0);
  assert.equal(of.wait, 40);
});

test("a wait is throttled until the group's throttled time stops growing", () => {
  const throttled = { flags: ['prevRunnable', 'prevThrottled'] } as const;
  const of = replayed([
    change(0, 0, 1, { queued: 0 }),
    change(10, 1, 2, { ...throttled, prevThrottled: 3 }), // grows since 7
    // released at 60, runs a little as pid 7, is throttled again from 90 on
    change(80, 2, 7, { serial: victim, queued: 60, throttled: 53 }),
    change(90, 7, 3, { ...throttled, prevSerial: victim, prevThrottled: 53 }),
    change(120, 3, 1, { queued: 10, throttled: 83 }),
  ]);
  assert.equal(of.classes.throttled, 50);
  assert.equal(of.classes.self, 10);
  assert.deepEqual(
    new Map(of.by),
    new Map([
      [hog, 20 + 20],
      [other, 30],
    ]),
  );
});

test('an observer gets a moved wait whole, with the slices that ended on each CPU', () => {
  const seen: unknown[] = [];
  replayed(
    [
      change(0, 0, 2),
      change(0, 0, 3, { cpu: 1 }),
      { kind: 'newWakeup', at: 10, pid: 1, serial: victim },
      { kind: 'move', at: 40, pid: 1, serial: victim, runDelay: 30 },
      change(90, 2, 0),
      change(100, 3, 1, { cpu: 1, queued: 45, runDelay: 30 }),
    ],
    {
      wait: ({ wait, isWoken }) => seen.push(['wait', wait, isWoken]),
      part: ({ cpu, first, last }) => seen.push(['part', cpu, last - first + 1]),
    },
  );
  assert.deepEqual(seen, [
    ['part', 0, 0],
    ['part', 1, 1],
    ['wait', 85, true],
  ]);
});

test("a missed switch is inserted where the kernel's stamps place it", () => {
  const of = replay(
    withUnseen(
      writeTrace([
        change(0, 0, 2),
        wake(20, 1),
        // 2 left for 3 at 30, unseen; 3 leaves for 1
        change(100, 3, 1, { queued: 20, prevArrived: 30, stolen: 10 }),
        // 1 left for 4 at 110, unseen; 4 leaves for 2
        wake(105, 2),
        change(140, 4, 2, { queued: 105, prevArrived: 110, stolen: 10 }),
      ]),
    ),
  );
  const first = of.get(victim);
  assert.deepEqual(
    new Map(first?.by),
    new Map([
      [other, 63],
      [hog, 9],
    ]),
  );
  assert.equal(first?.classes.stolen, 8);
  assert.equal(of.get(hog)?.classes.kernel, 30);
  assert.deepEqual(new Map(of.get(hog)?.by), new Map([[victim, 5]]));
});

test('a wait that ends with a missed switch is counted', () => {
  const of = replay(
    withUnseen(
      writeTrace([
        change(0, 0, 2),
        wake(20, 1),
        change(100, 1, 3, { flags: ['prevRunnable'], prevArrived: 60 }),
        change(130, 3, 1, { queued: 100, runDelay: 40 }),
      ]),
    ),
  ).get(victim);
  assert.equal(of?.waits, 2);
  assert.equal(of?.wait, 40 + 30);
  assert.equal(of?.unseen, 1);
  assert.deepEqual(
    new Map(of?.by),
    new Map([
      [hog, 40],
      [other, 30],
    ]),
  );
});

test('parts of each wait sum to it, and each instant has one owner', () => {
  fc.assert(
    fc.property(schedule, ({ happenings, truth }) => {
      const trace = writeTrace(happenings);
      const result = replay(trace);
      for (const [cgroup, of] of result) {
        const sum = replayClasses.reduce((total, name) => total + of.classes[name], 0);
        assert.equal(sum, of.wait);
        const expected = truth.get(cgroup);
        assert.deepEqual(of.misstamped, { waits: 0, wait: 0 });
        assert.equal(of.wait, expected?.wait ?? 0);
        assert.equal(of.classes.unknown, 0);
        for (const [culprit, ns] of expected?.by ?? []) {
          const replayed =
            culprit === cgroup
              ? of.classes.self
              : culprit === 0n
                ? of.classes.idle
                : (of.by.get(culprit) ?? 0);
          assert.equal(replayed, ns, `${cgroup} behind ${culprit}`);
        }
      }
      for (const [cgroup, { wait }] of truth) assert.equal(result.get(cgroup)?.wait ?? 0, wait);
    }),
  );
});

test('an observer gets each wait with its last runner and the slices that ended meanwhile', () => {
  const seen: unknown[] = [];
  const happenings = [
    change(0, 0, 2),
    wake(40, 1),
    change(100, 2, 3, { flags: ['prevRunnable'], queued: 90 }),
    change(130, 3, 1, { queued: 40 }),
  ];
  replayed(happenings, {
    wait: ({ wait, last, isWoken }) => seen.push(['wait', wait, last, isWoken]),
    part: ({ first, last }) => seen.push(['part', first, last]),
    preemption: (serial, by) => seen.push(['preemption', serial, by]),
  });
  const trace = writeTrace(happenings);
  const index = (id: bigint) => trace.parties.indexOf(id);
  assert.deepEqual(slicesOf(trace), [[0, 2, 3]]);
  assert.deepEqual(seen, [
    ['preemption', index(hog), index(other)],
    ['part', 1, 1],
    ['wait', 10, index(hog), false],
    ['part', 1, 2],
    ['wait', 90, index(other), true],
  ]);
});

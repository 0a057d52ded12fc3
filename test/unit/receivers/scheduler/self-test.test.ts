import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OwnCgroup } from '../../../../src/cgroup/own.ts';
import { noSums, readingOf } from '../../../../src/receivers/scheduler/cgroup-sums.ts';
import { type SelfTestSubject, selfTest, summarize } from '../../../../src/receivers/scheduler/self-test.ts';
import type { Waiter } from '../../../../src/receivers/scheduler/source.ts';
import { cgroupId, type MonotonicNanoseconds } from '../../../../src/telemetry/units.ts';

const own: OwnCgroup & { kind: 'found' } = { kind: 'found', id: cgroupId(42n), directory: '/cgroup/agent' };
const wall = ['throttle_count', 'throttled_clock_pelt_time', 'throttled_clock_self_time'];
const bootedFor = 3_600_000_000_000n;

interface Behaviour {
  /** Where the waits of this thread are counted; undefined: nowhere. */
  readonly countedAs?: Waiter | undefined;
  /** Of the scheduler's clock, against CLOCK_MONOTONIC. */
  readonly rate?: number;
  /** From the switch to this thread until it looks, by nap, ms. */
  readonly lag?: readonly number[];
  readonly cpu?: (naps: number) => number | undefined;
  readonly members?: readonly string[];
  readonly cgroup?: OwnCgroup;
  readonly seesAllTasks?: boolean;
}

/** A machine on which nothing runs but this thread, and no time passes but what it sleeps. */
function machine(behaviour: Behaviour = {}) {
  const { rate = 1, lag = [], members = wall, cgroup = own, seesAllTasks = true } = behaviour;
  const countedAs = 'countedAs' in behaviour ? behaviour.countedAs : own.id;
  let now = 7_000_000_000n;
  let naps = 0;
  let counted = 0;
  let switched = bootedFor;
  const cpu = () => (behaviour.cpu ? behaviour.cpu(naps) : 1);
  const subject: SelfTestSubject = {
    cgroup,
    seesAllTasks,
    cpu,
    monotonic: () => now,
    kernelStruct: (name) => (name === 'cfs_rq' ? members : undefined),
    async sleep(ms) {
      now += BigInt(ms * 1e6);
      switched = bootedFor + BigInt(Math.round(Number(now) * rate));
      now += BigInt((lag[naps] ?? 0) * 1e6);
      naps++;
    },
    source: {
      lastSwitches: () => [bootedFor, bootedFor, bootedFor].with(cpu() ?? 0, switched),
      // biome-ignore lint/correctness/useYield: a reading of one step
      *reading() {
        const waits = naps - counted;
        counted = naps;
        const sums = noSums();
        sums.zeroCount = waits;
        const cgroups = countedAs === undefined || !waits ? [] : [readingOf(countedAs, sums)];
        return { at: now as MonotonicNanoseconds, cgroups, pairs: [], drops: {} };
      },
    },
  };
  return { subject, naps: () => naps };
}

test('self-test: passes after four sleeps of 10 ms', async () => {
  const { subject, naps } = machine();
  const result = await selfTest(subject);
  assert.equal(summarize(result), 'passed');
  assert.equal(result.throttleClock, 'wall');
  assert.equal(result.took, 40_000_000);
  assert.equal(naps(), 4);
});

test('self-test: a private pid namespace fails the check of tasks only', async () => {
  const result = await selfTest(machine({ seesAllTasks: false }).subject);
  assert.match(result.failed.get('tasks') ?? '', /hostPID: true/);
  assert.equal(summarize(result), 'failed: tasks');
});

test('self-test: a kernel that does not stamp waiting tasks fails', async () => {
  const result = await selfTest(machine({ countedAs: undefined }).subject);
  assert.equal(summarize(result), 'failed: wait_stamps; not checked: cgroup');
  assert.match(result.failed.get('wait_stamps') ?? '', /last_queued is always 0.*nodelayacct/);
});

for (const rate of [0, 0.9, 1.1, 0.024])
  test(`self-test: a clock ${rate} times as fast as time fails`, async () => {
    const result = await selfTest(machine({ rate }).subject);
    assert.equal(summarize(result), 'failed: clock');
    assert.match(
      result.failed.get('clock') ?? '',
      new RegExp(`${(rate * 190).toFixed(1)} ms while 190\\.0 ms`),
    );
  });

test('self-test: a clock off by 2 % passes, the precision of some 10 ms', async () => {
  assert.equal(summarize(await selfTest(machine({ rate: 1.02 }).subject)), 'passed');
});

test('self-test: a delayed reading of the clock is repeated', async () => {
  const { subject, naps } = machine({ lag: [4] });
  assert.equal(summarize(await selfTest(subject)), 'passed');
  assert.ok(naps() > 4);
});

test('self-test: the clock is judged by one timely reading among delayed ones', async () => {
  const lag = [0, ...Array.from({ length: 19 }, (_, nap) => 28 + (nap % 3) * 9)];
  assert.equal(summarize(await selfTest(machine({ lag }).subject)), 'passed');
  assert.equal(summarize(await selfTest(machine({ lag, rate: 1.3 }).subject)), 'failed: clock');
});

for (const lag of [[2], [0, 0, 0, 3], [0, 2], [0, 4, 0, 0, 0, 5, 0, 0, 6]])
  test(`self-test: readings late by ${lag} ms do not let a wrong clock pass`, async () => {
    for (const rate of [0.9, 1.1])
      assert.equal(summarize(await selfTest(machine({ rate, lag }).subject)), 'failed: clock');
  });

test('self-test: a thread moved to another CPU is followed', async () => {
  assert.equal(summarize(await selfTest(machine({ cpu: (naps) => naps % 3 }).subject)), 'passed');
});

test('self-test: an impossible check is reported as unchecked, not as failed', async () => {
  const result = await selfTest(
    machine({ cpu: () => undefined, cgroup: { kind: 'hidden', reason: 'behind a wall' } }).subject,
  );
  assert.equal(summarize(result), 'passed; not checked: clock, cgroup');
  assert.equal(result.unchecked.get('cgroup'), 'behind a wall');
});

test("self-test: a process counted in another cgroup than its directory's fails", async () => {
  const result = await selfTest(machine({ countedAs: cgroupId(43n) }).subject);
  assert.equal(summarize(result), 'failed: cgroup');
  assert.match(
    result.failed.get('cgroup') ?? '',
    /not have this process in \/cgroup\/agent \(cgroup id 42\)/,
  );
});

test('self-test: beyond max_workloads the cgroup is unchecked', async () => {
  const result = await selfTest(machine({ countedAs: 'overflow' }).subject);
  assert.equal(summarize(result), 'passed; not checked: cgroup');
});

test('self-test: a hierarchy without the cpu controller fails', async () => {
  const result = await selfTest(machine({ cgroup: { kind: 'wrong', problem: 'mount it' } }).subject);
  assert.equal(result.failed.get('cgroup'), 'mount it');
});

for (const [clock, members] of [
  ['pelt', ['throttle_count', 'throttled_clock_pelt_time']],
  ['task', ['throttled_clock_task_time']],
  ['none', ['throttle_count']],
] as const)
  test(`self-test: the clock of throttled time is reported: ${clock}`, async () => {
    const result = await selfTest(machine({ members }).subject);
    assert.equal(result.throttleClock, clock);
    assert.equal(summarize(result), clock === 'none' ? 'failed: throttle_clock' : 'passed');
  });

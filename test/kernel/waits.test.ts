import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { samplingQuantum } from '../../src/receivers/scheduler/source.ts';
import { openOracle } from '../lab/oracle.ts';
import { replay } from '../lab/replay.ts';
import { usualOr } from '../lab/thorough.ts';
import { stopProcess, threadsOf, untilThreads, waitsOf } from '../lab/threads.ts';
import type { Trace } from '../lab/trace.ts';
import { attach } from './attach.ts';
import {
  account,
  endLoad,
  hasLocalStatistics,
  longestLoad,
  makeCgroup,
  outlast,
  program,
  runIn,
  spin,
  startIn,
  type TestCgroup,
} from './scheduler-fixture.ts';

/** Long waits, many waiters, quotas in quotas: where a sum of completed waits, or one culprit, would mislead. */

const cpus = availableParallelism();
const second = 1e9;
const now = () => Number(process.hrtime.bigint());

function assertNear(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} instead of ${expected}`);
}

test("a starving thread's wait is reported while in progress, and never exceeds the elapsed time", async () => {
  const weak = makeCgroup('weak', { weak: true });
  const strong = makeCgroup('strong');
  const opened = attach();
  opened.read();
  const start = now();
  const [victim, hog] = [
    startIn(weak, spin(longestLoad, 1), 0),
    startIn(strong, spin(longestLoad, 2), 0),
  ] as const;
  const total = { wait: 0, completed: 0 };
  let silence = 0;
  let before = start;
  const read = () => {
    const begun = now();
    const reading = opened.read().cgroups.find(({ cgroup }) => cgroup === weak.id);
    const { wait = 0, completed = 0 } = reading ?? {};
    if (completed === 0 && wait > 0.5 * (now() - before)) silence += now() - before;
    total.wait += wait;
    total.completed += completed;
    // In one reading it may be more: a CPU's clock lags by some ticks, and then catches up.
    assert.ok(total.wait <= now() - start + 0.01 * second, `${total.wait} in ${now() - start}`);
    before = begun;
  };
  while ((total.wait < second || silence < 0.2 * second) && now() - start < 60 * second) {
    await sleep(100);
    read();
  }
  for (const load of [hog, victim]) await endLoad(load);
  read();
  assert.ok(total.wait > second, `only ${total.wait} ns of waiting`);
  assert.ok(silence > 0.2 * second, `all waits ended soon: ${silence} ns without an end`);
  assertNear(total.completed, total.wait, 1_000_000, 'when all have ended, what ended is what was waited');
});

test('waits that go on, begin and end between the steps of a reading are counted once, and in full', async (context) => {
  const crowd = makeCgroup('between-steps');
  const victims = makeCgroup('victims');
  const opened = attach({ threads: 5000 });
  const total = { wait: 0, completed: 0, steps: 0, readings: 0 };
  const drops: Record<string, number> = {};
  const read = async () => {
    for (const steps = opened.reading(); ; total.steps++) {
      const step = steps.next();
      if (!step.done) {
        await sleep(1);
        continue;
      }
      const reading = step.value.cgroups.find(({ cgroup }) => cgroup === victims.id);
      total.wait += reading?.wait ?? 0;
      total.completed += reading?.completed ?? 0;
      total.readings++;
      for (const [reason, count] of Object.entries(step.value.drops))
        drops[reason] = (drops[reason] ?? 0) + count;
      return;
    }
  };
  const threads = 3000;
  const sleepers = startIn(crowd, spin(longestLoad, threads, 1, 900_000));
  context.after(() => endLoad(sleepers));
  await untilThreads(sleepers.pid, threads);
  const load = startIn(victims, spin(longestLoad, 20 * cpus));
  context.after(() => endLoad(load));
  await untilThreads(load.pid, 20 * cpus);
  await stopProcess(load.pid);
  await read(); // what was before does not count
  Object.assign(total, { wait: 0, completed: 0, steps: 0, readings: 0 });
  const waited = () => waitsOf(threadsOf(load.pid)).wait;
  const before = waited();
  load.signal('SIGCONT');
  do await read();
  while (waited() - before < usualOr(50, 100) * second);
  await stopProcess(load.pid);
  const kernel = waited() - before;
  await read();
  assert.ok(total.steps > 5 * total.readings, `${total.steps} steps of ${total.readings} readings`);
  assertNear(total.completed, total.wait, 1_000_000, 'when all are stopped, what ended is what was waited');
  assertNear(total.wait, kernel, 0.01 * kernel, `wait of the victims, ${JSON.stringify(drops)}`);
  await endLoad(load);
  await read();
  assertNear(total.completed, total.wait, 1_000_000, 'when all have exited, what ended is what was waited');
});

test("two quotas in one path: each has its own part, and their sum is the kernel's", {
  skip: !hasLocalStatistics && 'the kernel has no cpu.stat.local (6.6)',
}, async () => {
  const parent = makeCgroup('pod', { quota: 30 });
  const child = makeCgroup('container', { parent, quota: 30 });
  const before = { child: child.throttledLocally(), parent: parent.throttledLocally() };
  const throttled = () => child.throttledLocally() - before.child;
  const result = await account(attach(), async () => {
    while (throttled() <= second)
      // beside other work it comes to use its quota late
      await Promise.all(Array.from({ length: cpus }, (_, cpu) => runIn(child, spin(usualOr(3, 5), 1), cpu)));
  });
  const whole = throttled();
  const above = parent.throttledLocally() - before.parent;
  assertNear(result.of(child).classes.throttled, whole, 0.01 * whole, 'throttled');
  assertNear(result.pair(child, parent).throttled, above, 0.01 * whole, "by the parent's quota");
  assertNear(result.pair(child, child).throttled, whole - above, 0.01 * whole, 'by its own');
  assertNear(result.blamed(child, 'throttled'), whole, 0.01 * whole, 'by all quotas');
});

test("a container whose sibling exhausts their pod's quota waits for a neighbor only while it could have run", async () => {
  const pod = makeCgroup('shared', { quota: 15 });
  const [busy, victim] = [makeCgroup('busy', { parent: pod }), makeCgroup('victim', { parent: pod })];
  const neighbor = makeCgroup('beside');
  let ranBeside = 0;
  const result = await account(attach(), () =>
    outlast(neighbor, 0, async () => {
      const before = neighbor.ran();
      // the victim is there whenever the pod is throttled
      await outlast(victim, 0, () => runIn(busy, spin(4, 1), 0));
      ranBeside = neighbor.ran() - before;
    }),
  );
  const { wait, classes } = result.of(victim);
  // From 6.18 on the pod is throttled before its threads are: they leave the CPU one by one.
  const throttled = hasLocalStatistics ? victim.throttledLocally() : pod.throttled();
  assert.ok(throttled > 0.3 * wait, `throttled for ${throttled} of ${wait}`);
  assertNear(classes.throttled, throttled, 0.02 * wait, `throttled, ${JSON.stringify(classes)}`);
  // one of the three always has the CPU, while the pod is throttled the neighbor; but for what else runs on this machine
  const foreign = wait - busy.ran() - ranBeside;
  const tolerance = 0.06 * wait + Math.max(0, foreign);
  const behind = result.pair(victim, neighbor).other;
  assertNear(behind, ranBeside - throttled, tolerance, 'behind the neighbor');
  assertNear(result.pair(victim, busy).other, busy.ran(), 0.06 * wait, 'behind the sibling');
  assert.ok(classes.unknown < 0.05 * wait, `unknown ${classes.unknown} of ${wait}`);
});

test('240 tasks passing messages: less than 0.5 % of their wait is unknown', async () => {
  const cgroup = makeCgroup('messages');
  const result = await account(attach(), () =>
    runIn(cgroup, [program('bench/messages'), String(usualOr(2, 3)), '120']),
  );
  const { wait, classes } = result.of(cgroup);
  assert.ok(wait > 10 * second, `waited only ${wait} ns`);
  assert.ok(classes.unknown < 0.005 * wait, `unknown ${classes.unknown} of ${wait}`);
});

test('40 spinning threads of two cgroups: whenever one runs, all others on its CPU wait for it', async () => {
  const [one, other] = [makeCgroup('one'), makeCgroup('other')];
  const opened = attach(); // before the load: a wait that began earlier has a part without a history
  const ofCpu = Math.ceil(20 / cpus); // pinned: the kernel may put each cgroup on CPUs of its own
  const loads = [one, other].flatMap((cgroup) =>
    Array.from({ length: cpus }, (_, cpu) => startIn(cgroup, spin(longestLoad, ofCpu), cpu)),
  );
  for (const { pid } of loads) await untilThreads(pid, ofCpu);
  const ran = { one: 0, other: 0 };
  const result = await account(opened, async () => {
    const before = { one: one.ran(), other: other.ran() };
    await sleep(usualOr(3000, 6000));
    await Promise.all(loads.map(endLoad));
    Object.assign(ran, { one: one.ran() - before.one, other: other.ran() - before.other });
  });
  for (const [cgroup, neighbor, ownRun, neighborRun] of [
    [one, other, ran.one, ran.other],
    [other, one, ran.other, ran.one],
  ] as const) {
    const { wait, classes } = result.of(cgroup);
    assert.ok(wait > 50 * second, `waited only ${wait} ns`);
    assert.ok(classes.unknown < 0.005 * wait, `unknown ${classes.unknown} of ${wait}`);
    assertNear(result.blamed(cgroup, 'other'), classes.other, 0.01 * wait, 'behind named cgroups');
    assertNear(result.pair(cgroup, neighbor).other, ofCpu * neighborRun, 0.03 * wait, 'behind its neighbor');
    assertNear(classes.self, (ofCpu - 1) * ownRun, 0.03 * wait, 'behind its own threads');
  }
});

test('twenty cgroups rotating on one CPU: each wait is explained, each culprit has its share', async () => {
  const victim = makeCgroup('among-many');
  const crowd = Array.from({ length: 20 }, (_, i) => makeCgroup(`one-of-many-${i}`));
  const result = await account(attach(), () =>
    outlast(victim, 0, () =>
      Promise.all(crowd.map((cgroup, i) => runIn(cgroup, spin(2, 1, ...(i % 2 ? [300, 700] : [])), 0))),
    ),
  );
  const { wait, classes } = result.of(victim);
  assert.ok(wait > second, `waited only ${wait} ns`);
  for (const cgroup of crowd) {
    const of = result.of(cgroup);
    assert.ok(of.classes.unknown < 0.005 * of.wait, `unknown ${of.classes.unknown} of ${of.wait}`);
  }
  // it always wants to run: whenever another does, it waits
  for (const culprit of crowd)
    assertNear(result.pair(victim, culprit).other, culprit.ran(), 0.02 * wait, `behind ${culprit.path}`);
  // time in which more ran than an epoch has names for is a crowd's, each some ms of one epoch, and counted
  const longest = 8_000_000;
  const nameless = Math.min((result.drops.unnamed_shared ?? 0) * longest, 0.09 * wait);
  const tolerance = 0.01 * wait + nameless;
  assertNear(result.blamed(victim, 'other'), classes.other, tolerance, 'behind named cgroups');
});

test('last runners are reported beside culprits, as a replay of every switch has them', async () => {
  const victim = makeCgroup('behind-one');
  const hog = makeCgroup('in-front');
  const oracle = openOracle();
  try {
    const result = await account(attach(), () => outlast(victim, 0, () => runIn(hog, spin(2, 1), 0)));
    const { last, other } = result.pair(victim, hog);
    const { wait, waits } = result.of(victim);
    assert.ok(wait > 0.5 * second, `waited only ${wait} ns`);
    assertNear(other, hog.ran(), 0.02 * hog.ran(), 'behind the hog');
    // one shorter than a quantum may be booked as a whole one, for others that were as short
    const sampled = waits * 1.125 * samplingQuantum;
    const lasts = result.blamed(victim, 'last');
    assert.ok(lasts <= wait + sampled, `each wait has one last runner: ${lasts} of ${wait}, ${waits} waits`);
    // not always most of it: with PREEMPT_RT threads of the kernel run after each tick
    const replayed = lastRunnerTime(oracle.trace(), victim, hog);
    assert.ok(replayed > 0, 'after some waits the hog left the CPU to the victim');
    assertNear(last, replayed, 0.03 * wait, 'waits after which the hog left the CPU');
  } finally {
    oracle.close();
  }
});

/** Waits of the one that ended when the other left the CPU to it. */
function lastRunnerTime(trace: Trace, victim: TestCgroup, runner: TestCgroup): number {
  let sum = 0;
  replay(trace, {
    wait({ serial, wait, last }) {
      if (trace.parties[serial] === victim.id && trace.parties[last] === runner.id) sum += wait;
    },
  });
  return sum;
}

test('a thread pinned to one CPU has no idle CPU', async () => {
  const pinned = makeCgroup('pinned');
  const result = await account(attach({ eventRate: 100 }), () => runIn(pinned, spin(2, 3), 0));
  const waits = result.waits.filter(({ cgroup }) => cgroup === pinned.id);
  assert.ok(waits.length > 10, `only ${waits.length} events`);
  for (const { idleCpu } of waits) assert.equal(idleCpu.time, 0);
});

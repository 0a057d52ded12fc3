import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { usualOr } from '../lab/thorough.ts';
import { attach } from './attach.ts';
import { account, hasLocalStatistics, makeCgroup, program, runIn, spin } from './scheduler-fixture.ts';

/** Long waits, many waiters, quotas in quotas: where a sum of completed waits, or one culprit, would mislead. */

const cpus = availableParallelism();
const second = 1e9;

function assertNear(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} instead of ${expected}`);
}

test('who starves is seen to wait while it waits, and never longer than time has passed', async () => {
  const weak = makeCgroup('weak', { weak: true });
  const strong = makeCgroup('strong');
  const opened = attach();
  opened.read();
  const start = Number(process.hrtime.bigint());
  let isOver = false;
  const load = Promise.all([runIn(weak, spin(4, 1), 0), runIn(strong, spin(3, 2), 0)]).finally(() => {
    isOver = true;
  });
  const total = { wait: 0, completed: 0 };
  let longestSilence = 0;
  let before = start;
  while (!isOver) {
    await sleep(100);
    const begun = Number(process.hrtime.bigint());
    const reading = opened.read().cgroups.find(({ cgroup }) => cgroup === weak.id);
    const now = Number(process.hrtime.bigint());
    const { wait = 0, completed = 0 } = reading ?? {};
    if (completed === 0 && wait > 0.5 * (now - before)) longestSilence += now - before;
    total.wait += wait;
    total.completed += completed;
    // In one reading it may be more: a CPU's clock lags by some ticks, and then catches up.
    assert.ok(total.wait <= now - start + 0.01 * second, `${total.wait} in ${now - start}`);
    before = begun;
  }
  await load;
  assert.ok(total.wait > second, `only ${total.wait} ns of waiting`);
  assert.ok(longestSilence > 0.2 * second, `all waits ended soon: ${longestSilence} ns without an end`);
  assertNear(total.completed, total.wait, 1_000_000, 'when all have ended, what ended is what was waited');
});

test('two quotas in one path: each has its own part, and together they are what the kernel says', {
  skip: !hasLocalStatistics && 'the kernel has no cpu.stat.local (6.6)',
}, async () => {
  const parent = makeCgroup('pod', { quota: 30 });
  const child = makeCgroup('container', { parent, quota: 30 });
  const before = { child: child.throttledLocally(), parent: parent.throttledLocally() };
  const opened = attach();
  // a queue that is throttled by both in turn has been so for a while before anybody looks: who came first is prorated
  const tolerance = opened.describe().features.throttling === 'per task' ? 0.01 : 0.06;
  const result = await account(opened, () =>
    Promise.all(Array.from({ length: cpus }, (_, cpu) => runIn(child, spin(5, 1), cpu))),
  );
  const whole = child.throttledLocally() - before.child;
  const above = parent.throttledLocally() - before.parent;
  assert.ok(whole > second, `the load was throttled only ${whole} ns`);
  assertNear(result.of(child).classes.throttled, whole, 0.01 * whole, 'throttled');
  assertNear(result.pair(child, parent).throttled, above, tolerance * whole, "by the parent's quota");
  assertNear(result.pair(child, child).throttled, whole - above, tolerance * whole, 'by its own');
  assertNear(result.blamed(child, 'throttled'), whole, 0.01 * whole, 'by anybody');
});

test('240 tasks that pass messages: less than 0.5 % of their waiting is unexplained', async () => {
  const cgroup = makeCgroup('messages');
  const result = await account(attach(), () => runIn(cgroup, [program('bench/messages'), '3', '120']));
  const { wait, classes } = result.of(cgroup);
  assert.ok(wait > 10 * second, `waited only ${wait} ns`);
  assert.ok(classes.unknown < 0.005 * wait, `unknown ${classes.unknown} of ${wait}`);
});

test('40 spinning threads of two equal cgroups: explained, in equal parts or near it', async () => {
  const [one, other] = [makeCgroup('one'), makeCgroup('other')];
  const result = await account(attach(), () =>
    Promise.all([one, other].map((cgroup) => runIn(cgroup, spin(usualOr(4, 6), 20)))),
  );
  for (const [cgroup, neighbor] of [
    [one, other],
    [other, one],
  ] as const) {
    const { wait, classes } = result.of(cgroup);
    assert.ok(wait > 50 * second, `waited only ${wait} ns`);
    assert.ok(classes.unknown < 0.005 * wait, `unknown ${classes.unknown} of ${wait}`);
    const behindNeighbor = result.pair(cgroup, neighbor).other;
    assertNear(result.blamed(cgroup, 'other'), classes.other, 0.01 * wait, 'behind anybody by name');
    // how evenly they are spread over the CPUs is up to the kernel: from 0.35 to 0.65 was seen
    assertNear(classes.self / (classes.self + behindNeighbor), 0.5, 0.3, 'behind its own threads');
  }
});

test('where twenty cgroups take turns on a CPU, each wait is explained and each has its share', async () => {
  const victim = makeCgroup('among-many');
  const crowd = Array.from({ length: 20 }, (_, i) => makeCgroup(`one-of-many-${i}`));
  const result = await account(attach(), () =>
    Promise.all([
      runIn(victim, spin(usualOr(5, 8), 1), 0),
      ...crowd.map((cgroup, i) => runIn(cgroup, spin(2, 1, ...(i % 2 ? [300, 700] : [])), 0)),
    ]),
  );
  const { wait, classes } = result.of(victim);
  assert.ok(wait > second, `waited only ${wait} ns`);
  for (const cgroup of crowd) {
    const of = result.of(cgroup);
    assert.ok(of.classes.unknown < 0.005 * of.wait, `unknown ${of.classes.unknown} of ${of.wait}`);
  }
  // it lives longer than they do and always wants to run: whenever another does, it waits
  for (const culprit of crowd)
    assertNear(result.pair(victim, culprit).other, culprit.ran(), 0.02 * wait, `behind ${culprit.path}`);
  // time in which more ran than an epoch has names for is a crowd's, each some ms of one epoch, and counted
  const longest = 8_000_000;
  const nameless = Math.min((result.drops.unnamed_shared ?? 0) * longest, 0.09 * wait);
  const tolerance = 0.01 * wait + nameless;
  assertNear(result.blamed(victim, 'other'), classes.other, tolerance, 'behind anybody by name');
});

test('who was the last to run is told beside who ran', async () => {
  const victim = makeCgroup('behind-one');
  const hog = makeCgroup('in-front');
  const result = await account(attach(), () =>
    Promise.all([runIn(victim, spin(4, 1), 0), sleep(500).then(() => runIn(hog, spin(2, 1), 0))]),
  );
  const { last, other } = result.pair(victim, hog);
  const { wait } = result.of(victim);
  assert.ok(wait > 0.5 * second, `waited only ${wait} ns`);
  // What else runs on the machine makes both wait, and is to blame for that.
  const ran = hog.ran();
  assert.ok(other > 0.8 * ran && other < 1.02 * ran, `the hog ran ${ran} ns and is to blame for ${other}`);
  assert.ok(result.blamed(victim, 'last') <= wait, 'each wait has one last');
  assert.ok(last > 0.5 * other, `after most waits the hog left the CPU to the victim: ${last} of ${other}`);
});

test('a thread that may use one CPU only was not misplaced', async () => {
  const pinned = makeCgroup('pinned');
  const result = await account(attach({ eventRate: 100 }), () => runIn(pinned, spin(2, 3), 0));
  const waits = result.waits.filter(({ cgroup }) => cgroup === pinned.id);
  assert.ok(waits.length > 10, `only ${waits.length} events`);
  for (const { idleCpu } of waits) assert.equal(idleCpu.time, 0);
});

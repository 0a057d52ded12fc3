import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { getTestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BpfMap } from '../../src/bpf/bpf.ts';
import { pairsFor } from '../../src/receivers/scheduler/sizes.ts';
import { dimensionsFor, schedulerSpec } from '../../src/receivers/scheduler/spec.ts';
import { milliseconds } from '../../src/telemetry/units.ts';
import { openOracle } from '../lab/oracle.ts';
import { usualOr } from '../lab/thorough.ts';
import { stopProcess, threadsOf, untilThreads, waitsOf } from '../lab/threads.ts';
import { attach } from './attach.ts';
import {
  account,
  bpf,
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

/** Known loads with computable answers, on this machine's real scheduler. */

const cpus = availableParallelism();
const second = 1e9;

/**
 * One thread a CPU: the kernel counts what a CPU was throttled, we count what tasks waited for it. Again and again until
 * the quota has throttled them for a second: beside other work they come to use it late.
 */
async function runUntilThrottled(cgroup: TestCgroup, throttled: () => number): Promise<void> {
  const before = throttled();
  while (throttled() - before <= second)
    await Promise.all(Array.from({ length: cpus }, (_, cpu) => runIn(cgroup, spin(usualOr(2, 5), 1), cpu)));
}

/** Shows the deviation in the results, also where it is allowed. */
function note(actual: number, expected: number, what: string): void {
  const context = getTestContext();
  const percent = ((actual / expected - 1) * 100).toFixed(2);
  if (context && 'diagnostic' in context) context.diagnostic(`${what}: off by ${percent} %`);
}

function assertWithin(actual: number, expected: number, share: number, what: string): void {
  note(actual, expected, what);
  const error = Math.abs(actual - expected) / expected;
  assert.ok(
    error <= share,
    `${what}: ${actual} instead of ${expected}, off by ${(error * 100).toFixed(2)} %`,
  );
}

test('four spinning threads per CPU run and wait for as long as the kernel says', async (context) => {
  const cgroup = makeCgroup('spinners');
  const load = startIn(cgroup, spin(longestLoad, 4 * cpus));
  context.after(() => endLoad(load));
  await untilThreads(load.pid, 4 * cpus);
  await stopProcess(load.pid);
  const count = () => ({ wait: waitsOf(threadsOf(load.pid)).wait, run: cgroup.ran() });
  const before = count();
  const result = await account(attach(), async () => {
    load.signal('SIGCONT');
    await sleep(2000);
    await stopProcess(load.pid);
  });
  const after = count();
  const { wait, run } = result.of(cgroup);
  assertWithin(run, after.run - before.run, 0.01, 'run of the spinners');
  assertWithin(wait, after.wait - before.wait, 0.001, 'wait of the spinners');
  // each waits for three others, and for what else this machine does
  assert.ok(wait > 2.5 * run, `waited ${wait}, ran ${run}`);
});

test('an exhausted own quota is throttled time, equal to cpu.stat', async () => {
  const cgroup = makeCgroup('quota', { quota: 20 });
  const before = cgroup.throttled();
  const locallyBefore = hasLocalStatistics ? cgroup.throttledLocally() : 0;
  const result = await account(attach(), () => runUntilThrottled(cgroup, cgroup.throttled));
  const throttled = cgroup.throttled() - before;
  const { classes } = result.of(cgroup);
  // cpu.stat also counts while a task of the group still waits behind others, on the way to being throttled
  note(classes.throttled, throttled, 'throttled as in cpu.stat');
  const apart = Math.abs(classes.throttled - throttled);
  assert.ok(
    apart <= 0.01 * throttled + classes.other,
    `${classes.throttled}, cpu.stat ${throttled}; ${JSON.stringify([classes, result.of(cgroup).run, result.drops])}`,
  );
  if (hasLocalStatistics)
    assertWithin(
      classes.throttled,
      cgroup.throttledLocally() - locallyBefore,
      0.01,
      'throttled as in cpu.stat.local',
    );
  assertWithin(result.pair(cgroup, cgroup).throttled, classes.throttled, 0.01, 'throttled by itself');
});

test('an exhausted quota of the parent is throttled time of the child, and names the parent', {
  skip: !hasLocalStatistics && 'the kernel has no cpu.stat.local (6.6)',
}, async () => {
  const parent = makeCgroup('parent', { quota: 20 });
  const child = makeCgroup('child', { parent });
  const before = child.throttledLocally();
  const result = await account(attach(), () => runUntilThrottled(child, child.throttledLocally));
  const throttled = child.throttledLocally() - before;
  assert.equal(child.throttled(), 0);
  assertWithin(result.of(child).classes.throttled, throttled, 0.01, 'throttled by a quota above');
  assertWithin(result.pair(child, parent).throttled, throttled, 0.01, 'throttled by the parent');
  assert.equal(result.pair(child, child).throttled, 0);
});

test('culprits equal those of a replay of every switch', async () => {
  const victim = makeCgroup('victim');
  const hog = makeCgroup('hog');
  const bursty = makeCgroup('bursty');
  const oracle = openOracle();
  try {
    const result = await account(attach(), () =>
      Promise.all([
        runIn(victim, spin(3, 1), 0),
        runIn(hog, spin(3, 2), 0),
        runIn(bursty, spin(3, 1, 300, 700), 0),
      ]),
    );
    const replayed = oracle.replay().get(victim.id);
    assert.ok(replayed, 'the oracle saw the victim');
    const of = result.of(victim);
    assert.ok(replayed.wait > 0.5 * second, `the victim waited only ${replayed.wait} ns`);
    assertWithin(of.wait, replayed.wait, 0.01, 'wait behind a hog');
    // The replay has interrupts only where the kernel's clock of tasks stands still meanwhile; elsewhere their ticks are taken.
    const tolerance = 0.03 + (of.classes.irq + of.classes.steal) / of.wait;
    const assertBlamed = (culprit: TestCgroup, what: string) => {
      const expected = replayed.by.get(culprit.id) ?? 0;
      // beside other work it may have run little, and the epoch in which a wait began is prorated
      const share = Math.max(tolerance, (0.005 * of.wait) / expected);
      assertWithin(result.pair(victim, culprit).other, expected, share, what);
    };
    assertBlamed(hog, 'behind the hog');
    assertBlamed(bursty, 'behind the bursty one');
    assertWithin(result.blamed(victim, 'other'), of.classes.other, 0.01, 'behind named cgroups');
    const { kernel } = replayed.classes;
    assert.ok(
      Math.abs(of.classes.kernel - kernel) < 0.01 * replayed.wait,
      `kernel ${of.classes.kernel}, not ${kernel}`,
    );
    // by the one that wakes up all the time; the other may have none
    assert.ok(
      [hog, bursty].some((by) => result.pair(victim, by).preemptions > 0),
      'the victim was preempted',
    );
  } finally {
    oracle.close();
  }
});

test('culprits that run for microseconds at a time are named', async () => {
  const victim = makeCgroup('patient');
  const chatter = makeCgroup('chatter');
  const result = await account(attach(), () =>
    outlast(victim, 0, () => runIn(chatter, [program('bench/pingpong'), '2', '0'], 0)),
  );
  const { wait, classes } = result.of(victim);
  assert.ok(wait > 0.5 * second, `the victim waited only ${wait} ns`);
  assertWithin(classes.other + classes.kernel, wait, 0.05, 'behind others and the kernel');
  assertWithin(result.blamed(victim, 'other'), classes.other, 0.01, 'behind named cgroups');
  // all the time that the chatter ran the victim waited; what else the machine did does not count
  assertWithin(result.pair(victim, chatter).other, chatter.ran(), 0.05, 'behind the chatter');
});

test('waits of seconds are explained completely', async () => {
  const patients = [makeCgroup('patient-a'), makeCgroup('patient-b')];
  const crowd = makeCgroup('crowd');
  const length = usualOr(4, 5);
  const result = await account(attach(), () =>
    Promise.all([
      ...patients.map((patient) => runIn(patient, spin(length, 4))),
      runIn(crowd, [
        'stress-ng',
        '--quiet',
        '--fork',
        '2',
        '--pipe',
        '2',
        '--switch',
        '2',
        '--timeout',
        `${length}s`,
      ]),
    ]),
  );
  for (const patient of patients) {
    const { wait, classes } = result.of(patient);
    assert.ok(wait > second, `${patient.path} waited only ${wait} ns`);
    assert.ok(classes.unknown < 0.004 * wait, `unknown ${classes.unknown} of ${wait}`);
  }
});

test('ping-pong: each switch is counted as a wait or as a loss', async () => {
  const cgroup = makeCgroup('pingpong');
  const sample = 200;
  const oracle = openOracle();
  try {
    const result = await account(attach({ sample, eventRate: 10_000 }), () =>
      runIn(cgroup, [program('bench/pingpong'), '2', '0']),
    );
    const replayed = oracle.replay().get(cgroup.id);
    assert.ok(replayed && replayed.waits > 5_000, `only ${replayed?.waits} switches`);
    assert.ok(
      Math.abs(result.of(cgroup).waits - replayed.waits) <= (result.drops.delayed_dequeue ?? 0) + 2,
      `${result.of(cgroup).waits} waits of ${replayed.waits}: ${JSON.stringify(result.drops)}`,
    );
    assert.equal(result.drops.ring_full ?? 0, 0);
    const weight = result.waits
      .filter((wait) => wait.cgroup === cgroup.id)
      .reduce((sum, wait) => sum + wait.weight, 0);
    // four standard deviations: the gaps between samples are uniform
    const chance = 4 * Math.sqrt(sample / (3 * replayed.waits));
    assertWithin(weight, replayed.waits, chance, 'weights of the events');
  } finally {
    oracle.close();
  }
});

test('maps for 64 CPUs stay under 9 MiB with default sizes, 12 MiB where queues are throttled', () => {
  const { mapBytes, features } = attach({ cpus: 64 }).describe();
  const most = features.throttling === 'per task' ? 9 : 12;
  assert.ok(mapBytes < most * 2 ** 20, `${mapBytes} bytes`);
  assert.ok(mapBytes > 5 * 2 ** 20, `${mapBytes} bytes cannot be all of it`);
});

/** As kernels from 5.11 to 6.3 count, whatever the map: an entry with its key in front. */
function memoryByEntries({ keySize, valueSize, maxEntries }: BpfMap): number {
  return maxEntries * Math.ceil((keySize + valueSize) / 8) * 8;
}

test('maps and buffers for 256 CPUs, 2,048 cgroups and 50,000 threads stay under 128 MiB as any kernel counts', () => {
  const node = { maxWorkloads: 2048, maxPairs: pairsFor(2048), threads: 50_000, limited: 2048 };
  const { mapBytes, bufferBytes } = attach({ cpus: 256, ...node }).describe();
  const options = { ...node, minWait: milliseconds(5), sample: 0, eventRate: 5 };
  const queues = bpf.open(
    schedulerSpec(options, dimensionsFor({ cpus: 256, cacheCpus: 16, workloads: 2048 }), false),
  );
  try {
    const byEntries = queues.maps.reduce((sum, map) => sum + memoryByEntries(map), 0);
    for (const bytes of [mapBytes, queues.memory, byEntries])
      assert.ok(bytes + bufferBytes < 128 * 2 ** 20, `${bytes} and ${bufferBytes} bytes`);
  } finally {
    queues.close();
  }
});

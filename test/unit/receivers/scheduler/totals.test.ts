import assert from 'node:assert/strict';
import { test } from 'node:test';
import { histogramOffset } from '../../../../src/receivers/scheduler/abi.ts';
import type { CgroupReading, Waiter } from '../../../../src/receivers/scheduler/source.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import { cgroupOf } from './fake-scheduler.ts';
import { abi } from './plain-abi.ts';
import { advance, find, other, setUp, waitOf, waits } from './totals-fixture.ts';

test('a reading is the growth since the last one, over all CPUs', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(10));
  kernel.wait(1, 1, other(5));
  assert.equal(find(read().cgroups, cgroup).wait, 15);
  kernel.wait(1, 1, other(7));
  assert.equal(find(read().cgroups, cgroup).classes.other, 7);
  assert.deepEqual(read(), { cgroups: [], drops: {} });
});

const times = (readings: readonly CgroupReading[], cgroup: Waiter) => {
  const reading = readings.find((it) => it.cgroup === cgroup);
  return [reading?.wait ?? 0, reading?.completed ?? 0];
};

test('a wait in progress is read as it passes, each nanosecond once, and enters the histogram whole at its end', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  kernel.progress(1, other(10), 7);
  const first = find(read().cgroups, cgroup);
  assert.deepEqual([first.wait, first.completed, first.classes.other, waits(first)], [10, 0, 10, 0]);
  kernel.progress(1, other(5), 7);
  assert.deepEqual(times(read().cgroups, cgroup), [5, 0]);
  assert.deepEqual(read().cgroups, [], 'nothing has passed since');
  kernel.wait(1, 1, other(2), 3, { thread: 7 });
  const last = find(read().cgroups, cgroup);
  assert.deepEqual([last.wait, last.completed, waits(last)], [2, 17, 1]);
});

test('a wait read completely while in progress adds only its end', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  kernel.progress(1, other(10), 7);
  read();
  kernel.wait(0, 1, other(0), 3, { thread: 7 });
  const { cgroups } = read();
  assert.deepEqual(times(cgroups, cgroup), [0, 10]);
  assert.equal(waits(find(cgroups, cgroup)), 1);
});

test('a wait whose thread changes its cgroup passes in the first and ends in the second', () => {
  const { kernel, read } = setUp();
  const [former, latter] = [cgroupOf(kernel.occupant(1)), cgroupOf(kernel.occupant(2))];
  kernel.progress(1, other(10), 7);
  kernel.wait(0, 2, other(1), 0, { thread: 7 });
  const { cgroups } = read();
  assert.deepEqual(
    [times(cgroups, former), times(cgroups, latter)],
    [
      [10, 0],
      [1, 11],
    ],
  );
  // and back: what is in progress in a cell was negative, and is positive again
  kernel.progress(2, other(20), 8);
  kernel.beginMove(0, 2, other(30), 8);
  kernel.finish(0);
  assert.deepEqual(times(read().cgroups, latter), [50, 0]);
  kernel.wait(0, 1, other(0), 0, { thread: 8 });
  assert.deepEqual(times(read().cgroups, former), [0, 50]);
});

test('a reused slot carries no wait in progress over', () => {
  const { kernel, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.progress(1, other(10), 7);
  read();
  kernel.progress(1, other(4), 7);
  kernel.recycle(1);
  kernel.progress(1, other(3), 8);
  const { cgroups } = read();
  assert.deepEqual(times(cgroups, former), [4, 0]);
  assert.deepEqual(times(cgroups, cgroupOf(kernel.occupant(1))), [3, 0]);
});

test('a cell copied while it is emptied keeps ended waits and waits in progress apart', () => {
  const { kernel, totals, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.beginMove(0, 1, other(5), 7);
  kernel.finish(0);
  kernel.recycle(1, false);
  kernel.beginClaim(0, 1, 9); // all its times are 0, and what is in progress is not yet
  advance({ kernel, totals }, () => kernel.copy());
  assert.deepEqual(finishNow(totals.take()).cgroups, []);
  kernel.finish(0);
  assert.deepEqual(times(read().cgroups, former), [5, 0]);
});

test('run time and preemptions are read without a wait', () => {
  const { kernel, read } = setUp();
  kernel.run(0, 1, 40n);
  kernel.preempt(0, 1, 3);
  const reading = find(read().cgroups, cgroupOf(kernel.occupant(1)));
  assert.deepEqual([reading.run, reading.preemptedBySelf, reading.wait], [40, 3, 0]);
});

test('kernel threads are read as `kernel`', () => {
  const { kernel, read } = setUp();
  kernel.wait(0, 0, other(9));
  assert.equal(find(read().cgroups, 'kernel').wait, 9);
});

test('totals beyond 2^53 are exact to the nanosecond', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  for (let round = 0; round < 6; round++) {
    kernel.wait(0, 1, other(2n ** 52n));
    read();
  }
  kernel.wait(0, 1, other(3));
  assert.equal(find(read().cgroups, cgroup).wait, 3);
});

test('a u32 counter that wraps goes on counting', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  for (const times of [2 ** 31 - 1, 2 ** 31 - 1, 1]) {
    kernel.preempt(0, 1, times);
    read();
  }
  kernel.count(0, 1, 2, 2 ** 32 - 1);
  read();
  kernel.preempt(0, 1, 5);
  kernel.wait(0, 1, other(1), 2);
  const reading = find(read().cgroups, cgroup);
  assert.equal(reading.preemptedBySelf, 5);
  assert.deepEqual([...reading.buckets], [[2 + histogramOffset, 1]]);
});

test('histogram copies add up, buckets by their OpenTelemetry index and too short waits apart', () => {
  const { kernel, read } = setUp();
  kernel.wait(0, 1, other(1), 3);
  kernel.wait(1, 1, other(1), 3);
  kernel.wait(1, 1, other(1), abi.buckets);
  const { buckets, zeroCount } = find(read().cgroups, cgroupOf(kernel.occupant(1)));
  assert.deepEqual([...buckets], [[3 + histogramOffset, 2]]);
  assert.equal(zeroCount, 1);
});

test("a wait of length zero is counted, never for the slot's next cgroup", () => {
  const { kernel, read } = setUp();
  const former = cgroupOf(kernel.occupant(1));
  kernel.wait(0, 1, other(0), abi.buckets);
  assert.equal(find(read().cgroups, former).zeroCount, 1);
  kernel.wait(0, 1, other(0), abi.buckets);
  kernel.recycle(1);
  kernel.wait(0, 1, other(4), 1);
  assert.equal(find(read().cgroups, cgroupOf(kernel.occupant(1))).zeroCount, 0);
});

test('a cell copied in the middle of a wait is copied again', () => {
  const { kernel, totals, losses } = setUp();
  kernel.beginWait(0, 1, other(10), 0);
  let copies = 0;
  advance({ kernel, totals }, () => {
    if (++copies === 3) kernel.finish(0);
    return kernel.copy();
  });
  assert.equal(copies, 3);
  assert.equal(waitOf(finishNow(totals.take()).cgroups, cgroupOf(kernel.occupant(1))), 10);
  assert.deepEqual(losses.take(), {});
});

test('a cell whose classes never sum up is left whole to the next reading, and the delay is counted', () => {
  const { kernel, read } = setUp();
  const cgroup = cgroupOf(kernel.occupant(1));
  kernel.beginWait(0, 1, other(10), 0);
  const first = read();
  assert.equal(waitOf(first.cgroups, cgroup), 0);
  assert.deepEqual(first.drops, { reading_delayed: 1 });
  kernel.finish(0);
  assert.equal(waitOf(read().cgroups, cgroup), 10);
});

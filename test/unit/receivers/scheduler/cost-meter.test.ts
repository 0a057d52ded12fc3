import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CostMeasurement } from '../../../../src/bpf/cost.ts';
import { costMeter } from '../../../../src/receivers/scheduler/cost-meter.ts';
import { schedulerCounters } from '../../../../src/receivers/scheduler/emits.ts';
import {
  type MonotonicNanoseconds,
  type Nanoseconds,
  nanoseconds,
  seconds,
} from '../../../../src/telemetry/units.ts';
import { fakeHost } from '../../fake-host.ts';

function setUp({ every = seconds(60), refusal }: { every?: Nanoseconds; refusal?: Error } = {}) {
  const { host, logged } = fakeHost('scheduler');
  let begun = 0;
  let running = 0;
  const cost = { runs: 1024, runTime: nanoseconds(15_625_000) };
  const measureCost = (): CostMeasurement => {
    begun++;
    if (refusal) throw refusal;
    running++;
    return {
      end() {
        running--;
        return { programs: [{ name: 'on_switch', ...cost }], elapsed: seconds(4) };
      },
    };
  };
  const meter = costMeter({ measureCost }, { every, host });
  /** Readings at these seconds. */
  const readAt = (...times: readonly number[]) => {
    for (const time of times) meter.advance(BigInt(time * 1e9) as MonotonicNanoseconds);
  };
  const counted = () =>
    Object.fromEntries(
      host.counters.read().map(({ metric: { name }, attributes, value }) => {
        assert.deepEqual(attributes, { component: 'scheduler', program: 'on_switch' });
        return [name, value];
      }),
    );
  return { meter, readAt, counted, cost, logged, begun: () => begun, running: () => running };
}

const { bpfRuns, bpfRunTime, bpfMeanRunTime, bpfShare } = schedulerCounters;

test('the cost is measured from one reading to the next, at start and then once in each period', () => {
  const { readAt, begun, running } = setUp();
  const at = [0, 10, 20, 50, 60, 70, 110, 120].map((time) => {
    readAt(time);
    return [time, begun(), running()];
  });
  assert.deepEqual(at, [
    [0, 1, 1],
    [10, 1, 0],
    [20, 1, 0],
    [50, 1, 0],
    [60, 2, 1],
    [70, 2, 0],
    [110, 2, 0],
    [120, 3, 1],
  ]);
});

test('runs and their time add up; time per run and CPU share are of the last measurement', () => {
  const { readAt, counted, cost } = setUp();
  readAt(0, 10);
  assert.deepEqual(counted(), {
    [bpfRuns.name]: 1024,
    [bpfRunTime.name]: 1 / 64,
    [bpfMeanRunTime.name]: 1 / 65_536,
    [bpfShare.name]: 1 / 256,
  });
  Object.assign(cost, { runs: 2048, runTime: nanoseconds(62_500_000) });
  readAt(60, 70);
  assert.deepEqual(counted(), {
    [bpfRuns.name]: 3072,
    [bpfRunTime.name]: 5 / 64,
    [bpfMeanRunTime.name]: 1 / 32_768,
    [bpfShare.name]: 1 / 64,
  });
});

test('a program that did not run has no CPU share, and keeps its last time per run', () => {
  const { readAt, counted, cost } = setUp();
  readAt(0, 10);
  Object.assign(cost, { runs: 0, runTime: nanoseconds(0) });
  readAt(60, 70);
  assert.equal(counted()[bpfMeanRunTime.name], 1 / 65_536);
  assert.equal(counted()[bpfShare.name], 0);
});

test('a refused measurement is logged once and not repeated', () => {
  const { readAt, begun, logged, counted } = setUp({ refusal: new Error('EPERM') });
  readAt(0, 10, 60, 70, 120);
  assert.equal(begun(), 1);
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', /EPERM.*not measured/);
  assert.deepEqual(counted(), {});
});

test('a period of 0 measures nothing', () => {
  const { readAt, begun } = setUp({ every: seconds(0) });
  readAt(0, 10, 60);
  assert.equal(begun(), 0);
});

test('closing ends a measurement, with its result, and begins none', () => {
  const { meter, readAt, running, begun, counted } = setUp();
  readAt(0);
  meter.close();
  meter.close();
  assert.equal(running(), 0);
  assert.equal(counted()[bpfRuns.name], 1024);
  readAt(60);
  assert.equal(begun(), 1);
});

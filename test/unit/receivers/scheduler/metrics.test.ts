import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedulerMetrics } from '../../../../src/receivers/scheduler/metrics.ts';
import { samplingQuantum } from '../../../../src/receivers/scheduler/source.ts';
import { finishInSteps } from '../../../../src/receivers/scheduler/steps.ts';
import { resource } from '../../../../src/telemetry/metrics/build.ts';
import {
  cgroupId,
  type MonotonicNanoseconds,
  type UnixNanoseconds,
} from '../../../../src/telemetry/units.ts';
import { cgroupReading } from './readings.ts';

const options: Parameters<typeof schedulerMetrics>[1] = {
  interval: { start: 0n as UnixNanoseconds, end: 1n as UnixNanoseconds },
  histogramScale: 2,
  maxCulprits: 10,
  samplingError: samplingQuantum,
  resourceOf: (cgroup) => resource({ 'earshot.cgroup.id': String(cgroup) }),
  isWanted: (cgroup) => cgroup !== cgroupId(5n),
};

test('metrics of many cgroups are made in steps, between which other work goes on', async () => {
  const cgroups = Array.from({ length: 1000 }, (_, i) =>
    cgroupReading({ other: 10 }, { cgroup: cgroupId(BigInt(i)) }),
  );
  const reading = { at: 0n as MonotonicNanoseconds, cgroups, pairs: [], drops: {} };
  let turns = 0;
  const count = setInterval(() => turns++, 0);
  const steps = [...schedulerMetrics(reading, options)];
  assert.ok(steps.length >= 10, `${steps.length} steps`);
  const metrics = await finishInSteps(schedulerMetrics(reading, options));
  clearInterval(count);
  assert.equal(metrics.length, 999, 'all that are wanted');
  assert.ok(turns > 0);
});

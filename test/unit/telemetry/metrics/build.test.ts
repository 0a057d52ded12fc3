import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeverityNumber, ValueType } from '@opentelemetry/api';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { eventAttributes, waitEvent } from '../../../../src/receivers/scheduler/emits.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import {
  event,
  hrTime,
  resource,
  resourceMetrics,
  scope,
  sum,
} from '../../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../../src/telemetry/units.ts';

const at = 1_700_000_000_123_456_789n as UnixNanoseconds;
const later = 1_700_000_010_000_000_000n as UnixNanoseconds;

test('a point in time keeps its nanoseconds', () => {
  assert.deepEqual(hrTime(at), [1_700_000_000, 123_456_789]);
});

test('a sum is a monotonic delta over the interval, described by its declaration', () => {
  const built = sum(waitMetrics.runTime, { start: at, end: later }, [{ value: 2.5 }]);
  assert.equal(built.aggregationTemporality, AggregationTemporality.DELTA);
  assert.equal(built.isMonotonic, true);
  assert.equal(built.descriptor.unit, 's');
  assert.deepEqual(built.dataPoints, [
    { startTime: hrTime(at), endTime: hrTime(later), attributes: {}, value: 2.5 },
  ]);
});

test('a count is an integer, a measured value is a double', () => {
  const interval = { start: at, end: later };
  assert.equal(sum(waitMetrics.preemptions, interval, []).descriptor.valueType, ValueType.INT);
  assert.equal(sum(waitMetrics.runTime, interval, []).descriptor.valueType, ValueType.DOUBLE);
});

test('an event carries its name, its own time and the time it was observed', () => {
  const record = event(waitEvent, {
    resource: resource({ [workloadAttributes.containerId.key]: 'c1' }),
    at,
    observed: later,
    attributes: { [eventAttributes.weight.key]: 3 },
  });
  assert.equal(record.eventName, 'earshot.wait');
  assert.equal(record.severityNumber, SeverityNumber.INFO);
  assert.deepEqual([record.hrTime, record.hrTimeObserved], [hrTime(at), hrTime(later)]);
  assert.equal(record.resource.attributes[workloadAttributes.containerId.key], 'c1');
  assert.ok(!('body' in record));
});

test('metrics and events name the package and its version as their scope', () => {
  assert.match(scope.version, /^\d+\.\d+\.\d+/);
  assert.equal(resourceMetrics(resource({}), []).scopeMetrics[0]?.scope, scope);
});

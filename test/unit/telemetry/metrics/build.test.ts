import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueType } from '@opentelemetry/api';
import { AggregationTemporality } from '@opentelemetry/sdk-metrics';
import { resource, resourceMetrics, scope, sum } from '../../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { hrTime, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';

const at = 1_700_000_000_123_456_789n as UnixNanoseconds;
const later = 1_700_000_010_000_000_000n as UnixNanoseconds;

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

test('metrics and events name the package and its version as their scope', () => {
  assert.match(scope.version, /^\d+\.\d+\.\d+/);
  assert.equal(resourceMetrics(resource({}), []).scopeMetrics[0]?.scope, scope);
});

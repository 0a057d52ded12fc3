import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hrTime, type UnixNanoseconds } from '../../../src/telemetry/units.ts';

test('a point in time keeps its nanoseconds', () => {
  const at = 1_700_000_000_123_456_789n as UnixNanoseconds;
  assert.deepEqual(hrTime(at), [1_700_000_000, 123_456_789]);
});

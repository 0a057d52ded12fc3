import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Delivery, deliveryProblems } from '../../../../src/config/schema/delivery.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { defaults } from '../../delivery/sender-fixture.ts';

test('a request cannot be too old before it is tried a second time', () => {
  const retrying = (change: Partial<Delivery['retry_on_failure']>) =>
    deliveryProblems({ ...defaults, retry_on_failure: { ...defaults.retry_on_failure, ...change } });
  const problem = (key: string) => [
    {
      path: ['retry_on_failure', 'max_elapsed_time'],
      message: `'max_elapsed_time' must not be less than '${key}'`,
    },
  ];
  assert.deepEqual(retrying({ max_elapsed_time: seconds(4) }), problem('initial_interval'));
  assert.deepEqual(retrying({ max_elapsed_time: seconds(29) }), problem('max_interval'));
  for (const fine of [{ max_elapsed_time: seconds(0) }, { max_elapsed_time: seconds(30) }])
    assert.deepEqual(retrying(fine), []);
  assert.deepEqual(retrying({ enabled: false, max_elapsed_time: seconds(1) }), []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Delivery, deliveryProblems } from '../../../../src/config/schema/delivery.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { defaults } from '../../delivery/sender-fixture.ts';

test('what a queue cannot do together is refused', () => {
  const { max_bytes: _, ...queue } = defaults.sending_queue;
  const queueing = (change: Partial<Delivery['sending_queue']>) =>
    deliveryProblems({ ...defaults, sending_queue: { ...queue, ...change } }).map(
      ({ path, message }) => `${path.join('::')} ${message}`,
    );
  assert.deepEqual(queueing({ wait_for_result: true, storage: 'file_storage' }), [
    "sending_queue::wait_for_result 'wait_for_result' is not supported with a persistent queue configured with 'storage'",
  ]);
  assert.deepEqual(queueing({ sizer: 'bytes', queue_size: 100, max_bytes: 50 }), [
    "sending_queue::max_bytes is for another 'sizer': in bytes, 'queue_size' is the bound",
  ]);
  assert.deepEqual(queueing({ enabled: false, storage: 'file_storage' }), [
    "sending_queue::storage needs the queue: 'enabled' must be true",
  ]);
  for (const fine of [
    { sizer: 'bytes' },
    { sizer: 'items', max_bytes: 50 },
    { block_on_overflow: true, storage: 'file_storage' },
    { block_on_overflow: true, wait_for_result: true },
    { enabled: false, block_on_overflow: true, wait_for_result: true },
  ] as const)
    assert.deepEqual(queueing(fine), []);
});

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

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Limits } from '../../../../src/receivers/scheduler/limits.ts';
import { setUp } from './scheduler-receiver-fixture.ts';

test('a limit that was reached since the last check is named with its remedy', () => {
  const limits = new Limits();
  limits.check();
  limits.note({ ring_full: 2, no_slot: 3, pair_full: 1 });
  limits.note({ no_slot: 1 });
  assert.throws(() => limits.check(), /share one total; raise max_workloads; .* raise max_pairs/);
  limits.check();
});

test('pairs that leave are no limit until the third reading in a row', () => {
  const limits = new Limits();
  for (const evicted of [5, 5, 0, 5, 5]) {
    limits.note({ pair_evicted: evicted });
    limits.check();
  }
  limits.note({ pair_evicted: 1 });
  assert.throws(() => limits.check(), /make room for others; raise max_pairs/);
  limits.note({});
  limits.check();
});

test('the receiver is unhealthy while a limit is reached', async () => {
  const { receiver, readings, read } = await setUp();
  const [task] = receiver.tasks ?? [];
  assert.ok(task);
  const check = async () => task.run(AbortSignal.timeout(1000));
  readings.push({ drops: { no_slot: 5 } }, { drops: {} });
  await read();
  await assert.rejects(check, /max_workloads/);
  await read();
  await check();
});

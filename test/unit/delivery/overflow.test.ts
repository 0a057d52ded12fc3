import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../../../src/component.ts';
import { itemCount } from '../../../src/telemetry/batch.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { settle } from '../fake-clock.ts';
import { MemoryStore } from '../memory-store.ts';
import { batchOf } from '../runtime/fake-world.ts';
import { accepted, never, type Options, start, unavailable } from './sender-fixture.ts';

const ofBytes = (bytes: number): Pick<Options, 'encode'> => ({
  encode: (batch) => [{ signal: 'metrics', bytes: new Uint8Array(bytes), items: itemCount(batch) }],
});

/** Requests are answered one by one, by the test. */
async function answeredBy(options: Options) {
  const waiting: ((outcome: Outcome) => void)[] = [];
  const started = await start(() => new Promise((resolve) => waiting.push(resolve)), options);
  return {
    ...started,
    async answer(outcome: Outcome = accepted) {
      waiting.shift()?.(outcome);
      await settle();
    },
  };
}

/** In order, when it resolves. */
function watch<T>(promises: readonly Promise<T>[]) {
  const done: (readonly [number, T])[] = [];
  for (const [index, promise] of promises.entries())
    void promise.then((value) => done.push([index, value] as const));
  return done;
}

for (const where of ['memory', 'a store'] as const) {
  const storeOf = (): Pick<Options, 'store'> => (where === 'memory' ? {} : { store: new MemoryStore() });

  test(`queue_size is in the unit of sizer, and queue_size and queue_capacity are too, in ${where}`, async () => {
    for (const [sizer, queue_size, size] of [
      ['requests', 2, 2],
      ['items', 25, 20],
      ['bytes', 99, 80],
    ] as const) {
      const { sender, count, clock } = await start(never, {
        ...{ queue: { sizer, queue_size }, ...ofBytes(40), ...storeOf() },
      });
      for (let n = 0; n < 4; n++) await sender.offer(batchOf('metrics', 10));
      assert.equal(count('queue_size'), size, sizer);
      assert.equal(count('queue_capacity'), queue_size);
      assert.equal(count('enqueue_failed_metric_points', 'queue_full'), 20);
      const closed = sender.close(seconds(1));
      await clock.advance(seconds(1));
      await closed;
      assert.equal(count('queue_size'), 0);
      assert.equal(count('queue_capacity'), 0);
    }
  });

  test(`a request that alone exceeds the queue is refused and counted, and does not block, in ${where}`, async () => {
    const { sender, count, messages } = await start(() => accepted, {
      queue: { sizer: 'bytes', queue_size: 39, block_on_overflow: true },
      ...{ ...ofBytes(40), ...storeOf() },
    });
    assert.equal((await sender.offer(batchOf('metrics', 3))).kind, 'refused');
    assert.equal(count('enqueue_failed_metric_points', 'request_too_large'), 3);
    assert.deepEqual(messages(), ['element size too large']);
    await sender.close(seconds(1));
  });

  test(`with block_on_overflow offers wait for room, the oldest first, in ${where}`, async () => {
    const { sender, count, answer } = await answeredBy({
      queue: { num_consumers: 1, queue_size: 2, block_on_overflow: true },
      ...storeOf(),
    });
    const done = watch([1, 2, 3, 4].map((items) => sender.offer(batchOf('metrics', items))));
    await settle();
    const order = () => done.map(([index]) => index);
    assert.deepEqual(order(), [0, 1]);
    await answer();
    assert.deepEqual(order(), [0, 1, 2]);
    assert.equal(count('queue_size'), 2);
    for (let n = 0; n < 3; n++) await answer();
    assert.deepEqual(order(), [0, 1, 2, 3]);
    await sender.close(seconds(1));
    assert.equal(count('sent_metric_points'), 10);
    assert.equal(count('enqueue_failed_metric_points'), 0);
  });

  test(`at shutdown offers that wait for room are delivered while the destination answers, in ${where}`, async () => {
    const { sender, clock, count, times } = await start(() => (times.length > 1 ? accepted : unavailable), {
      queue: { num_consumers: 1, queue_size: 1, block_on_overflow: true },
      ...storeOf(),
    });
    const done = watch([1, 2, 4].map((items) => sender.offer(batchOf('metrics', items))));
    await settle();
    sender.skipBackoff();
    await settle();
    assert.equal(done.length, 3);
    await sender.close(seconds(5));
    assert.equal(count('sent_metric_points'), 7);
    assert.equal(clock.timers, 0);
  });
}

test('offers that wait for room at the deadline are lost with a memory queue, and counted', async () => {
  const { sender, clock, count } = await start(never, {
    queue: { num_consumers: 1, queue_size: 1, block_on_overflow: true },
    delivery: { timeout: seconds(0) },
  });
  const offers = [1, 2, 4].map((items) => sender.offer(batchOf('metrics', items)));
  const closed = sender.close(seconds(5));
  await clock.advance(seconds(5));
  await closed;
  assert.deepEqual(
    (await Promise.all(offers)).map(({ kind }) => kind),
    ['accepted', 'retry', 'retry'],
  );
  assert.equal(count('send_failed_metric_points', 'shutdown'), 1);
  assert.equal(count('enqueue_failed_metric_points', 'shutdown'), 6);
  assert.equal(count('queue_size'), 0);
});

test('offers that wait for room at the deadline are kept by a store for the next process', async () => {
  const store = new MemoryStore();
  const options = { store, queue: { num_consumers: 1, queue_size: 1, block_on_overflow: true } };
  const { sender, clock, count } = await start(never, options);
  const offers = [1, 2, 4].map((items) => sender.offer(batchOf('metrics', items)));
  await settle();
  const closed = sender.close(seconds(5));
  await clock.advance(seconds(6));
  await closed;
  assert.deepEqual(
    (await Promise.all(offers)).map(({ kind }) => kind),
    ['accepted', 'accepted', 'accepted'],
  );
  assert.equal(count('enqueue_failed_metric_points') + count('send_failed_metric_points'), 0);
  store.isClosed = false;
  const next = await start(() => accepted, { store });
  await next.sender.close(seconds(1));
  assert.equal(next.count('sent_metric_points'), 7);
});

test('with wait_for_result an offer lasts until its requests are delivered or lost, and has the outcome', async () => {
  const { sender, answer, count } = await answeredBy({
    queue: { wait_for_result: true },
    encode: (batch) => [1, 2].map((items) => ({ signal: batch.signal, bytes: new Uint8Array(items), items })),
  });
  const done = watch([sender.offer(batchOf('metrics', 3)), sender.offer(batchOf('metrics', 3))]);
  await settle();
  assert.deepEqual(done, []);
  await answer();
  assert.deepEqual(done, []);
  await answer({ kind: 'partial', rejected: 1, reason: 'old' });
  assert.deepEqual(done, [[0, { kind: 'partial', rejected: 1, reason: 'old' }]]);
  await answer({ kind: 'refused', reason: 'no' });
  await answer();
  assert.deepEqual(done[1], [1, { kind: 'refused', reason: 'no' }]);
  await sender.close(seconds(1));
  assert.equal(count('sent_metric_points'), 4);
});

test('with wait_for_result an offer ends at shutdown with what may be sent again', async () => {
  const { sender, clock } = await start(never, {
    queue: { wait_for_result: true, num_consumers: 1 },
    delivery: { timeout: seconds(0) },
  });
  const done = watch([sender.offer(batchOf('metrics', 1)), sender.offer(batchOf('metrics', 1))]);
  sender.skipBackoff();
  const closed = sender.close(seconds(5));
  await clock.advance(seconds(5));
  await closed;
  await settle();
  assert.deepEqual(
    done.map(([, { kind }]) => kind),
    ['retry', 'retry'],
  );
});

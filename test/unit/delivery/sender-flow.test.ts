import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Held, Outcome } from '../../../src/component.ts';
import { openSender } from '../../../src/delivery/open-sender.ts';
import { type Batch, itemCount } from '../../../src/telemetry/batch.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { settle } from '../fake-clock.ts';
import { batchOf, fakeWorld, total } from '../runtime/fake-world.ts';
import { accepted, never, start, unavailable } from './sender-fixture.ts';

test('at most num_consumers requests are sent at the same time', async () => {
  const waiting: (() => void)[] = [];
  const { sender, times } = await start(
    () => new Promise((resolve) => waiting.push(() => resolve(accepted))),
    {
      queue: { num_consumers: 3 },
    },
  );
  for (let n = 0; n < 7; n++) await sender.offer(batchOf('metrics', 1));
  assert.equal(times.length, 3);
  waiting[0]?.();
  await settle();
  assert.equal(times.length, 4);
});

test('a local exporter gets one batch at a time, in order, and none a second time', async () => {
  const world = fakeWorld();
  const seen: number[] = [];
  let running = 0;
  const exporter = {
    async write(batch: Batch) {
      running += 1;
      assert.equal(running, 1);
      await settle();
      seen.push(itemCount(batch));
      running -= 1;
      if (itemCount(batch) === 2) throw new Error('no space left');
    },
    async close() {},
  };
  const sender = await openSender({ shape: 'local', exporter }, { ...world, id: 'out' });
  for (const items of [1, 2, 3]) await sender.offer(batchOf('metrics', items));
  await sender.close(seconds(1));
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(total(world.counters, 'otelcol_exporter_send_failed_metric_points'), 2);
  assert.equal(total(world.counters, 'otelcol_exporter_sent_metric_points'), 4);
});

test('a held exporter has a batch when the offer returns; a batch that makes it throw is lost', async () => {
  const world = fakeWorld();
  let held = 0;
  const exporter = {
    take(batch: Batch): Held {
      if (itemCount(batch) === 2) throw new Error('bug');
      held += itemCount(batch);
      return { kind: 'accepted' };
    },
    async close() {},
  };
  const sender = await openSender({ shape: 'held', exporter }, { ...world, id: 'out' });
  const subject = 'exporter out (metrics)';
  await sender.offer(batchOf('metrics', 1));
  await sender.offer(batchOf('metrics', 2));
  assert.equal(world.health.troubles.get(subject), 'bug');
  await sender.offer(batchOf('metrics', 3));
  assert.equal(held, 4);
  assert.equal(world.health.troubles.size, 0);
  await sender.close(seconds(1));
  await sender.offer(batchOf('metrics', 5));
  assert.equal(held, 4);
  assert.equal(total(world.counters, 'otelcol_exporter_sent_metric_points'), 4);
  assert.equal(total(world.counters, 'otelcol_exporter_send_failed_metric_points'), 2);
  assert.equal(total(world.counters, 'otelcol_exporter_enqueue_failed_metric_points'), 5);
});

test('what a held exporter does not keep of a batch is lost, the rest is sent', async () => {
  const world = fakeWorld();
  const exporter = {
    take: (): Held => ({ kind: 'partial', rejected: 2, reason: 'no room' }),
    async close() {},
  };
  const sender = await openSender({ shape: 'held', exporter }, { ...world, id: 'out' });
  await sender.offer(batchOf('metrics', 5));
  assert.equal(total(world.counters, 'otelcol_exporter_sent_metric_points'), 3);
  assert.equal(total(world.counters, 'otelcol_exporter_send_failed_metric_points'), 2);
});

test('without a queue an offer lasts until the data is delivered', async () => {
  const { clock, sender, count } = await start(
    () => (clock.elapsed() < seconds(6) ? unavailable : accepted),
    {
      queue: { enabled: false },
    },
  );
  let isDone = false;
  const offered = sender.offer(batchOf('metrics', 1)).then(() => {
    isDone = true;
  });
  await clock.advance(seconds(6));
  assert.equal(isDone, false);
  await clock.advance(seconds(10));
  await offered;
  assert.equal(count('sent_metric_points'), 1);
});

test('skipBackoff ends the wait of an offer, whose data is tried once more', async () => {
  const { clock, sender, times, count } = await start(() => unavailable, { queue: { enabled: false } });
  const offered = sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(1));
  sender.skipBackoff();
  await offered;
  assert.deepEqual(times, [0, 1]);
  assert.equal(count('send_failed_metric_points', 'shutdown'), 1);
  await sender.close(seconds(5));
  assert.equal(clock.timers, 0);
});

test('a delivery makes an exporter healthy again', async () => {
  const outcomes = [unavailable, accepted];
  const { clock, sender, health } = await start(() => outcomes.shift() ?? accepted);
  await sender.offer(batchOf('metrics', 1));
  await settle();
  assert.equal(health.troubles.get('exporter out (metrics)'), 'unavailable');
  await clock.advance(seconds(5));
  assert.equal(health.troubles.size, 0);
});

test('close sends queued requests and accepts no more', async () => {
  const { clock, sender, count } = await start(
    () => new Promise((resolve) => clock.setTimer(seconds(1), () => resolve(accepted))),
    { queue: { num_consumers: 1 } },
  );
  for (let n = 0; n < 3; n++) await sender.offer(batchOf('metrics', 1));
  const closed = sender.close(seconds(5));
  await sender.offer(batchOf('metrics', 7));
  await clock.advance(seconds(4));
  await closed;
  await sender.close(seconds(5));
  assert.equal(count('sent_metric_points'), 3);
  assert.equal(count('enqueue_failed_metric_points', 'shutdown'), 7);
  assert.equal(clock.timers, 0);
});

test('close retries pending requests at once, a last time', async () => {
  const { sender, times, count, clock } = await start(() => unavailable);
  await sender.offer(batchOf('metrics', 2));
  await settle();
  await sender.close(seconds(5));
  assert.deepEqual(times, [0, 0]);
  assert.equal(count('send_failed_metric_points', 'shutdown'), 2);
  assert.equal(clock.timers, 0);
});

test('undelivered requests are aborted at the deadline, counted and logged', async () => {
  const { clock, sender, count, logged } = await start(never, {
    queue: { num_consumers: 1 },
    delivery: { timeout: seconds(0) },
  });
  for (const items of [1, 2, 4]) await sender.offer(batchOf('metrics', items));
  const closed = sender.close(seconds(5));
  await clock.advance(seconds(5));
  await closed;
  assert.equal(count('send_failed_metric_points', 'shutdown'), 7);
  assert.equal(count('queue_size'), 0);
  assert.equal(count('queue_capacity'), 0);
  assert.equal(logged.filter(({ msg }) => msg === 'Exporting failed. Dropping data.').length, 1);
  assert.equal(logged[0]?.error, 'shutdown deadline of 5s');
});

const step = fc.oneof(
  fc.record({ offer: fc.integer({ min: 1, max: 9 }), parts: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ advance: fc.integer({ min: 1, max: 40 }) }),
);

const outcome: fc.Arbitrary<'hang' | 'throw' | Outcome> = fc.oneof(
  fc.constantFrom<'hang' | 'throw'>('hang', 'throw'),
  fc.constant(accepted),
  fc.constant(unavailable),
  fc.constant<Outcome>({ kind: 'refused', reason: 'no' }),
  fc.integer({ min: 0, max: 12 }).map((rejected): Outcome => ({ kind: 'partial', rejected, reason: 'some' })),
);

test('nothing is lost unaccounted: in = sent + lost + in flight, within the bounds, at any time and at the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.array(outcome, { minLength: 1, maxLength: 10 }),
      fc.record({
        enabled: fc.boolean(),
        num_consumers: fc.integer({ min: 1, max: 3 }),
        bound: fc.record({
          sizer: fc.constantFrom('requests', 'items', 'bytes'),
          queue_size: fc.integer({ min: 1, max: 30 }),
        }),
        max_bytes: fc.integer({ min: 1, max: 30 }),
        block_on_overflow: fc.boolean(),
        wait_for_result: fc.boolean(),
      }),
      fc.boolean(),
      async (steps, outcomes, { bound, ...settings }, retries) => {
        const queue = { ...settings, ...bound };
        const unit = { requests: 1, items: 5, bytes: 7 }[bound.sizer];
        const offers: Promise<Outcome>[] = [];
        let calls = 0;
        let offered = 0;
        let parts = 1;
        const { clock, sender, count } = await start(
          () => {
            const next = outcomes[calls++ % outcomes.length];
            if (next === 'throw') throw new Error('bug');
            return next === 'hang' || next === undefined ? never() : next;
          },
          {
            ...{ queue, retry: { enabled: retries } },
            encode: ({ signal }) =>
              Array.from({ length: parts }, () => ({ signal, bytes: new Uint8Array(7), items: 5 })),
          },
        );
        const gone = () =>
          count('sent_metric_points') +
          count('send_failed_metric_points') +
          count('enqueue_failed_metric_points');
        for (const each of steps) {
          if ('advance' in each) await clock.advance(seconds(each.advance));
          else {
            parts = each.parts;
            offered += 5 * parts;
            offers.push(sender.offer(batchOf('metrics', 1)));
          }
          const queued = count('queue_size') / unit;
          if (queue.enabled && !queue.block_on_overflow) assert.equal(gone() + 5 * queued, offered);
          assert.ok(gone() + 5 * queued <= offered);
          const most = queue.sizer === 'bytes' ? Number.POSITIVE_INFINITY : queue.max_bytes / 7;
          assert.ok(queued <= Math.min(queue.queue_size / unit, most));
        }
        const closed = sender.close(seconds(5));
        await clock.advance(seconds(60));
        await closed;
        await Promise.all(offers);
        assert.equal(gone(), offered);
        assert.equal(count('queue_size'), 0);
        assert.equal(clock.timers, 0);
      },
    ),
    { numRuns: 200 },
  );
});

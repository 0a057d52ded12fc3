import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Delivery, Exporter, Outcome, Payload } from '../../src/component.ts';
import { createSender } from '../../src/pipeline/sender.ts';
import { type Batch, itemCount } from '../../src/telemetry/batch.ts';
import { nanoseconds, seconds, toSeconds } from '../../src/telemetry/units.ts';
import { settle } from './fake-clock.ts';
import { batchOf, fakeWorld, total } from './fake-world.ts';

const accepted: Outcome = { kind: 'accepted' };
const unavailable: Outcome = { kind: 'retry', reason: 'unavailable' };

const defaults: Delivery = {
  timeout: seconds(5),
  sending_queue: { enabled: true, num_consumers: 10, queue_size: 1000, max_bytes: 1000 },
  retry_on_failure: {
    enabled: true,
    initial_interval: seconds(5),
    randomization_factor: 0.5,
    multiplier: 1.5,
    max_interval: seconds(30),
    max_elapsed_time: seconds(300),
  },
};

interface Options {
  readonly delivery?: Partial<Delivery>;
  readonly local?: boolean;
  readonly queue?: Partial<Delivery['sending_queue']>;
  readonly retry?: Partial<Delivery['retry_on_failure']>;
  readonly random?: () => number;
  encode?(batch: Batch): readonly Payload[];
}

type Send = (payload: Payload, abort: AbortSignal) => Outcome | Promise<Outcome>;

const encodeWhole = (batch: Batch): readonly Payload[] => [
  { signal: batch.signal, bytes: new Uint8Array(), items: itemCount(batch) },
];

function start(
  send: Send,
  { delivery, local, queue, retry, random = () => 0.5, encode = encodeWhole }: Options = {},
) {
  const world = fakeWorld();
  const times: number[] = [];
  const settings: Delivery = {
    ...defaults,
    ...delivery,
    sending_queue: { ...defaults.sending_queue, ...queue },
    retry_on_failure: { ...defaults.retry_on_failure, ...retry },
  };
  const exporter: Exporter = {
    ...(!local && { delivery: settings }),
    encode,
    async send(payload, abort) {
      times.push(toSeconds(world.clock.elapsed()));
      return send(payload, abort);
    },
    async close() {},
  };
  const sender = createSender(exporter, { ...world, id: 'out', random });
  const count = (name: string, reason?: string) =>
    total(world.counters, `otelcol_exporter_${name}`, reason === undefined ? {} : { reason });
  return { ...world, sender, times, count };
}

const never = () => new Promise<Outcome>(() => {});

test('what the destination accepts is counted as sent, by signal', async () => {
  const { sender, count } = start(() => accepted);
  await sender.offer(batchOf('metrics', 3));
  await sender.offer(batchOf('logs', 2));
  await settle();
  assert.equal(count('sent_metric_points'), 3);
  assert.equal(count('sent_log_records'), 2);
  assert.equal(count('queue_size'), 0);
  assert.equal(count('queue_capacity'), 1000);
});

test('a destination that is away is tried again after growing waits, until the data is too old', async () => {
  const { clock, sender, times, count, logged } = start(() => unavailable);
  await sender.offer(batchOf('metrics', 4));
  await clock.advance(seconds(1000));
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  assert.deepEqual(waits.slice(0, 6), [5, 7.5, 11.25, 16.875, 25.3125, 30]);
  assert.ok(waits.slice(5).every((wait) => wait === 30));
  assert.ok((times.at(-1) ?? 0) <= 300);
  assert.equal(count('send_failed_metric_points', 'retries_exhausted'), 4);
  assert.equal(logged[0]?.msg, 'Exporting failed. Will retry the request after interval.');
  assert.equal(logged[0]?.interval, '5s');
  assert.equal(logged[1]?.msg, 'Exporting failed. Dropping data.');
  assert.equal(logged[1]?.error, 'no more retries left: unavailable');
  assert.equal(clock.timers, 0);
});

test('a wait is spread by the randomization factor on both sides', async () => {
  for (const [random, expected] of [
    [() => 0, 2.5],
    [() => 0.999999, 7.499995],
  ] as const) {
    const { clock, sender, times } = start(() => unavailable, { random });
    await sender.offer(batchOf('metrics', 1));
    await clock.advance(seconds(8));
    assert.ok(Math.abs((times[1] ?? 0) - expected) < 1e-6);
  }
});

test('a destination that says when to come back is not asked sooner', async () => {
  const { clock, sender, times } = start(() => ({ ...unavailable, after: seconds(60) }));
  await sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(130));
  assert.deepEqual(times, [0, 60, 120]);
});

test('without a limit of age a request is never given up', async () => {
  let away = true;
  const { clock, sender, count } = start(() => (away ? unavailable : accepted), {
    retry: { max_elapsed_time: seconds(0) },
  });
  await sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(10_000));
  away = false;
  await clock.advance(seconds(60));
  assert.equal(count('sent_metric_points'), 1);
});

test('a refusal is final', async () => {
  const { sender, times, count, logged } = start(() => ({ kind: 'refused', reason: 'bad data' }));
  await sender.offer(batchOf('logs', 2));
  await settle();
  assert.deepEqual(times, [0]);
  assert.equal(count('send_failed_log_records', 'refused'), 2);
  assert.equal(logged[0]?.error, 'not retryable error: Permanent error: bad data');
  assert.equal(logged[0]?.dropped_items, 2);
});

test('an exporter that throws loses what it was sending, and goes on', async () => {
  let calls = 0;
  const { sender, count } = start(() => {
    calls += 1;
    if (calls === 1) throw new Error('bug');
    return accepted;
  });
  await sender.offer(batchOf('metrics', 1));
  await sender.offer(batchOf('metrics', 2));
  await settle();
  assert.equal(count('send_failed_metric_points', 'refused'), 1);
  assert.equal(count('sent_metric_points'), 2);
});

test('what a destination rejects of a request is loss, the rest is sent, and nothing is sent again', async () => {
  const { sender, times, count, logged } = start(() => ({ kind: 'partial', rejected: 2, reason: 'too old' }));
  await sender.offer(batchOf('metrics', 5));
  await settle();
  assert.deepEqual(times, [0]);
  assert.equal(count('sent_metric_points'), 3);
  assert.equal(count('send_failed_metric_points', 'partial'), 2);
  assert.deepEqual([logged[0]?.msg, logged[0]?.message], ['Partial success response', 'too old']);
});

test('an attempt without an answer is ended at the timeout, told to the exporter, and tried again', async () => {
  let aborts = 0;
  const { clock, sender, times, health } = start((_, abort) => {
    abort.addEventListener('abort', () => {
      aborts += 1;
    });
    return never();
  });
  await sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(11));
  assert.deepEqual(times, [0, 10]);
  assert.equal(aborts, 1);
  assert.equal(health.troubles.get('exporter out (metrics)'), 'no answer within 5s');
});

test('a timeout of 0 is none', async () => {
  const { clock, sender, times } = start(never, { delivery: { timeout: nanoseconds(0) } });
  await sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(100));
  assert.deepEqual(times, [0]);
});

test('beyond its size the queue drops, counts, and says so once', async () => {
  const { sender, count, messages } = start(never, { queue: { num_consumers: 2, queue_size: 5 } });
  for (let n = 0; n < 8; n++) await sender.offer(batchOf('metrics', 10));
  assert.equal(count('queue_size'), 5);
  assert.equal(count('enqueue_failed_metric_points', 'queue_full'), 30);
  assert.deepEqual(messages(), ['sending queue is full']);
});

test('beyond its bytes the queue drops, counts with a reason of its own, and has room again when they are sent', async () => {
  const waiting: (() => void)[] = [];
  const { sender, count, messages } = start(
    () => new Promise((resolve) => waiting.push(() => resolve(accepted))),
    {
      queue: { max_bytes: 100 },
      encode: (batch) => [{ signal: 'metrics', bytes: new Uint8Array(40), items: itemCount(batch) }],
    },
  );
  for (let n = 0; n < 4; n++) await sender.offer(batchOf('metrics', 10));
  assert.equal(count('queue_size'), 2);
  assert.equal(count('enqueue_failed_metric_points', 'queue_bytes_full'), 20);
  assert.equal(count('enqueue_failed_metric_points', 'queue_full'), 0);
  assert.deepEqual(messages(), ['sending queue is full']);
  waiting[0]?.();
  await settle();
  await sender.offer(batchOf('metrics', 10));
  assert.equal(count('queue_size'), 2);
});

test('a queue that stays full says so once', async () => {
  const waiting: (() => void)[] = [];
  const { sender, messages } = start(() => new Promise((resolve) => waiting.push(() => resolve(accepted))), {
    queue: { num_consumers: 1, queue_size: 2 },
  });
  for (let n = 0; n < 20; n++) {
    await sender.offer(batchOf('metrics', 1));
    if (n % 2) waiting.shift()?.();
    await settle();
  }
  assert.deepEqual(messages(), ['sending queue is full']);
});

test('a destination that takes metrics and refuses logs is in trouble once, and not again with each request', async () => {
  const { sender, count, messages, health } = start(({ signal }) =>
    signal === 'metrics' ? accepted : { kind: 'refused', reason: 'no logs here' },
  );
  for (let n = 0; n < 5; n++) {
    await sender.offer(batchOf('metrics', 1));
    await sender.offer(batchOf('logs', 2));
    await settle();
  }
  assert.deepEqual(messages(), ['Exporting failed. Dropping data.', 'Component is unhealthy.']);
  assert.deepEqual([...health.troubles], [['exporter out (logs)', 'no logs here']]);
  assert.equal(count('send_failed_log_records', 'refused'), 10);
});

test('a loss is logged again when its reason changes, or after a recovery', async () => {
  const outcomes: Outcome[] = ['a', 'a', 'b', '', 'b', 'b'].map((reason) =>
    reason ? { kind: 'refused', reason } : accepted,
  );
  const { sender, logged } = start(() => outcomes.shift() ?? accepted);
  for (let n = 0; n < 6; n++) {
    await sender.offer(batchOf('logs', 1));
    await settle();
  }
  const losses = logged.filter(({ msg }) => msg === 'Exporting failed. Dropping data.');
  const prefix = 'not retryable error: Permanent error: ';
  assert.deepEqual(
    losses.map(({ error }) => error),
    ['a', 'b', 'b'].map((reason) => prefix + reason),
  );
});

test('at most num_consumers requests are sent at the same time', async () => {
  const waiting: (() => void)[] = [];
  const { sender, times } = start(() => new Promise((resolve) => waiting.push(() => resolve(accepted))), {
    queue: { num_consumers: 3 },
  });
  for (let n = 0; n < 7; n++) await sender.offer(batchOf('metrics', 1));
  assert.equal(times.length, 3);
  waiting[0]?.();
  await settle();
  assert.equal(times.length, 4);
});

test('an exporter to this machine gets one request at a time, in order, and never a second time', async () => {
  const seen: number[] = [];
  let running = 0;
  const { sender, count } = start(
    async ({ items }) => {
      running += 1;
      assert.equal(running, 1);
      await settle();
      seen.push(items);
      running -= 1;
      return items === 2 ? unavailable : accepted;
    },
    { local: true },
  );
  for (const items of [1, 2, 3]) await sender.offer(batchOf('metrics', items));
  await sender.close(seconds(1));
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(count('send_failed_metric_points'), 2);
});

test('without a queue an offer lasts until the data is delivered', async () => {
  const { clock, sender, count } = start(() => (clock.elapsed() < seconds(6) ? unavailable : accepted), {
    queue: { enabled: false },
  });
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

test('hastening ends the wait of an offer, whose data is tried once more', async () => {
  const { clock, sender, times, count } = start(() => unavailable, { queue: { enabled: false } });
  const offered = sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(1));
  sender.hasten();
  await offered;
  assert.deepEqual(times, [0, 1]);
  assert.equal(count('send_failed_metric_points', 'shutdown'), 1);
  await sender.close(seconds(5));
  assert.equal(clock.timers, 0);
});

test('trouble ends when data is delivered again', async () => {
  const outcomes = [unavailable, accepted];
  const { clock, sender, health } = start(() => outcomes.shift() ?? accepted);
  await sender.offer(batchOf('metrics', 1));
  await settle();
  assert.equal(health.troubles.get('exporter out (metrics)'), 'unavailable');
  await clock.advance(seconds(5));
  assert.equal(health.troubles.size, 0);
});

test('closing sends what waits, and takes nothing more', async () => {
  const { clock, sender, count } = start(
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

test('closing tries what waits to be retried at once, a last time', async () => {
  const { sender, times, count, clock } = start(() => unavailable);
  await sender.offer(batchOf('metrics', 2));
  await settle();
  await sender.close(seconds(5));
  assert.deepEqual(times, [0, 0]);
  assert.equal(count('send_failed_metric_points', 'shutdown'), 2);
  assert.equal(clock.timers, 0);
});

test('what is not delivered at the deadline is aborted, counted and logged', async () => {
  const { clock, sender, count, logged } = start(never, {
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
        queue_size: fc.integer({ min: 1, max: 6 }),
        max_bytes: fc.integer({ min: 1, max: 30 }),
      }),
      fc.boolean(),
      async (steps, outcomes, queue, retries) => {
        let calls = 0;
        let offered = 0;
        let parts = 1;
        const { clock, sender, count } = start(
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
            void sender.offer(batchOf('metrics', 1));
          }
          if (queue.enabled) assert.equal(gone() + 5 * count('queue_size'), offered);
          assert.ok(count('queue_size') <= Math.min(queue.queue_size, queue.max_bytes / 7));
        }
        const closed = sender.close(seconds(5));
        await clock.advance(seconds(60));
        await closed;
        await settle();
        assert.equal(gone(), offered);
        assert.equal(count('queue_size'), 0);
        assert.equal(clock.timers, 0);
      },
    ),
    { numRuns: 200 },
  );
});

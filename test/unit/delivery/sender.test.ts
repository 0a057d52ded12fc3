import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../../../src/component.ts';
import { itemCount } from '../../../src/telemetry/batch.ts';
import { nanoseconds, seconds } from '../../../src/telemetry/units.ts';
import { settle } from '../fake-clock.ts';
import { batchOf } from '../runtime/fake-world.ts';
import { accepted, never, start, unavailable } from './sender-fixture.ts';

const dropping = 'Exporting failed. Dropping data.';

test('accepted items are counted as sent, by signal', async () => {
  const { sender, count } = await start(() => accepted);
  await sender.offer(batchOf('metrics', 3));
  await sender.offer(batchOf('logs', 2));
  await settle();
  assert.equal(count('sent_metric_points'), 3);
  assert.equal(count('sent_log_records'), 2);
  assert.equal(count('queue_size'), 0);
  assert.equal(count('queue_capacity'), 1000);
});

test('an unreachable destination is retried with growing intervals until max_elapsed_time', async () => {
  const { clock, sender, times, count, logged } = await start(() => unavailable);
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
    [() => 0, 7.5],
    [() => 0.999999, 2.500005],
  ] as const) {
    const { clock, sender, times } = await start(() => unavailable, { random });
    await sender.offer(batchOf('metrics', 1));
    await clock.advance(seconds(8));
    assert.ok(Math.abs((times[1] ?? 0) - expected) < 1e-6);
  }
});

test('the retry delay of a destination is a minimum', async () => {
  const { clock, sender, times } = await start(() => ({ ...unavailable, after: seconds(60) }));
  await sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(130));
  assert.deepEqual(times, [0, 60, 120]);
});

test('without max_elapsed_time a request is retried without end', async () => {
  let away = true;
  const { clock, sender, count } = await start(() => (away ? unavailable : accepted), {
    retry: { max_elapsed_time: seconds(0) },
  });
  await sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(10_000));
  away = false;
  await clock.advance(seconds(60));
  assert.equal(count('sent_metric_points'), 1);
});

test('a refusal is final', async () => {
  const { sender, times, count, logged } = await start(() => ({ kind: 'refused', reason: 'bad data' }));
  await sender.offer(batchOf('logs', 2));
  await settle();
  assert.deepEqual(times, [0]);
  assert.equal(count('send_failed_log_records', 'refused'), 2);
  assert.equal(logged[0]?.error, 'not retryable error: Permanent error: bad data');
  assert.equal(logged[0]?.dropped_items, 2);
});

test('an exporter that throws loses its request and continues', async () => {
  let calls = 0;
  const { sender, count } = await start(() => {
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

test('rejected items of a partial success are lost, the rest is sent, and nothing is retried', async () => {
  const { sender, times, count, logged } = await start(() => ({
    kind: 'partial',
    rejected: 2,
    reason: 'too old',
  }));
  await sender.offer(batchOf('metrics', 5));
  await settle();
  assert.deepEqual(times, [0]);
  assert.equal(count('sent_metric_points'), 3);
  assert.equal(count('send_failed_metric_points', 'partial'), 2);
  assert.deepEqual([logged[0]?.msg, logged[0]?.message], ['Partial success response', 'too old']);
});

test('a server that rejects more than it was sent has rejected all of it, and no more', async () => {
  const { sender, count } = await start(() => ({ kind: 'partial', rejected: 9, reason: 'too old' }));
  await sender.offer(batchOf('metrics', 5));
  await settle();
  assert.equal(count('sent_metric_points'), 0);
  assert.equal(count('send_failed_metric_points', 'partial'), 5);
});

test('an attempt without an answer is aborted at the timeout and retried', async () => {
  let aborts = 0;
  const { clock, sender, times, health } = await start((_, abort) => {
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
  const { clock, sender, times } = await start(never, { delivery: { timeout: nanoseconds(0) } });
  await sender.offer(batchOf('metrics', 1));
  await clock.advance(seconds(100));
  assert.deepEqual(times, [0]);
});

test('beyond its size the queue drops, counts, and logs once', async () => {
  const { sender, count, messages } = await start(never, { queue: { num_consumers: 2, queue_size: 5 } });
  for (let n = 0; n < 8; n++) await sender.offer(batchOf('metrics', 10));
  assert.equal(count('queue_size'), 5);
  assert.equal(count('enqueue_failed_metric_points', 'queue_full'), 30);
  assert.deepEqual(messages(), ['sending queue is full']);
});

test('beyond its bytes the queue drops, counts with a reason of its own, and has room again when they are sent', async () => {
  const waiting: (() => void)[] = [];
  const { sender, count, messages } = await start(
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

test('a queue that stays full is logged once a minute', async () => {
  const waiting: (() => void)[] = [];
  const { sender, messages, clock } = await start(
    () => new Promise((resolve) => waiting.push(() => resolve(accepted))),
    { queue: { num_consumers: 1, queue_size: 2 }, delivery: { timeout: seconds(0) } },
  );
  for (let n = 0; n < 20; n++) {
    await sender.offer(batchOf('metrics', 1));
    if (n % 2) waiting.shift()?.();
    await settle();
  }
  assert.deepEqual(messages(), ['sending queue is full']);
  await clock.advance(seconds(60));
  for (let n = 0; n < 3; n++) await sender.offer(batchOf('metrics', 1));
  assert.deepEqual(messages(), ['sending queue is full', 'sending queue is full']);
});

test('a destination that takes metrics and refuses logs is in trouble once, and not again with each request', async () => {
  const { sender, count, messages, health } = await start(({ signal }) =>
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

test('a loss is logged again when its reason changes, and once a minute where it does not', async () => {
  const { sender, logged, clock } = await start(({ items }) => ({
    kind: 'refused',
    reason: items === 1 ? 'a' : 'b',
  }));
  const errors = async (...offers: number[]) => {
    logged.splice(0);
    for (const items of offers) {
      await sender.offer(batchOf('logs', items));
      await settle();
    }
    return logged.filter(({ msg }) => msg === dropping).map(({ error }) => error);
  };
  const prefix = 'not retryable error: Permanent error: ';
  assert.deepEqual(await errors(1, 1, 2, 1, 2), [`${prefix}a`, `${prefix}b`]);
  await clock.advance(seconds(59));
  assert.deepEqual(await errors(1, 2), []);
  await clock.advance(seconds(1));
  assert.deepEqual(await errors(1, 1), [`${prefix}a`]);
});

test('a destination whose words vary is logged once a minute for each code, in words of a limited length', async () => {
  let calls = 0;
  const words = () => `request ${calls++} ${'x'.repeat(20_000)}`;
  const { sender, clock, logged, count, health } = await start(
    ({ signal }) =>
      signal === 'logs'
        ? { kind: 'refused', code: 'INTERNAL', reason: words() }
        : { kind: 'retry', code: 'ABORTED', reason: words() },
    { queue: { num_consumers: 200 } },
  );
  for (let second = 0; second < 119; second++) {
    await sender.offer(batchOf('logs', 1));
    await sender.offer(batchOf('metrics', 1));
    await clock.advance(seconds(1));
  }
  assert.equal(count('send_failed_log_records', 'refused'), 119);
  const times = (message: string) => logged.filter(({ msg }) => msg === message).length;
  assert.equal(times(dropping), 2);
  assert.equal(times('Component is unhealthy.'), 2);
  assert.equal(times('Exporting failed. Will retry the request after interval.'), 2);
  assert.equal(logged.length, 6);
  for (const { error } of logged) assert.ok(String(error).length < 600);
  for (const reason of health.troubles.values()) assert.match(reason, /^request \d+ x+… \(195\d\d more\)$/);
});

test('a destination that fails now and then is logged once a minute, with its recovery', async () => {
  let calls = 0;
  const { sender, clock, messages } = await start(() => (calls++ % 2 ? accepted : unavailable));
  for (let n = 0; n < 12; n++) {
    await sender.offer(batchOf('metrics', 1));
    await clock.advance(seconds(10));
  }
  assert.equal(messages().filter((message) => message.startsWith('Exporting failed.')).length, 2);
  assert.equal(messages().filter((message) => message === 'Component has recovered.').length, 2);
});

test('a warning and a partial success are logged once a minute, however often they come', async () => {
  let rejected = 0;
  const { sender, count, logged, health } = await start(() => ({ kind: 'partial', rejected, reason: 'old' }));
  for (rejected of [0, 0, 1, 0, 1, 1]) {
    await sender.offer(batchOf('metrics', 2));
    await settle();
  }
  assert.deepEqual(
    logged.map(({ msg, dropped_items }) => [msg, dropped_items]),
    [
      ['Partial success response', 0],
      ['Partial success response', 1],
    ],
  );
  assert.equal(count('sent_metric_points'), 9);
  assert.equal(count('send_failed_metric_points', 'partial'), 3);
  assert.equal(health.troubles.size, 0);
});

test('what a destination throws is compared by the code of Node.js', async () => {
  let calls = 0;
  const { sender, messages } = await start(() => {
    throw Object.assign(new Error(`no space for ${calls++}`), { code: 'ENOSPC' });
  });
  for (let n = 0; n < 3; n++) await sender.offer(batchOf('metrics', 1));
  await settle();
  assert.equal(messages().filter((message) => message === dropping).length, 1);
});

test('the health has the latest reason, also of a loss that was logged before another trouble', async () => {
  const outcomes: Outcome[] = [
    { kind: 'refused', reason: 'no logs here' },
    unavailable,
    { kind: 'refused', reason: 'no logs here' },
  ];
  const { sender, health, messages, clock } = await start(() => outcomes.shift() ?? accepted);
  const reasons = () => [...health.troubles.values()];
  await sender.offer(batchOf('logs', 1));
  await settle();
  await sender.offer(batchOf('logs', 1));
  await settle();
  assert.deepEqual(reasons(), ['unavailable']);
  await clock.advance(seconds(10));
  await settle();
  assert.deepEqual(reasons(), ['no logs here']);
  assert.equal(messages().filter((message) => message.startsWith('Exporting failed. Dropping')).length, 1);
});

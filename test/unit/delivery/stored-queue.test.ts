import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome, Payload } from '../../../src/component.ts';
import type { Batch } from '../../../src/telemetry/batch.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { batchWith } from '../batch-with.ts';
import { MemoryStore } from '../memory-store.ts';
import { total } from '../runtime/fake-world.ts';
import { accepted, never, start, unavailable } from './sender-fixture.ts';

const batchOf = (label: string) => batchWith('metrics', { [label]: ['1'] });
const encode = (batch: Batch): readonly Payload[] =>
  batch.signal === 'metrics'
    ? [
        {
          signal: 'metrics',
          items: 1,
          bytes: Buffer.from(`${batch.resourceMetrics[0]?.resource.attributes.name}`),
        },
      ]
    : [];
const textOf = ({ bytes }: Payload) => Buffer.from(bytes).toString();

/** An agent that ends without a word: what it held in memory is gone, the store is as it was. */
function killed(store: MemoryStore): MemoryStore {
  const after = new MemoryStore();
  for (const [key, value] of store.bytes) after.bytes.set(key, value);
  return after;
}

test('what was accepted is delivered by the next process, in order, and nothing that was acknowledged', async () => {
  const store = new MemoryStore();
  const first: string[] = [];
  const before = await start(
    async (payload) => {
      first.push(textOf(payload));
      return first.length <= 2 ? accepted : never();
    },
    { store, encode, queue: { num_consumers: 1 } },
  );
  for (const label of ['a', 'b', 'c', 'd', 'e']) await before.sender.offer(batchOf(label));
  assert.deepEqual(first, ['a', 'b', 'c']); // c is under way

  const second: string[] = [];
  const next = killed(store);
  const { sender, count } = await start(
    (payload) => {
      second.push(textOf(payload));
      return accepted;
    },
    { store: next, encode, queue: { num_consumers: 1 } },
  );
  await sender.offer(batchOf('f'));
  await sender.close(seconds(1));
  assert.deepEqual(second, ['c', 'd', 'e', 'f']);
  assert.equal(count('sent_metric_points'), 4);
  assert.equal(count('queue_size'), 0);
  assert.deepEqual([...next.bytes], []);
  assert.ok(next.isClosed);
});

test('what is undelivered at shutdown is kept, not lost', async () => {
  for (const outcome of [() => unavailable, never] as readonly (() => Outcome | Promise<Outcome>)[]) {
    const store = new MemoryStore();
    const { sender, clock, count } = await start(outcome, {
      ...{ store, encode, queue: { num_consumers: 2 } },
      delivery: { timeout: seconds(0) }, // one waits in the queue until the deadline
    });
    for (const label of ['a', 'b', 'c']) await sender.offer(batchOf(label));
    const closing = sender.close(seconds(5));
    await clock.advance(seconds(6));
    await closing;
    assert.equal(count('send_failed_metric_points'), 0);
    assert.equal(count('queue_size'), 0);
    const texts: string[] = [];
    const next = await start(
      (payload) => {
        texts.push(textOf(payload));
        return accepted;
      },
      { store: killed(store), encode, queue: { num_consumers: 1 } },
    );
    await next.sender.close(seconds(1));
    assert.deepEqual(texts, ['a', 'b', 'c']);
  }
});

test('what the disk did not take is lost at the deadline, under way or not, and counted', async () => {
  const store = new MemoryStore();
  const options = { store, encode, queue: { num_consumers: 1 }, delivery: { timeout: seconds(0) } };
  const { sender, clock, count } = await start(never, options);
  store.failure = new Error('no space is left');
  for (const label of ['a', 'b']) await sender.offer(batchOf(label));
  const closing = sender.close(seconds(5));
  await clock.advance(seconds(6));
  await closing;
  assert.equal(count('send_failed_metric_points', 'shutdown'), 2);
  assert.equal(count('queue_size'), 0);
});

test('what is refused or too old is lost, counted, and not sent by the next process', async () => {
  const store = new MemoryStore();
  const { sender, count } = await start(() => ({ kind: 'refused', reason: 'no' }), { store, encode });
  await sender.offer(batchOf('a'));
  await sender.close(seconds(1));
  assert.equal(count('send_failed_metric_points', 'refused'), 1);
  assert.deepEqual([...store.bytes], []);
});

test('the bounds hold for what an agent before has left', async () => {
  const store = new MemoryStore();
  const options = { store, encode, queue: { num_consumers: 1, queue_size: 2 } };
  const before = await start(never, options);
  for (const label of ['a', 'b']) await before.sender.offer(batchOf(label));
  const { sender, count } = await start(never, { ...options, store: killed(store) });
  await sender.offer(batchOf('c'));
  assert.equal(count('queue_size'), 2);
  assert.equal(count('enqueue_failed_metric_points', 'queue_full'), 1);
});

test('a disk that takes nothing: requests are delivered from memory, and the log says when it began and ended', async () => {
  const store = new MemoryStore();
  const texts: string[] = [];
  const { sender, logged } = await start(
    (payload) => {
      texts.push(textOf(payload));
      return accepted;
    },
    { store, encode },
  );
  store.failure = new Error('no space is left');
  for (const label of ['a', 'b']) await sender.offer(batchOf(label));
  store.failure = undefined;
  await sender.offer(batchOf('c'));
  await sender.close(seconds(1));
  assert.deepEqual(texts, ['a', 'b', 'c']);
  assert.deepEqual([...store.bytes], []);
  const told = logged.filter(({ msg }) => msg.includes('sending queue'));
  assert.equal(told.length, 2);
  assert.match(`${told[0]?.error} ${told[0]?.msg}`, /no space is left.*kept in memory only/);
});

test('a delivery that the disk did not note is noted with the next change', async () => {
  const store = new MemoryStore();
  const { sender } = await start(
    () => {
      store.failure = new Error('no space is left');
      return accepted;
    },
    { store, encode, queue: { num_consumers: 1 } },
  );
  await sender.offer(batchOf('a'));
  await new Promise(setImmediate);
  assert.equal(store.bytes.size, 2);
  store.failure = undefined;
  await sender.close(seconds(1));
  assert.deepEqual([...store.bytes], []);
});

test('content that is gone, as of a file moved aside, is lost with a reason; entries of another version stay', async () => {
  const store = new MemoryStore();
  const before = await start(never, { store, encode });
  await before.sender.offer(batchOf('a'));
  const next = killed(store);
  for (const key of next.bytes.keys()) if (key.startsWith('body/')) next.bytes.delete(key);
  next.bytes.set('head/other', Buffer.from('{'));
  const { sender, count, counters, logged } = await start(() => accepted, { store: next, encode });
  await sender.close(seconds(1));
  assert.equal(count('send_failed_metric_points', 'storage'), 1);
  assert.deepEqual([...next.bytes.keys()], ['head/other']);
  assert.equal(total(counters, 'earshot.agent.queue.unreadable', { exporter: 'out' }), 1);
  assert.match(`${logged.find(({ msg }) => msg.includes('another version'))?.requests}`, /^1$/);
});

test('what an agent before has left is delivered once the disk can be read, and nothing twice', async () => {
  const store = new MemoryStore();
  const before = await start(never, { store, encode, queue: { num_consumers: 1 } });
  for (const label of ['a', 'b', 'c']) await before.sender.offer(batchOf(label));
  const next = killed(store);
  next.failure = new Error('read-only file system');
  const texts: string[] = [];
  const { sender, count } = await start(
    (payload) => {
      texts.push(textOf(payload));
      return accepted;
    },
    { store: next, encode, queue: { num_consumers: 1 } },
  );
  await sender.offer(batchOf('d')); // from memory
  await new Promise(setImmediate);
  assert.equal(count('queue_size'), 0);
  next.failure = undefined;
  for (const label of ['e', 'f']) {
    await sender.offer(batchOf(label));
    await new Promise(setImmediate);
  }
  await sender.close(seconds(1));
  assert.deepEqual(texts.sort(), ['a', 'b', 'c', 'd', 'e', 'f']);
  assert.equal(count('sent_metric_points'), 6);
  assert.equal(count('queue_size'), 0);
  assert.deepEqual([...next.bytes], []);
});

test('a request that is written late, after it was delivered from memory, is not sent again', async () => {
  const store = new MemoryStore();
  const answer = Promise.withResolvers<void>();
  const { sender, count } = await start(() => accepted, { store, encode });
  store.late = answer.promise;
  await sender.offer(batchOf('a'));
  store.late = undefined;
  await new Promise(setImmediate);
  assert.equal(count('sent_metric_points'), 1);
  answer.resolve();
  await new Promise(setImmediate);
  assert.equal(store.bytes.size, 2);
  await sender.offer(batchOf('b'));
  await sender.close(seconds(1));
  assert.deepEqual([...store.bytes], []);
});

test('a request keeps its encoding, whatever the next process writes', async () => {
  const store = new MemoryStore();
  const inJson = (batch: Batch) =>
    encode(batch).map((payload): Payload => ({ ...payload, encoding: 'json' }));
  const before = await start(never, { store, encode: inJson, queue: { num_consumers: 1 } });
  await before.sender.offer(batchOf('a'));
  const encodings: unknown[] = [];
  const { sender } = await start(
    ({ encoding }) => {
      encodings.push(encoding);
      return accepted;
    },
    { store: killed(store), encode, queue: { num_consumers: 1 } },
  );
  await sender.offer(batchOf('b'));
  await sender.close(seconds(1));
  assert.deepEqual(encodings, ['json', undefined]);
});

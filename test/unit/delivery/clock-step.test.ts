import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Payload } from '../../../src/component.ts';
import type { Batch } from '../../../src/telemetry/batch.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { batchWith, itemsIn } from '../batch-with.ts';
import { settle } from '../fake-clock.ts';
import { MemoryStore } from '../memory-store.ts';
import { batchOf } from '../runtime/fake-world.ts';
import { accepted, never, start, unavailable } from './sender-fixture.ts';

/** The time of day is set to another one, through the clock of the world: the kernel's is that of the whole machine. */

const day = 86_400e9;

test('a step of the clock neither ages a request nor changes when it is tried again', async () => {
  for (const by of [day, -day]) {
    const { sender, clock, times, count } = await start(() => (times.length < 4 ? unavailable : accepted));
    await sender.offer(batchOf('metrics', 3));
    await clock.advance(seconds(6));
    clock.step(by);
    await clock.advance(seconds(60));
    assert.deepEqual(times, [0, 5, 12.5, 23.75]);
    assert.equal(count('sent_metric_points'), 3);
    await sender.close(seconds(1));
  }
});

test('a timeout lasts as long as it is set, whatever the clock says meanwhile', async () => {
  for (const by of [day, -day]) {
    const { sender, clock, times } = await start(never, { delivery: { timeout: seconds(5) } });
    await sender.offer(batchOf('metrics', 1));
    clock.step(by);
    await clock.advance(seconds(9));
    assert.deepEqual(times, [0]);
    await clock.advance(seconds(1));
    assert.deepEqual(times, [0, 10]);
    const closed = sender.close(seconds(1));
    await clock.advance(seconds(1));
    await closed;
  }
});

test('a queue on disk keeps its order over steps of the clock, within an agent and between two', async () => {
  const store = new MemoryStore();
  const texts: string[] = [];
  const encode = (batch: Batch): readonly Payload[] => [
    { signal: batch.signal, items: 1, bytes: Buffer.from(String(itemsIn(batch)[0]?.label)) },
  ];
  const labelled = (label: string) => batchWith('metrics', { test: [label] });
  const queue = { num_consumers: 1 };
  let label = 0;
  for (const by of [0, -2 * day, day]) {
    store.isClosed = false;
    const { sender, clock } = await start(never, { store, encode, queue, delivery: { timeout: seconds(0) } });
    clock.step(by);
    for (const step of [0, -day, day]) {
      clock.step(step);
      label += 1;
      await sender.offer(labelled(`${label}`));
    }
    const closed = sender.close(seconds(1));
    await clock.advance(seconds(1));
    await closed;
  }
  store.isClosed = false;
  const { sender } = await start(
    ({ bytes }) => {
      texts.push(Buffer.from(bytes).toString());
      return accepted;
    },
    { store, encode, queue },
  );
  await settle();
  await sender.close(seconds(1));
  assert.deepEqual(texts, ['1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

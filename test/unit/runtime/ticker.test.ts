import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTicker } from '../../../src/runtime/ticker.ts';
import { type Batch, itemCount } from '../../../src/telemetry/batch.ts';
import { milliseconds, type Nanoseconds, seconds, toSeconds } from '../../../src/telemetry/units.ts';
import { batchOf, fakeWorld, losses, total } from './fake-world.ts';

type Collect = () => readonly Batch[] | Promise<readonly Batch[]>;

function start(collect: Collect, every: Nanoseconds = seconds(10)) {
  const world = fakeWorld();
  const times: number[] = [];
  const delivered: Batch[] = [];
  const pull = {
    name: 'totals',
    every,
    collect() {
      times.push(toSeconds(world.clock.elapsed()));
      return collect();
    },
  };
  const ticker = startTicker(pull, {
    ...world,
    subject: { kind: 'receiver', id: 'probe' },
    deliver: async (batch) => void delivered.push(batch),
  });
  const skipped = () => total(world.counters, 'earshot.agent.collect.skipped');
  const errors = () => total(world.counters, 'earshot.agent.collect.errors');
  return { ...world, ticker, times, delivered, skipped, errors };
}

test('a receiver is collected after a second and then at every interval, without drift', async () => {
  const { clock, times, delivered } = start(() => [batchOf('metrics', 1)]);
  await clock.advance(seconds(45));
  assert.deepEqual(times, [1, 11, 21, 31, 41]);
  assert.equal(delivered.length, 5);
});

test('an interval below a second begins at once', async () => {
  const { clock, times } = start(() => [], milliseconds(250));
  await clock.advance(seconds(1));
  assert.deepEqual(times, [0.25, 0.5, 0.75, 1]);
});

test('a collection that takes longer than the interval skips ticks, which are counted, and keeps the rhythm', async () => {
  const { clock, times, skipped } = start(async () => {
    await new Promise<void>((resolve) => clock.setTimer(seconds(25), resolve));
    return [];
  });
  await clock.advance(seconds(61));
  assert.deepEqual(times, [1, 31, 61]);
  assert.equal(skipped(), 4);
});

test('skipped collections are no loss: the next one covers their time', async () => {
  let duration = seconds(25);
  let sent = 0;
  const { clock, counters, delivered, skipped } = start(async () => {
    const total = toSeconds(clock.elapsed()); // of a source that counts up once a second
    await new Promise<void>((resolve) => clock.setTimer(duration, resolve));
    duration = seconds(1);
    const batch = batchOf('metrics', total - sent);
    sent = total;
    return [batch];
  });
  await clock.advance(seconds(32));
  assert.equal(skipped(), 2);
  assert.deepEqual(delivered.map(itemCount), [1, 30]);
  assert.deepEqual(losses(counters), []);
});

test('a collection that blocks the process skips ticks just the same', async () => {
  const { clock, times, skipped } = start(() => {
    clock.block(seconds(12));
    return [];
  });
  await clock.advance(seconds(41));
  assert.deepEqual(times, [1, 21, 41]);
  assert.equal(skipped(), 3);
});

test('slow pipelines hold a receiver back: nothing piles up', async () => {
  const world = fakeWorld();
  let running = 0;
  let most = 0;
  startTicker(
    { name: 'totals', every: seconds(1), collect: () => [batchOf('metrics', 1)] },
    {
      ...world,
      subject: { kind: 'receiver', id: 'probe' },
      async deliver() {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => world.clock.setTimer(seconds(3), resolve));
        running -= 1;
      },
    },
  );
  await world.clock.advance(seconds(20));
  assert.equal(most, 1);
});

test('a failing receiver is unhealthy, counted each time, logged once per change, and collected again', async () => {
  let trouble: string | undefined = 'first';
  const { clock, health, errors, logged } = start(() => {
    if (trouble) throw new Error(trouble);
    return [];
  });
  await clock.advance(seconds(25));
  assert.equal(errors(), 3);
  assert.equal(health.troubles.get('receiver probe (totals)'), 'first');
  assert.equal(logged.length, 1);
  trouble = 'second';
  await clock.advance(seconds(10));
  assert.deepEqual(
    logged.map(({ error }) => error),
    ['first', 'second'],
  );
  trouble = undefined;
  await clock.advance(seconds(10));
  assert.equal(health.troubles.size, 0);
  assert.equal(logged.at(-1)?.msg, 'Component has recovered.');
});

test('stopping collects once more, then never again, and leaves no timer', async () => {
  const { clock, ticker, times } = start(() => []);
  await clock.advance(seconds(15));
  await ticker.stop();
  await ticker.stop();
  await clock.advance(seconds(100));
  assert.deepEqual(times, [1, 11, 15]);
  assert.equal(clock.timers, 0);
});

test('stopping lets a running collection end before the last one', async () => {
  const order: string[] = [];
  let calls = 0;
  const { clock, ticker } = start(async () => {
    const call = ++calls;
    order.push(`begin ${call}`);
    await new Promise<void>((resolve) => clock.setTimer(seconds(2), resolve));
    order.push(`end ${call}`);
    return [];
  });
  await clock.advance(seconds(2));
  const stopped = ticker.stop();
  await clock.advance(seconds(10));
  await stopped;
  assert.deepEqual(order, ['begin 1', 'end 1', 'begin 2', 'end 2']);
  assert.equal(clock.timers, 0);
});

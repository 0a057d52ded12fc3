import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogLimit } from '../../../src/delivery/log-limit.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { FakeClock } from '../fake-clock.ts';

test('a key is due once a minute, each for itself', async () => {
  const clock = new FakeClock();
  const limit = new LogLimit(clock);
  assert.deepEqual(
    ['a', 'a', 'b'].map((key) => limit.isDue(key)),
    [true, false, true],
  );
  await clock.advance(seconds(30));
  assert.equal(limit.isDue('c'), true);
  await clock.advance(seconds(30));
  assert.deepEqual(
    ['a', 'a', 'b', 'c'].map((key) => limit.isDue(key)),
    [true, false, true, false],
  );
});

test('beyond a hundred keys of one minute none is due, and a minute later there is room', async () => {
  const clock = new FakeClock();
  const limit = new LogLimit(clock);
  const due = (from: number) =>
    Array.from({ length: 250 }, (_, n) => limit.isDue(`${from + n}`)).filter(Boolean).length;
  assert.equal(due(0), 100);
  assert.equal(due(1000), 0);
  await clock.advance(seconds(60));
  assert.equal(due(2000), 100);
});

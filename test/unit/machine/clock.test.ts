import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endsWithin } from '../../../src/machine/clock.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { FakeClock } from '../fake-clock.ts';

test('work within its limit is distinguished from work beyond it, and no timer is left', async () => {
  const clock = new FakeClock();
  assert.equal(await endsWithin(clock, seconds(1), Promise.resolve('done')), true);
  const late = endsWithin(clock, seconds(1), new Promise(() => {}));
  await clock.advance(seconds(1));
  assert.equal(await late, false);
  await assert.rejects(endsWithin(clock, seconds(1), Promise.reject(new Error('broken'))), {
    message: 'broken',
  });
  assert.equal(clock.timers, 0);
});

test('a failure after the limit is ignored', async () => {
  const clock = new FakeClock();
  const work = Promise.withResolvers<void>();
  const late = endsWithin(clock, seconds(1), work.promise);
  await clock.advance(seconds(1));
  assert.equal(await late, false);
  work.reject(new Error('too late'));
  await clock.advance(seconds(1));
});

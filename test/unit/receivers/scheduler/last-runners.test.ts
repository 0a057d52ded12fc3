import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lastRunnersOf } from '../../../../src/receivers/scheduler/last-runners.ts';
import { pairReading } from './readings.ts';

test('a last runner has the full waits that ended with it, for any part of its own', () => {
  const pairs = [
    pairReading(2n, { other: 900, last: 10 }),
    pairReading(3n, { last: 990 }),
    pairReading(4n, { other: 100, preemptions: 3 }),
  ];
  assert.deepEqual(lastRunnersOf(pairs, 10), [
    { culprit: 3n, time: 990 },
    { culprit: 2n, time: 10 },
  ]);
});

test('last runners beyond the limit become one rest, and no wait is lost', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1e9), { maxLength: 15 }), fc.integer({ min: 1, max: 15 }), (lasts, max) => {
      const lastRunners = lastRunnersOf(
        lasts.map((last, i) => pairReading(BigInt(i + 2), { last })),
        max,
      );
      assert.ok(lastRunners.filter(({ culprit }) => culprit !== 'other').length <= max);
      assert.ok(lastRunners.length <= max + 1);
      assert.equal(
        lastRunners.reduce((sum, { time }) => sum + time, 0),
        lasts.reduce((a, b) => a + b, 0),
      );
    }),
  );
});

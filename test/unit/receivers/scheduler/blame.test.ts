import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Blame, blameOf } from '../../../../src/receivers/scheduler/blame.ts';
import { cgroupReading, pairReading } from './readings.ts';

const options = { maxCulprits: 10, samplingError: 100 };
const sum = (blames: readonly Blame[], key: 'other' | 'throttled' | 'preemptions') =>
  blames.reduce((all, blame) => all + blame[key], 0);

test('culprits come the worst first, with what each took', () => {
  const victim = cgroupReading({ other: 1000, throttled: 500 });
  const pairs = [
    pairReading(2n, { other: 300 }),
    pairReading(3n, { other: 700, preemptions: 4 }),
    pairReading(4n, { throttled: 500 }),
  ];
  assert.deepEqual(blameOf(victim, pairs, options), [
    { culprit: 3n, other: 700, throttled: 0, preemptions: 4 },
    { culprit: 4n, other: 0, throttled: 500, preemptions: 0 },
    { culprit: 2n, other: 300, throttled: 0, preemptions: 0 },
  ]);
});

test('times that sampling left a little off are fitted to the total', () => {
  const victim = cgroupReading({ other: 10_000 });
  for (const sampled of [9_850, 10_900]) {
    const blames = blameOf(
      victim,
      [pairReading(2n, { other: sampled - 50 }), pairReading(3n, { other: 50 })],
      options,
    );
    assert.equal(sum(blames, 'other'), 10_000);
  }
});

test('a victim with little wait may be off by a quantum of each CPU', () => {
  const blames = blameOf(cgroupReading({ other: 150 }), [pairReading(2n, { other: 50 })], options);
  assert.equal(sum(blames, 'other'), 150);
});

test('what is missing beyond the tolerance stays unnamed', () => {
  const victim = cgroupReading({ other: 10_000 });
  const blames = blameOf(victim, [pairReading(2n, { other: 9_000 })], options);
  assert.deepEqual(blames, [{ culprit: 2n, other: 9_000, throttled: 0, preemptions: 0 }]);
});

test('the two kinds of time are fitted each on its own', () => {
  const victim = cgroupReading({ other: 10_000, throttled: 10_000 });
  const [blame] = blameOf(victim, [pairReading(2n, { other: 9_900, throttled: 5_000 })], options);
  assert.deepEqual([blame?.other, blame?.throttled], [10_000, 5_000]);
});

test('nobody is blamed for what the victim did not wait', () => {
  assert.deepEqual(blameOf(cgroupReading({ self: 1000 }), [pairReading(2n, { other: 50 })], options), []);
});

test('beyond max_culprits the rest is one, with its sums', () => {
  const victim = cgroupReading({ other: 600, throttled: 60 });
  const pairs = [
    pairReading(2n, { other: 400 }),
    pairReading(3n, { other: 150, throttled: 10, preemptions: 1 }),
    pairReading(4n, { other: 50, throttled: 50, preemptions: 2 }),
  ];
  assert.deepEqual(blameOf(victim, pairs, { ...options, maxCulprits: 1 }), [
    { culprit: 2n, other: 400, throttled: 0, preemptions: 0 },
    { culprit: 'other', other: 200, throttled: 60, preemptions: 3 },
  ]);
});

test('blame is never more than the victim waited, and of nobody lost by cutting the list', () => {
  const pair = fc.record({ other: fc.nat(1e6), throttled: fc.nat(1e6), preemptions: fc.nat(100) });
  fc.assert(
    fc.property(
      fc.record({ other: fc.nat(1e7), throttled: fc.nat(1e7) }),
      fc.array(pair, { maxLength: 15 }),
      fc.integer({ min: 1, max: 15 }),
      (waits, of, maxCulprits) => {
        const pairs = of.map((it, i) => pairReading(BigInt(i + 2), it));
        const whole = blameOf(cgroupReading(waits), pairs, { ...options, maxCulprits: 100 });
        const cut = blameOf(cgroupReading(waits), pairs, { ...options, maxCulprits });
        assert.ok(cut.length <= maxCulprits + 1);
        for (const key of ['other', 'throttled'] as const) {
          assert.ok(sum(cut, key) <= waits[key]);
          assert.equal(sum(cut, key), sum(whole, key));
        }
        assert.equal(
          sum(cut, 'preemptions'),
          pairs.reduce((all, { preemptions }) => all + preemptions, 0),
        );
      },
    ),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Blame, blameOf } from '../../../../src/receivers/scheduler/blame.ts';
import { cgroupReading, pairReading } from './readings.ts';

const options = { maxCulprits: 10, samplingError: 100 };
const sum = (blames: readonly Blame[], key: 'other' | 'throttled' | 'preemptions') =>
  blames.reduce((all, blame) => all + blame[key], 0);

test('culprits are sorted by blame, largest first', () => {
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

test('sampling errors within the tolerance are scaled to the total', () => {
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

test('the tolerance of a small wait is a quantum for each CPU', () => {
  const blames = blameOf(cgroupReading({ other: 150 }), [pairReading(2n, { other: 50 })], options);
  assert.equal(sum(blames, 'other'), 150);
});

test('the tolerance counts only CPUs on which the victim waited behind others', () => {
  const pairs = [pairReading(2n, { other: 50 })];
  const blamed = (otherCpus: number) =>
    sum(blameOf(cgroupReading({ other: 400 }, { otherCpus }), pairs, options), 'other');
  assert.deepEqual([blamed(1), blamed(4)], [50, 400]);
});

test('where pairs have been lost nothing missing goes to named culprits', () => {
  const victim = cgroupReading({ other: 1000 });
  const blamed = (other: number) =>
    sum(blameOf(victim, [pairReading(2n, { other })], { ...options, arePairsLost: true }), 'other');
  assert.deepEqual([blamed(999), blamed(1001)], [999, 1000]);
});

test('blame missing beyond the tolerance stays unnamed', () => {
  const victim = cgroupReading({ other: 10_000 });
  const blames = blameOf(victim, [pairReading(2n, { other: 9_000 })], options);
  assert.deepEqual(blames, [{ culprit: 2n, other: 9_000, throttled: 0, preemptions: 0 }]);
});

test('blame of `other` and of quotas is scaled separately', () => {
  const victim = cgroupReading({ other: 10_000, throttled: 10_000 });
  const [blame] = blameOf(victim, [pairReading(2n, { other: 9_900, throttled: 5_000 })], options);
  assert.deepEqual([blame?.other, blame?.throttled], [10_000, 5_000]);
});

test('without a wait there is no blame', () => {
  assert.deepEqual(blameOf(cgroupReading({ self: 1000 }), [pairReading(2n, { other: 50 })], options), []);
});

test('culprits beyond max_culprits become one rest, with their sums', () => {
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

test('blame never exceeds the wait, and truncating the list loses none', () => {
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

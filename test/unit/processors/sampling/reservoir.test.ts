import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { samplingCounters } from '../../../../src/processors/sampling/emits.ts';
import { itemCount } from '../../../../src/telemetry/batch.ts';
import { totalWeight, weightedQuantile } from '../../../lab/weighted-estimates.ts';
import { fixture, recordsOf, waits, weightedIn } from './fixture.ts';

const descending = (a: number, b: number) => b - a;

test('nothing goes on before the window ends; then the longest do as they are', async () => {
  const { processor, pull, counted } = await fixture({ reservoir: { longest: 2 } });
  const batch = waits({ wait: 1 }, { wait: 5, weight: 3 }, { wait: 2 }, { wait: 4 });
  assert.equal(itemCount(processor.process(batch)), 0);
  const [window, ...more] = await pull();
  assert.deepEqual(more, []);
  const kept = window ? recordsOf(window) : [];
  for (const at of [1, 3]) assert.ok(kept.includes(recordsOf(batch)[at] ?? assert.fail()));
  assert.deepEqual(counted(samplingCounters.kept), { longest: 2, others: 2 });
  assert.deepEqual(await pull(), [], 'the next window is empty');
});

test('of the others one goes on for each band, with the weight of all in it', async () => {
  const { processor, pull, counted } = await fixture({ reservoir: { longest: 1, bands_per_doubling: 1 } });
  processor.process(waits({ wait: 9 }, { wait: 0.3 }, { wait: 0.4, weight: 10 }, { wait: 0.5 }, { wait: 3 }));
  const weights = weightedIn(await pull()).map(({ weight }) => weight);
  assert.deepEqual(weights.sort(descending), [12, 1, 1]);
  assert.deepEqual(counted(samplingCounters.dropped), { reservoir: 2 });
});

test('with longest 0 all waits are represented by bands', async () => {
  const { processor, pull } = await fixture({ reservoir: { longest: 0 } });
  processor.process(waits({ wait: 1 }, { wait: 1 }, { wait: 1 }));
  assert.deepEqual(weightedIn(await pull()), [{ value: 1, weight: 3 }]);
});

test('per workload, each workload has its longest', async () => {
  const made = ['a', 'b'].flatMap((workload, i) => [1, 2].map((wait) => ({ wait: wait + i * 10, workload })));
  const { processor, pull, counted } = await fixture({ reservoir: { longest: 1, per: 'workload' } });
  processor.process(waits(...made));
  await pull();
  assert.deepEqual(counted(samplingCounters.kept), { longest: 2, others: 2 });
});

test('beyond max_workloads the window of the workload unused for longest ends early', async () => {
  const { processor, counted } = await fixture({
    reservoir: { longest: 1, per: 'workload' },
    max_workloads: 1,
  });
  processor.process(waits({ wait: 1, workload: 'a' }, { wait: 2, workload: 'a' }));
  const batch = processor.process(waits({ wait: 3, workload: 'b' }));
  assert.deepEqual(
    weightedIn([batch]).map(({ value }) => value),
    [2, 1],
  );
  assert.deepEqual(counted(samplingCounters.kept), { evicted: 2 });
});

test('beyond max_held the window of the workload unused for longest ends early', async () => {
  const { processor, counted, pull } = await fixture({
    reservoir: { longest: 2, per: 'workload' },
    max_held: 3,
  });
  const batch = processor.process(
    waits(...['a', 'a', 'b', 'b'].map((workload, i) => ({ wait: i + 1, workload }))),
  );
  assert.deepEqual(
    weightedIn([batch]).map(({ value }) => value),
    [1, 2],
  );
  assert.equal(itemCount(processor.process(waits({ wait: 5, workload: 'c' }))), 0, 'there is room again');
  assert.equal(weightedIn(await pull()).length, 3);
  assert.deepEqual(counted(samplingCounters.kept), { evicted: 2, longest: 3 });
});

/** From 10 µs to 10 s, in whole nanoseconds. */
const made = fc.record({
  wait: fc.double({ min: -5, max: 1, noNaN: true }).map((exponent) => Math.round(10 ** (exponent + 9)) / 1e9),
  weight: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 1000 })),
});

test('total weight and the longest are exact, quantiles are off by less than a band', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(made, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer(),
      async (all, longest, bands, seed) => {
        const { processor, flush } = await fixture(
          { reservoir: { longest, bands_per_doubling: bands } },
          { seed },
        );
        const batch = waits(...all);
        processor.process(batch);
        const before = weightedIn([batch]);
        const after = weightedIn(flush());
        assert.equal(totalWeight(after), totalWeight(before));
        const top = (of: readonly { readonly value: number }[]) =>
          of
            .map(({ value }) => value)
            .sort(descending)
            .slice(0, longest);
        assert.deepEqual(top(after), top(before));
        for (const part of [0.01, 0.5, 0.9, 0.99, 1]) {
          const ratio = weightedQuantile(after, part).value / weightedQuantile(before, part).value;
          assert.ok(Math.abs(Math.log2(ratio)) < 1 / bands + 1e-6, `${part}: ${ratio}`);
        }
      },
    ),
    { numRuns: 200 },
  );
});

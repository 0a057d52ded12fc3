import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { samplingCounters } from '../../../../src/processors/sampling/emits.ts';
import { signalNames } from '../../../../src/telemetry/batch.ts';
import { hrTime, nanoseconds, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { totalWeight } from '../../../lab/weighted-estimates.ts';
import { batchWith, interval, itemsIn } from '../../batch-with.ts';
import { fixture, type MadeWait, recordsOf, waits, weightedIn } from './fixture.ts';

const strictest = { rate_limit: { events_per_second: 0.001, burst: 1 }, reservoir: { longest: 0 } };

for (const signal of signalNames.filter((name) => name !== 'traces'))
  test(`${signal} without the duration of a wait pass untouched`, async () => {
    const { processor } = await fixture(strictest, { signal });
    const batch = batchWith(signal, { web: ['a', 'b', 'c'] });
    assert.deepEqual(itemsIn(processor.process(batch)), itemsIn(batch));
  });

test('metrics are the same batch', async () => {
  const { processor } = await fixture(strictest, { signal: 'metrics' });
  const batch = batchWith('metrics', { web: ['a'] });
  assert.equal(processor.process(batch), batch);
  assert.deepEqual(processor.pulls, []);
});

test('spans are sampled by their duration', async () => {
  const { processor, flush } = await fixture({ reservoir: { longest: 1 } }, { signal: 'traces' });
  const batch = batchWith('traces', { web: ['short', 'long', 'middle'] });
  assert.ok(batch.signal === 'traces');
  const ends = [1_000_000n, 9_000_000n, 1_000_000n];
  const spans = batch.spans.map((span, i) => ({
    ...span,
    endTime: hrTime((interval.start + (ends[i] ?? 0n)) as UnixNanoseconds),
  }));
  assert.deepEqual(itemsIn(processor.process({ signal: 'traces', spans })), []);
  const [window] = flush();
  assert.ok(window?.signal === 'traces');
  assert.deepEqual(
    window.spans.map(({ attributes }) => attributes['earshot.weight']),
    [undefined, 2],
  );
  assert.equal(window.spans[0]?.attributes.label, 'long');
});

test('a weight that is no positive number counts as 1', async () => {
  const { processor, flush } = await fixture({ reservoir: { longest: 0 } });
  processor.process(
    waits(...[0, -3, Number.NaN, Number.POSITIVE_INFINITY].map((weight) => ({ wait: 1, weight }))),
  );
  assert.equal(totalWeight(weightedIn(flush())), 4);
});

test('the modes are combined in their order: tail, probabilistic, rate limit, reservoir', async () => {
  const { processor, pass, pull, counted } = await fixture({
    tail: { min_wait: '1s' },
    probabilistic: { percentage: 50 },
    rate_limit: { events_per_second: 1, burst: 2 },
    reservoir: { longest: 1 },
  });
  const batch = processor.process(waits({ wait: 2 }, ...Array.from({ length: 200 }, () => ({ wait: 0.01 }))));
  assert.deepEqual(weightedIn([batch]), [{ value: 2, weight: 1 }]);
  pass(1);
  assert.deepEqual(
    processor.pulls?.map(({ name, every }) => [name, every]),
    [
      ['rate_limit', nanoseconds(1e9)],
      ['reservoir', nanoseconds(10e9)],
    ],
  );
  const kept = weightedIn(await pull());
  assert.equal(kept.length, 2, 'the longest, and one that stands for two that the rate let pass');
  const { probabilistic: undrawn = 0, ...dropped } = counted(samplingCounters.dropped);
  assert.equal(totalWeight(kept), (200 - undrawn) * 2);
  assert.deepEqual(dropped, { rate_limit: 200 - undrawn - 3, reservoir: 1 });
});

test('what is held when a processor is closed without a flush is counted as lost', async () => {
  const { processor, host } = await fixture({ reservoir: {} });
  processor.process(waits({ wait: 1, weight: 5 }, { wait: 2 }));
  await processor.close();
  await processor.close();
  const lost = host.counters.read().filter(({ metric }) => metric === samplingCounters.lost);
  assert.deepEqual(
    lost.map(({ value }) => value),
    [6],
  );
});

const wait = fc.record({
  wait: fc.double({ min: 0, max: 10, noNaN: true }),
  workload: fc.constantFrom('a', 'b', 'c', 'd'),
  weight: fc.integer({ min: 1, max: 5000 }),
});
const config = fc.record(
  {
    tail: fc.constant({ min_wait: '5s' }),
    rate_limit: fc.record({
      events_per_second: fc.constantFrom(0.1, 1, 10),
      per: fc.constantFrom('workload', 'workload_and_cpu'),
    }),
    reservoir: fc.record({ longest: fc.nat(5), per: fc.constantFrom('pipeline', 'workload') }),
    max_workloads: fc.integer({ min: 1, max: 5 }),
  },
  { requiredKeys: ['reservoir'] },
);

const sum = (counted: Readonly<Record<string, number>>) =>
  Object.values(counted).reduce((total, value) => total + value, 0);

test('weight is conserved exactly, items and weights are counted, batches stay as they were', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(wait, { maxLength: 30 }), { maxLength: 10 }),
      config,
      fc.integer(),
      async (batches: readonly (readonly MadeWait[])[], written, seed) => {
        const { processor, pass, pull, flush, counted } = await fixture(written, { seed });
        let id = 0;
        const given = batches.map((made) =>
          waits(...made.map((each) => ({ ...each, attributes: { id: id++ } }))),
        );
        const before = structuredClone(given.map((batch) => weightedIn([batch])));
        const passed = [];
        for (const batch of given) {
          passed.push(processor.process(batch));
          pass(0.5);
          if (seed % 3 === 0) passed.push(...(await pull()));
        }
        passed.push(...flush());
        const came = weightedIn(given);
        const went = weightedIn(passed);
        assert.deepEqual(
          given.map((batch) => weightedIn([batch])),
          before,
        );
        assert.equal(totalWeight(went), totalWeight(came));
        assert.equal(sum(counted(samplingCounters.kept)), went.length);
        assert.equal(sum(counted(samplingCounters.dropped)), came.length - went.length);
        const dropped = new Set(given.flatMap(recordsOf).map(({ attributes }) => attributes.id));
        for (const { attributes } of passed.flatMap(recordsOf)) assert.ok(dropped.delete(attributes.id));
        assert.equal(
          sum(counted(samplingCounters.carried)),
          totalWeight(came.filter((_, id) => dropped.has(id))),
        );
      },
    ),
    { numRuns: 300 },
  );
});

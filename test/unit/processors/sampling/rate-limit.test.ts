import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplingCounters } from '../../../../src/processors/sampling/emits.ts';
import { eventAttributes } from '../../../../src/telemetry/attributes/event.ts';
import { itemCount } from '../../../../src/telemetry/batch.ts';
import { totalWeight } from '../../../lab/weighted-estimates.ts';
import { fixture, type MadeWait, recordsOf, waits, weightedIn } from './fixture.ts';

const oneASecond = { rate_limit: { events_per_second: 1, burst: 1 } };
const many = (count: number, of: Partial<MadeWait> = {}) =>
  waits(...Array.from({ length: count }, (_, i) => ({ wait: 0.01 + i / 1000, ...of })));

test('within the rate each record is the same object', async () => {
  const { processor } = await fixture({ rate_limit: { events_per_second: 10 } });
  const batch = many(10);
  const kept = recordsOf(processor.process(batch));
  assert.equal(kept.length, 10);
  kept.forEach((each, i) => {
    assert.equal(each, recordsOf(batch)[i]);
  });
});

test('a burst beyond the bucket goes on as one wait, at the next token, with the weight of all', async () => {
  const { processor, pass, pull } = await fixture(oneASecond);
  assert.equal(itemCount(processor.process(many(100, { weight: 2 }))), 1);
  assert.deepEqual(await pull(), [], 'no token yet');
  pass(1);
  const [held, ...more] = await pull();
  assert.deepEqual(more, []);
  assert.deepEqual(held && weightedIn([held]).map(({ weight }) => weight), [198]);
});

test('the wait that comes with the next token takes the weight, or gives its place to one before it', async () => {
  const counts = { last: 0, before: 0 };
  for (let seed = 0; seed < 200; seed++) {
    const { processor, pass } = await fixture(oneASecond, { seed });
    processor.process(many(2));
    pass(1);
    const [kept, ...more] = weightedIn([processor.process(waits({ wait: 9 }))]);
    assert.deepEqual(more, []);
    assert.equal(kept?.weight, 2);
    counts[kept?.value === 9 ? 'last' : 'before'] += 1;
  }
  assert.ok(Math.abs(counts.last - 100) < 30, `${counts.last} of 200: each with the same chance`);
});

test('a wait is drawn in proportion to its weight', async () => {
  let heavy = 0;
  for (let seed = 0; seed < 400; seed++) {
    const { processor, flush } = await fixture(oneASecond, { seed });
    processor.process(waits({ wait: 1 }, { wait: 1, weight: 1 }, { wait: 2, weight: 3 }));
    heavy += weightedIn(flush())[0]?.value === 2 ? 1 : 0;
  }
  assert.ok(Math.abs(heavy - 300) < 35, `${heavy} of 400: 3 of 4`);
});

test('over time the rate holds for each workload', async () => {
  const { processor, pass } = await fixture({ rate_limit: { events_per_second: 2, burst: 4 } });
  const kept = new Map<unknown, number>();
  const made = ['a', 'b', 'a', 'a', 'a'].map((workload) => ({ wait: 0.01, workload }));
  for (let second = 0; second < 100; second++, pass(1))
    for (const { resource } of recordsOf(processor.process(waits(...made)))) {
      const workload = resource.attributes['service.instance.id'];
      kept.set(workload, (kept.get(workload) ?? 0) + 1);
    }
  assert.deepEqual(Object.fromEntries(kept), { a: 2 * 99 + 4, b: 100 });
});

test('per workload and CPU, each CPU has a bucket', async () => {
  const made = [0, 1, 1, 2].map((cpu) => ({ wait: 0.01, attributes: { [eventAttributes.cpu.key]: cpu } }));
  for (const [per, kept] of [
    ['workload', 1],
    ['workload_and_cpu', 3],
  ] as const) {
    const { processor } = await fixture({ rate_limit: { ...oneASecond.rate_limit, per } });
    assert.equal(itemCount(processor.process(waits(...made))), kept);
  }
});

test('a workload beyond max_workloads takes the place of the one unused for longest, whose held wait goes on', async () => {
  const { processor, counted, flush } = await fixture({ ...oneASecond, max_workloads: 2 });
  processor.process(many(3, { workload: 'a' }));
  processor.process(many(3, { workload: 'b' }));
  processor.process(many(1, { workload: 'a' }));
  const batch = processor.process(many(1, { workload: 'c' }));
  assert.deepEqual(
    recordsOf(batch).map(({ resource }) => resource.attributes['service.instance.id']),
    ['b', 'c'],
  );
  assert.deepEqual(
    weightedIn([batch]).map(({ weight }) => weight),
    [2, 1],
  );
  assert.deepEqual(counted(samplingCounters.kept), { rate_limit: 3, evicted: 1 });
  assert.equal(totalWeight(weightedIn(flush())), 3);
});

test('flush sends what is held, once, with the reason', async () => {
  const { processor, counted, flush } = await fixture(oneASecond);
  processor.process(many(10));
  assert.deepEqual(
    weightedIn(flush()).map(({ weight }) => weight),
    [9],
  );
  assert.deepEqual(flush(), []);
  assert.deepEqual(counted(samplingCounters.kept), { rate_limit: 1, shutdown: 1 });
  assert.deepEqual(counted(samplingCounters.dropped), { rate_limit: 8 });
  assert.deepEqual(counted(samplingCounters.carried), { shutdown: 8 });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Batch, itemCount } from '../../../src/telemetry/batch.ts';
import { event, resource, resourceMetrics, sum } from '../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import { emptyBatch, mapBatch, type Visit, walkBatch } from '../../../src/telemetry/signals.ts';
import type { UnixNanoseconds } from '../../../src/telemetry/units.ts';

const times = { start: 1_000_000_000n as UnixNanoseconds, end: 11_000_000_000n as UnixNanoseconds };
const [kept, dropped] = [resource({ name: 'kept' }), resource({ name: 'dropped' })];
const points = (...names: readonly string[]) => [
  sum(
    waitMetrics.blameTime,
    times,
    names.map((name) => ({ value: 1, attributes: { name } })),
  ),
];
const record = (of: typeof kept, name: string) =>
  event(
    { name: 'test.event', meaning: 'A test.', attributes: [] },
    { resource: of, at: times.end, observed: times.end, attributes: { name } },
  );
const batches: readonly Batch[] = [
  {
    signal: 'metrics',
    resourceMetrics: [resourceMetrics(kept, points('a', 'b')), resourceMetrics(dropped, points('c'))],
  },
  { signal: 'logs', records: [record(kept, 'a'), record(kept, 'b'), record(dropped, 'c')] },
];

const nothing: Visit = { resource: (of) => of, item: (attributes) => attributes };

for (const batch of batches) {
  test(`${batch.signal}: a visit sees each item with its time and resource`, () => {
    for (const visitBatch of [walkBatch, mapBatch]) {
      const seen: unknown[] = [];
      visitBatch(batch, {
        ...nothing,
        item(attributes, { at, resource: of }) {
          seen.push([attributes.name, at, of.attributes.name]);
          return attributes;
        },
      });
      const { end } = times;
      assert.deepEqual(seen, [
        ['a', end, 'kept'],
        ['b', end, 'kept'],
        ['c', end, 'dropped'],
      ]);
    }
  });

  test(`${batch.signal}: a resource without a replacement is dropped with its items`, () => {
    let items = 0;
    const mapped = mapBatch(batch, {
      ...nothing,
      resource(of, { items: count }) {
        if (of === kept) return of;
        items += count;
        return undefined;
      },
    });
    assert.equal(items, 1);
    assert.equal(itemCount(mapped), 2);
  });

  test(`${batch.signal}: a visit that changes nothing yields an equal batch`, () => {
    assert.deepEqual(mapBatch(batch, nothing), batch);
  });

  test(`${batch.signal}: the empty batch has no items`, () => {
    assert.equal(itemCount(emptyBatch(batch.signal)), 0);
  });
}

test('data points that become equal are added up on request', () => {
  const [metrics] = batches;
  assert.ok(metrics);
  const visit = { ...nothing, item: () => ({}) };
  assert.equal(itemCount(mapBatch(metrics, visit)), 3);
  assert.equal(itemCount(mapBatch(metrics, { ...visit, mergesEqual: true })), 2);
});

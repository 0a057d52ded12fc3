import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Resource } from '@opentelemetry/resources';
import fc from 'fast-check';
import {
  emptyBatch,
  itemCount,
  joinBatches,
  mapBatch,
  perSignal,
  signalNames,
  splitBatch,
} from '../../../src/telemetry/batch.ts';
import { resource, resourceMetrics, sum } from '../../../src/telemetry/metrics/build.ts';
import { signals } from '../../../src/telemetry/signals.ts';
import type { Visit } from '../../../src/telemetry/visit.ts';
import { batchWith, type Item, interval, itemsIn } from '../batch-with.ts';

const nothing: Visit = { resource: (of) => of, item: (attributes) => attributes };

/** Distinct labels of up to five resources, some without any. */
const labels = fc
  .array(fc.nat(12), { maxLength: 5 })
  .map((counts) =>
    Object.fromEntries(
      counts.map((count, of) => [`r${of}`, Array.from({ length: count }, (_, n) => `${of}-${n}`)]),
    ),
  );

for (const signal of signalNames)
  describe(signal, () => {
    const batch = batchWith(signal, { kept: ['a', 'b'], dropped: ['c'] });

    test('a visit sees each item with its time and resource, after that resource', () => {
      const { end } = interval;
      const resources = new Set<unknown>();
      const items: unknown[] = [];
      mapBatch(batch, {
        resource(of, { at }) {
          assert.equal(at, end);
          resources.add(of.attributes.name);
          return of;
        },
        item(attributes, { at, resource: of, items: count }) {
          assert.ok(resources.has(of.attributes.name));
          items.push([of.attributes.name, attributes.label, at, count]);
          return attributes;
        },
      });
      assert.deepEqual(items, [
        ['kept', 'a', end, 1],
        ['kept', 'b', end, 1],
        ['dropped', 'c', end, 1],
      ]);
    });

    test('a visit that changes nothing yields the same batch', () => {
      fc.assert(
        fc.property(labels, (of) => {
          const made = batchWith(signal, of);
          assert.equal(mapBatch(made, nothing), made);
        }),
      );
    });

    test('a visit that changes each item keeps their number and order, and the batch as it was', () => {
      fc.assert(
        fc.property(labels, (of) => {
          const made = batchWith(signal, of);
          const before = itemsIn(made);
          const mapped = mapBatch(made, { ...nothing, item: ({ label }) => ({ label: `${label}!` }) });
          assert.equal(itemCount(mapped), itemCount(made));
          assert.deepEqual(
            itemsIn(mapped),
            before.map(({ name, label }) => ({ name, label: `${label}!` })),
          );
          assert.deepEqual(itemsIn(made), before);
        }),
      );
    });

    test('a resource is replaced, and its items stay as they are', () => {
      const mapped = mapBatch(batch, { ...nothing, resource: () => resource({ name: 'new' }) });
      assert.deepEqual(
        itemsIn(mapped),
        ['a', 'b', 'c'].map((label) => ({ name: 'new', label })),
      );
    });

    test('a resource without a replacement is dropped with its items', () => {
      let items = 0;
      const mapped = mapBatch(batch, {
        ...nothing,
        resource(of, { items: count }) {
          if (of.attributes.name === 'kept') return of;
          items += count;
          return undefined;
        },
      });
      assert.equal(items, 1);
      assert.deepEqual(itemsIn(mapped), [
        { name: 'kept', label: 'a' },
        { name: 'kept', label: 'b' },
      ]);
    });

    test('parts have all items in the same order, none too many, and are never empty', () => {
      fc.assert(
        fc.property(labels, fc.integer({ min: 1, max: 20 }), (of, most) => {
          const made = batchWith(signal, of);
          const parts = splitBatch(made, most);
          assert.deepEqual(parts.flatMap(itemsIn), itemsIn(made));
          for (const part of parts) {
            assert.equal(part.signal, signal);
            assert.equal(itemCount(part), itemsIn(part).length);
            assert.ok(itemCount(part) > 0 && itemCount(part) <= most);
          }
        }),
      );
    });

    test('joined batches have all items, those of a resource in their order, with one resource', () => {
      fc.assert(
        fc.property(fc.array(labels, { minLength: 2, maxLength: 4 }), (all) => {
          const [first, ...rest] = all.map((of) => batchWith(signal, of));
          assert.ok(first);
          const joined = joinBatches([first, ...rest]);
          assert.equal(itemCount(joined), itemsIn(joined).length);
          const byName = (items: readonly Item[]) =>
            Object.entries(Object.groupBy(items, ({ name }) => String(name))).sort();
          assert.deepEqual(byName(itemsIn(joined)), byName([first, ...rest].flatMap(itemsIn)));
          const resources = new Map<unknown, Set<Resource>>();
          mapBatch(joined, {
            ...nothing,
            resource(of) {
              resources.set(of.attributes.name, (resources.get(of.attributes.name) ?? new Set()).add(of));
              return of;
            },
          });
          for (const same of resources.values()) assert.equal(same.size, 1);
        }),
      );
    });

    test('the count is the number of items; the empty batch has none', () => {
      fc.assert(
        fc.property(labels, (of) => {
          assert.equal(itemCount(batchWith(signal, of)), Object.values(of).flat().length);
        }),
      );
      assert.equal(itemCount(emptyBatch(signal)), 0);
      assert.equal(emptyBatch(signal).signal, signal);
    });
  });

test('each signal has a word for its items of its own', () => {
  const nouns = Object.values(perSignal((signal) => signals[signal].item.noun));
  assert.equal(new Set(nouns).size, signalNames.length);
});

test('a resource with room in a request stays whole', () => {
  const parts = splitBatch(batchWith('metrics', { a: ['1', '2'], b: ['3', '4'], c: ['5'] }), 3);
  assert.deepEqual(
    parts.map((part) => itemsIn(part).map(({ label }) => label)),
    [
      ['1', '2'],
      ['3', '4', '5'],
    ],
  );
});

test('joined metrics name resource, scope and metric once, and different metrics stay apart', () => {
  const [metrics, others] = (['s', 'By'] as const).map((unit) => {
    const points = [{ value: 1, attributes: { label: unit } }];
    const made = sum({ name: 'test', kind: 'sum', unit, meaning: '' }, interval, points);
    return resourceMetrics(resource({ name: 'one' }), [made]);
  });
  assert.ok(metrics && others);
  const batches = [metrics, others, metrics].map(
    (of) => ({ signal: 'metrics', resourceMetrics: [of] }) as const,
  );
  const [first, ...rest] = batches;
  assert.ok(first);
  const joined = joinBatches([first, ...rest]);
  assert.deepEqual(
    joined.resourceMetrics.map(({ scopeMetrics }) =>
      scopeMetrics.map((scoped) =>
        scoped.metrics.map(({ descriptor, dataPoints }) => [descriptor.unit, dataPoints.length]),
      ),
    ),
    [
      [
        [
          ['s', 2],
          ['By', 1],
        ],
      ],
    ],
  );
  assert.equal(metrics.scopeMetrics[0]?.metrics[0]?.dataPoints.length, 1, 'the batches are as they were');
});

test('data points that become equal are added up on request', () => {
  const batch = batchWith('metrics', { a: ['1', '1', '1', '1'], b: ['1'] });
  const visit = { ...nothing, item: () => ({}) };
  assert.equal(itemCount(mapBatch(batch, visit)), 5);
  assert.equal(itemCount(mapBatch(batch, { ...visit, mergesEqual: true })), 3);
});

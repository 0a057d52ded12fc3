import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Comparison, misplaced } from '../../../bench/accuracy/compare.ts';
import { levelMisses } from '../../../bench/accuracy/quota-levels.ts';
import { judgedFrom, missesOf } from '../../../bench/accuracy/targets.ts';
import { replayClasses } from '../../lab/replay.ts';

const shares = fc
  .array(fc.tuple(fc.bigInt({ min: -3n, max: 9n }), fc.integer({ min: 1, max: 1000 })), { minLength: 1 })
  .map((entries) => new Map(entries));

test('right proportions have no misplaced points, in any unit', () => {
  fc.assert(
    fc.property(shares, fc.integer({ min: 1, max: 50 }), (truth, unit) => {
      const reported = new Map([...truth].map(([party, share]) => [party, share * unit]));
      assert.ok(misplaced(truth, reported) < 1e-9);
    }),
  );
});

test('blaming only a wrong culprit misplaces all points', () => {
  assert.equal(misplaced(new Map([[1n, 5]]), new Map([[2n, 7]])), 100);
});

test('misplaced points are the excess of each culprit', () => {
  const truth = new Map([
    [1n, 60],
    [2n, 40],
  ]);
  assert.ok(
    Math.abs(
      misplaced(
        truth,
        new Map([
          [1n, 90],
          [2n, 10],
        ]),
      ) - 30,
    ) < 1e-9,
  );
});

function comparison(of: Partial<Comparison> = {}): Comparison {
  const exact = Object.fromEntries(replayClasses.map((name) => [name, { actual: 0, error: 0 }]));
  return {
    cgroup: 'c',
    wait: judgedFrom,
    waits: 1,
    waitError: 0,
    waitsMissed: 0,
    excluded: 0,
    misstamped: { waits: 0, wait: 0 },
    unresolved: 0,
    unseen: 0,
    unknown: 0,
    classes: exact as Comparison['classes'],
    culprits: [],
    throttledUnnamed: 0,
    misplaced: 0,
    rules: [],
    ...of,
  };
}

test('exact results miss no target', () => {
  assert.deepEqual(missesOf(comparison()), []);
});

for (const [what, of] of Object.entries({
  'a wait that is counted too short': { waitError: -1.2 },
  'a class that has too much': {
    classes: { ...comparison().classes, self: { actual: 10, error: 1.1 } },
  },
  'a culprit that has too little': { culprits: [{ name: 'hog', actual: 50, error: -2.1 }] },
  'throttled time without a culprit': { throttledUnnamed: 2.5 },
  'too much that is unknown': { unknown: 0.6 },
  'an error that is no number': { waitError: Number.NaN },
} satisfies Record<string, Partial<Comparison>>))
  test(`${what} misses a target`, () => {
    assert.equal(missesOf(comparison(of)).length, 1);
    assert.deepEqual(missesOf(comparison({ ...of, wait: judgedFrom - 1 })), []);
  });

test('quotas of two levels: each nanosecond is one level’s, either while both have run out', () => {
  const kernel = { child: 60, parent: 60, local: 100 };
  assert.deepEqual(levelMisses(kernel, { child: 60, parent: 40 }), []);
  assert.deepEqual(levelMisses(kernel, { child: 40, parent: 60 }), []);
  assert.equal(levelMisses(kernel, { child: 70, parent: 30 }).length, 2);
  assert.equal(levelMisses(kernel, { child: 60, parent: 65 }).length, 1);
});

test('a load that should be throttled and was not is a failure', () => {
  assert.equal(levelMisses({ child: 0, parent: 0, local: 0 }, { child: 0, parent: 0 }).length, 1);
});

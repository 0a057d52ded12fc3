import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { spreadOf } from '../../../bench/spread.ts';

test('the median of an odd and of an even number of values', () => {
  assert.deepEqual(spreadOf([3, 1, 10]), { min: 1, median: 3, max: 10 });
  assert.deepEqual(spreadOf([4, 1, 10, 2]), { min: 1, median: 3, max: 10 });
});

test('half of the values lie on each side of the median, in any order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const { min, median, max } = spreadOf(values);
      assert.ok(values.filter((value) => value <= median).length * 2 >= values.length);
      assert.ok(values.filter((value) => value >= median).length * 2 >= values.length);
      assert.ok(values.every((value) => min <= value && value <= max));
    }),
  );
});

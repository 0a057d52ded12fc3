import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apportion } from '../../../../src/receivers/scheduler/apportion.ts';

const total = (shares: readonly number[]) => shares.reduce((a, b) => a + b, 0);
const part = fc.oneof(fc.nat(5), fc.nat(1e9), fc.integer({ min: 0, max: 1e13 }));

test('shares are integers and sum to the total, for any parts', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e13 }),
      fc.array(part, { minLength: 1, maxLength: 50 }),
      (whole, parts) => {
        const shares = apportion(whole, parts);
        assert.ok(shares.every((share) => Number.isSafeInteger(share) && share >= 0));
        assert.equal(total(shares), total(parts) > 0 ? whole : 0);
      },
    ),
    { numRuns: 5000 },
  );
});

test('a share is within one unit of its proportion', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.array(fc.nat(1e6), { minLength: 1, maxLength: 20 }), (whole, parts) => {
      fc.pre(total(parts) > 0);
      for (const [i, share] of apportion(whole, parts).entries())
        assert.ok(Math.abs(share - (whole * (parts[i] ?? 0)) / total(parts)) <= 1);
    }),
  );
});

test('a part of zero gets no share', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e13 }), fc.array(part, { maxLength: 20 }), (whole, parts) => {
      for (const [i, share] of apportion(whole, parts).entries()) if (!parts[i]) assert.equal(share, 0);
    }),
  );
});

test('parts that sum to the total are their own shares', () => {
  assert.deepEqual(apportion(10, [3, 0, 7]), [3, 0, 7]);
});

test('units left over go to the largest remainders', () => {
  assert.deepEqual(apportion(10, [1, 1, 1]), [4, 3, 3]);
  assert.deepEqual(apportion(10, [1, 2, 4]), [1, 3, 6]);
});

test('without parts there are no shares', () => {
  assert.deepEqual(apportion(10, [0, 0]), [0, 0]);
  assert.deepEqual(apportion(10, []), []);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { didYouMean, editDistance } from '../../../../src/config/rules/did-you-mean.ts';

test('the nearest word is proposed, and none if none is near', () => {
  const candidates = ['interval', 'min_wait', 'sample'];
  assert.equal(didYouMean('interva', candidates), ' (did you mean "interval"?)');
  assert.equal(didYouMean('intevral', candidates), ' (did you mean "interval"?)');
  assert.equal(didYouMean('Min_Wait', candidates), ' (did you mean "min_wait"?)');
  assert.equal(didYouMean('endpoint', candidates), '');
});

test('the distance of words is zero for equal ones, the same both ways, and at most the longer length', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      assert.equal(editDistance(a, a), 0);
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.ok(editDistance(a, b) >= Math.abs(a.length - b.length));
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
      assert.equal(editDistance(a, b) === 0, a === b);
    }),
  );
});

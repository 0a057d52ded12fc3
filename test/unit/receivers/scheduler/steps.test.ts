import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finishNow, performInSteps } from '../../../../src/receivers/scheduler/steps.ts';

const performed = (items: readonly number[], atOnce: number) => {
  const done: (number | string)[] = [];
  for (const _ of performInSteps(items, atOnce, (item) => done.push(item))) done.push('other work');
  return done;
};

test('other work is done after so many items, and not after the last', () => {
  assert.deepEqual(performed([1, 2, 3, 4, 5], 2), [1, 2, 'other work', 3, 4, 'other work', 5]);
  assert.deepEqual(performed([1, 2], 2), [1, 2]);
  assert.deepEqual(performed([], 2), []);
});

test('without a pause all items are performed', () => {
  let sum = 0;
  finishNow(performInSteps([1, 2, 3], 1, (item) => (sum += item)));
  assert.equal(sum, 6);
});

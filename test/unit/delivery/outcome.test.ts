import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../../../src/component.ts';
import { together } from '../../../src/delivery/outcome.ts';
import { seconds } from '../../../src/telemetry/units.ts';

const accepted: Outcome = { kind: 'accepted' };
const partial = (rejected: number): Outcome => ({ kind: 'partial', rejected, reason: 'old' });
const retry = (after?: number): Outcome => ({
  kind: 'retry',
  reason: 'busy',
  ...(after !== undefined && { after: seconds(after) }),
});
const refused: Outcome = { kind: 'refused', reason: 'no' };

test('the worst of several outcomes is that of all', () => {
  assert.deepEqual(together([], 5), accepted);
  assert.deepEqual(together([accepted, accepted], 5), accepted);
  assert.deepEqual(together([accepted, partial(1)], 5), partial(1));
  assert.deepEqual(together([partial(1), retry(), accepted], 5), retry());
  assert.deepEqual(together([retry(1), refused, partial(1)], 5), refused);
});

test('rejected items add up to no more than there are, and the longest delay holds', () => {
  assert.deepEqual(together([partial(1), partial(2)], 5), partial(3));
  assert.deepEqual(together([partial(4), partial(4)], 5), partial(5));
  assert.deepEqual(together([retry(), retry(3), retry(1)], 5), retry(3));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage } from '../../../src/machine/collect-garbage.ts';

test('gives the pages of what nothing refers to back at once', () => {
  let garbage: unknown = Array.from({ length: 200_000 }, (_, i) => ({ i, text: `text ${i}` }));
  const before = process.memoryUsage().heapTotal;
  garbage = undefined;
  collectGarbage();
  assert.equal(garbage, undefined);
  const freed = before - process.memoryUsage().heapTotal;
  assert.ok(freed > 10 * 2 ** 20, `${freed} bytes`);
});

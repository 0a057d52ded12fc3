import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LruCache } from '../../../src/identity/lru-cache.ts';

test('used keys stay, unused ones are evicted', () => {
  const recent = new LruCache<string, number>(2);
  recent.set('used', 1);
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    recent.set(key, 0);
    assert.equal(recent.get('used'), 1, `after ${key}`);
  }
  assert.equal(recent.get('a'), undefined);
});

test('the latest keys are kept with their latest values, and never more than twice as many', () => {
  const size = 3;
  const step = fc.record({ key: fc.nat(9), isSet: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const recent = new LruCache<number, number>(size);
      /** The last used at the end. */
      const used = new Map<number, number>();
      for (const [i, { key, isSet }] of steps.entries()) {
        if (isSet) recent.set(key, i);
        const value = recent.get(key);
        if (value === undefined) continue;
        if (!isSet && used.has(key)) assert.equal(value, used.get(key));
        used.delete(key);
        used.set(key, value);
      }
      for (const [key, value] of [...used].slice(-size)) assert.equal(recent.get(key), value);
      const known = Array.from({ length: 10 }, (_, key) => recent.get(key)).filter(
        (each) => each !== undefined,
      );
      assert.ok(known.length <= 2 * size);
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HoldQueue, type ReleaseReason } from '../../../../src/processors/workload/hold-queue.ts';
import { nanoseconds, seconds } from '../../../../src/telemetry/units.ts';

interface Parcel {
  readonly number: number;
  readonly items: number;
  /** Names it needs. */
  readonly needs: readonly string[];
}

function holdBack({ hold = 3, limit = 100 } = {}) {
  let now = 0;
  const known = new Set<string>();
  const expired = new Set<string>();
  const released: [ReleaseReason, number][] = [];
  let heldItems = 0;
  const statusOf = (name: string) =>
    known.has(name) ? 'known' : expired.has(name) ? 'expired' : ('pending' as const);
  const held = new HoldQueue<Parcel, string>({
    ...{ hold: seconds(hold), limit, statusOf },
    elapsed: () => nanoseconds(now),
    itemsIn: ({ items }) => items,
    missingIn: ({ needs }) => needs.filter((name) => statusOf(name) === 'pending'),
    onHold: (items) => {
      heldItems += items;
    },
    onRelease: (reason, items) => {
      released.push([reason, items]);
      heldItems -= items;
    },
  });
  return {
    ...{ held, known, expired, released },
    heldItems: () => heldItems,
    pass: (time: number) => {
      now += seconds(time);
    },
  };
}

const parcel = (number: number, ...needs: string[]): Parcel => ({ number, items: 10, needs });

test('a batch without pending names passes through', () => {
  const { held, released } = holdBack();
  const all = parcel(1);
  assert.equal(held.pass(all), all);
  assert.deepEqual(held.release(), []);
  assert.deepEqual(released, []);
});

test('a batch with a pending name is held until it is known', () => {
  const { held, known, released, pass } = holdBack();
  const first = parcel(1, 'a', 'b');
  assert.equal(held.pass(first), undefined);
  known.add('a');
  pass(1);
  assert.deepEqual(held.release(), []);
  known.add('b');
  assert.deepEqual(held.release(), [first]);
  assert.deepEqual(released, [['named', 10]]);
});

test('later batches wait behind it, and go on with it', () => {
  const { held, known } = holdBack();
  const [first, second, third] = [parcel(1, 'a'), parcel(2), parcel(3, 'b')];
  for (const each of [first, second, third]) assert.equal(held.pass(each), undefined);
  assert.deepEqual(held.release(), []);
  known.add('a');
  assert.deepEqual(held.release(), [first, second]);
  known.add('b');
  assert.deepEqual(held.release(), [third]);
});

test('after the hold a batch goes on without its name', () => {
  const { held, released, pass } = holdBack();
  const first = parcel(1, 'a');
  held.pass(first);
  pass(2.999);
  assert.deepEqual(held.release(), []);
  pass(0.001);
  assert.deepEqual(held.release(), [first]);
  assert.deepEqual(released, [['expired', 10]]);
});

test('an expired name releases its batch at once', () => {
  const { held, expired, released } = holdBack();
  const first = parcel(1, 'a');
  held.pass(first);
  expired.add('a');
  assert.deepEqual(held.release(), [first]);
  assert.deepEqual(released, [['expired', 10]]);
});

test('above the limit the oldest batch goes on first', () => {
  const { held, released } = holdBack({ limit: 20 });
  const [first, second, third] = [parcel(1, 'a'), parcel(2, 'a'), parcel(3, 'a')];
  held.pass(first);
  held.pass(second);
  assert.equal(held.pass(third), first);
  assert.deepEqual(released, [['limit', 10]]);
  const large = { number: 4, items: 30, needs: ['a'] };
  assert.equal(held.pass(large), second);
  assert.deepEqual(held.release(), [third, large], 'a single one above the limit does not wait');
});

test('flush releases all batches', () => {
  const { held, released } = holdBack();
  const [first, second] = [parcel(1, 'a'), parcel(2)];
  held.pass(first);
  held.pass(second);
  assert.deepEqual(held.flush(), [first, second]);
  assert.deepEqual(held.flush(), []);
  assert.deepEqual(released, [
    ['shutdown', 10],
    ['shutdown', 10],
  ]);
});

test('batches are neither lost, repeated, reordered nor held for too long', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('pass' as const),
      needs: fc.uniqueArray(names, { maxLength: 3 }),
      items: fc.integer({ min: 1, max: 60 }),
    }),
    fc.record({ kind: fc.constant('learn' as const), name: names }),
    fc.record({ kind: fc.constant('forget' as const), name: names }),
    fc.record({ kind: fc.constant('give up' as const), name: names }),
    fc.record({ kind: fc.constant('wait' as const), time: fc.double({ min: 0, max: 2, noNaN: true }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { held, known, expired, pass, heldItems } = holdBack();
      const out: number[] = [];
      const inside = new Map<number, { items: number; age: number }>();
      let number = 0;
      const leave = (each: Parcel) => {
        out.push(each.number);
        inside.delete(each.number);
      };
      for (const each of steps) {
        if (each.kind === 'pass') {
          const { needs, items } = each;
          inside.set(++number, { items, age: 0 });
          const next = held.pass({ number, items, needs });
          if (next) leave(next);
        } else if (each.kind === 'learn') known.add(each.name);
        else if (each.kind === 'forget') known.delete(each.name);
        else if (each.kind === 'give up') expired.add(each.name);
        else {
          pass(each.time);
          for (const one of inside.values()) one.age += each.time;
        }
        held.release().forEach(leave);
        const items = [...inside.values()].reduce((sum, one) => sum + one.items, 0);
        assert.equal(heldItems(), items);
        assert.ok(items <= 100, 'within the limit');
        for (const { age } of inside.values()) assert.ok(age < 3 + 1e-6, 'not longer than the time to hold');
      }
      held.flush().forEach(leave);
      assert.deepEqual(
        out,
        Array.from({ length: number }, (_, i) => i + 1),
      );
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  difference,
  isSame,
  isZero,
  offsetOf,
  readBigint,
  signedDifference,
  wordsOf,
} from '../../../src/bpf/u64.ts';
import { writeBigint } from '../receivers/scheduler/plain-abi.ts';

const u64 = fc.bigInt(0n, 2n ** 64n - 1n);

function wordsWith(...values: readonly bigint[]): Uint32Array {
  const words = new Uint32Array(values.length * 2);
  for (const [i, value] of values.entries()) writeBigint(words, i * 8, value);
  return words;
}

test('a u64 is read exactly', () => {
  fc.assert(
    fc.property(u64, u64, (a, b) => {
      assert.equal(readBigint(wordsWith(a, b), 8), b);
    }),
  );
});

test('differences below 2^53 are exact, for any totals', () => {
  const small = fc.bigInt(0n, 2n ** 53n - 1n);
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 63n), small, (before, by) => {
      assert.equal(difference(wordsWith(0n, before + by), wordsWith(0n, before), 8), Number(by));
    }),
  );
});

test('a total that went backwards gives a negative difference', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 63n), fc.bigInt(1n, 2n ** 53n - 1n), (now, by) => {
      assert.equal(difference(wordsWith(now), wordsWith(now + by), 0), -Number(by));
    }),
  );
});

test('the operands of a difference may have different offsets', () => {
  assert.equal(difference(wordsWith(0n, 9n), wordsWith(4n), 8, 0), 5);
});

test('a signed total passes zero in both directions, and its differences below 2^53 stay exact', () => {
  const s64 = fc.bigInt(-(2n ** 63n) + 2n ** 53n, 2n ** 63n - 2n ** 53n);
  const small = fc.bigInt(-(2n ** 53n) + 1n, 2n ** 53n - 1n);
  fc.assert(
    fc.property(fc.oneof(s64, fc.bigInt(-3n, 3n)), small, (before, by) => {
      assert.equal(signedDifference(wordsWith(0n, before + by), wordsWith(0n, before), 8), Number(by));
    }),
  );
  assert.equal(signedDifference(wordsWith(-1n), wordsWith(1n), 0), -2);
  assert.equal(signedDifference(wordsWith(1n), wordsWith(-1n), 0), 2);
  assert.equal(signedDifference(wordsWith(0n, 9n), wordsWith(-4n), 8, 0), 13, 'at different places');
});

test('equality and zero compare both halves', () => {
  fc.assert(
    fc.property(u64, u64, (a, b) => {
      assert.equal(isSame(wordsWith(a), wordsWith(b), 0), a === b);
      assert.equal(isSame(wordsWith(a), wordsWith(0n, a), 0, 8), true);
    }),
  );
  assert.equal(isZero(wordsWith(2n ** 32n), 0), false);
  assert.equal(isZero(wordsWith(1n), 0), false);
  assert.equal(isZero(wordsWith(0n), 0), true);
});

test('words are views of their bytes, up to the last whole one', () => {
  const bytes = new Uint8Array(16);
  const words = wordsOf(bytes.subarray(4, 14));
  bytes[4] = 7;
  assert.deepEqual([...words], [7, 0]);
});

test('a member missing in the object is named', () => {
  assert.throws(() => offsetOf({ size: 8, members: {} }, 'wait'), {
    message: 'cannot decode kernel data: no member "wait"',
  });
});

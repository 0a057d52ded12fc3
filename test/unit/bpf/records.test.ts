import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeRecords, type RecordFormat, RecordRing, textAt, wordAt } from '../../../src/bpf/records.ts';
import { wordsOf } from '../../../src/bpf/u64.ts';

const header = { size: 8, type: 0, bytes: 4 };
const [small, large] = [1, 2];

/** Collects what is decoded: the first word of a small record, the text of a large one. */
function collector() {
  const decoded: (number | string)[] = [];
  const malformed: number[] = [];
  const format: RecordFormat = {
    header,
    decoders: {
      [small]: { size: 12, decode: (record) => void decoded.push(wordAt(record, 8)) },
      [large]: { size: 24, decode: (record) => void decoded.push(textAt(record, 8, 16)) },
    },
    malformed: (bytes) => void malformed.push(bytes),
  };
  return { decoded, malformed, format };
}

function record(type: number, size: number, body: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(size / 8) * 8);
  wordsOf(bytes).set([type, size]);
  bytes.set(body, 8);
  return bytes;
}
const smallRecord = (value: number) => record(small, 12, new Uint8Array(Uint32Array.of(value).buffer));
const largeRecord = (text: string) => record(large, 24, Buffer.from(text));
const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

test('records are decoded by their type, in order, each at a multiple of 8 bytes', () => {
  const { decoded, malformed, format } = collector();
  decodeRecords(joined(smallRecord(7), largeRecord('abc'), smallRecord(8)), format);
  assert.deepEqual(decoded, [7, 'abc', 8]);
  assert.deepEqual(malformed, []);
});

test('a text without an end is as long as its field', () => {
  const { decoded, format } = collector();
  decodeRecords(largeRecord('0123456789abcdef'), format);
  assert.deepEqual(decoded, ['0123456789abcdef']);
});

for (const [title, bad] of [
  ['an unknown type', record(9, 12)],
  ['another size than its type has', record(small, 16)],
  ['more bytes than there are', record(large, 24).slice(0, 16)],
  ['no room for a header', new Uint8Array(4)],
] as const)
  test(`a record of ${title} is malformed, and so is the rest`, () => {
    const { decoded, malformed, format } = collector();
    decodeRecords(joined(smallRecord(1), bad), format);
    assert.deepEqual(decoded, [1]);
    assert.deepEqual(malformed, [bad.length]);
  });

test('arbitrary bytes never throw, and what is not decoded is counted', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 256 }), (random) => {
      const bytes = random.slice(0, random.length & ~3);
      const { decoded, malformed, format } = collector();
      decodeRecords(bytes, format);
      const rest = malformed[0] ?? 0;
      assert.ok(malformed.length <= 1);
      const taken = decoded.reduce<number>((sum, of) => sum + (typeof of === 'number' ? 16 : 24), 0);
      assert.ok(taken + rest >= bytes.length && taken <= bytes.length + 4);
    }),
  );
});

test('a ring is drained until it has less than a record would need', () => {
  const { decoded, format } = collector();
  let left = 10_000;
  const limits = new Set<number>();
  const ring = new RecordRing(
    {
      drain(into, maxRecord) {
        limits.add(maxRecord);
        let used = 0;
        for (; left > 0 && used + 24 <= into.length; left--, used += 16) into.set(smallRecord(left), used);
        return used;
      },
    },
    format,
  );
  ring.drain();
  assert.equal(decoded.length, 10_000);
  assert.deepEqual([decoded[0], decoded.at(-1)], [10_000, 1]);
  assert.deepEqual([...limits], [24], 'the largest record');
  ring.drain();
  assert.equal(decoded.length, 10_000);
});

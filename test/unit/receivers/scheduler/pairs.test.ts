import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBigint, wordsOf } from '../../../../src/bpf/u64.ts';
import { pseudoSerials } from '../../../../src/receivers/scheduler/abi.ts';
import { type PairCopy, PairTotals } from '../../../../src/receivers/scheduler/pairs.ts';
import { SerialIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import { cgroupId } from '../../../../src/telemetry/units.ts';
import { abi, writeBigint } from './plain-abi.ts';

interface Pair {
  readonly victim: bigint;
  readonly culprit: bigint;
  readonly other?: bigint;
  readonly throttled?: bigint;
  readonly last?: bigint;
  readonly preemptions?: bigint;
}

function copyOf(...pairs: readonly Pair[]): PairCopy {
  const keys = new Uint8Array(abi.pairKey.size * 8);
  const values = new Uint8Array(abi.pair.size * 8);
  for (const [
    i,
    { victim, culprit, other = 0n, throttled = 0n, last = 0n, preemptions = 0n },
  ] of pairs.entries()) {
    writeBigint(wordsOf(keys), i * abi.pairKey.size + abi.pairKey.victim, victim);
    writeBigint(wordsOf(keys), i * abi.pairKey.size + abi.pairKey.culprit, culprit);
    writeBigint(wordsOf(values), i * abi.pair.size + abi.pair.other, other);
    writeBigint(wordsOf(values), i * abi.pair.size + abi.pair.throttled, throttled);
    writeBigint(wordsOf(values), i * abi.pair.size + abi.pair.last, last);
    writeBigint(wordsOf(values), i * abi.pair.size + abi.pair.preemptions, preemptions);
  }
  return { keys, values, count: pairs.length };
}

/** Victim 1 is cgroup 101, and so on up to 9. */
function setUp(limit = 4096): PairTotals {
  const index = new SerialIndex(100);
  for (let serial = 1n; serial < 10n; serial++) index.learn(serial, cgroupId(100n + serial));
  return new PairTotals(abi, index, limit);
}

const keysIn = (packed: Uint8Array) =>
  Array.from({ length: packed.length / abi.pairKey.size }, (_, i) => [
    readBigint(wordsOf(packed), i * abi.pairKey.size + abi.pairKey.victim),
    readBigint(wordsOf(packed), i * abi.pairKey.size + abi.pairKey.culprit),
  ]);

test('a reading of a pair is what was added since the one before', () => {
  const pairs = setUp();
  pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 10n, throttled: 5n, preemptions: 1n }));
  const { pairs: read } = pairs.advance(
    copyOf({ victim: 1n, culprit: 2n, other: 17n, throttled: 5n, preemptions: 4n }),
  );
  assert.deepEqual(read, [{ victim: 101n, culprit: 102n, other: 7, throttled: 0, last: 0, preemptions: 3 }]);
});

test('waits after which the culprit was the last to run are read, with nothing else of the pair', () => {
  const pairs = setUp();
  pairs.advance(copyOf({ victim: 1n, culprit: 2n, last: 2n ** 60n }));
  const { pairs: read } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, last: 2n ** 60n + 30n }));
  assert.deepEqual(read, [{ victim: 101n, culprit: 102n, other: 0, throttled: 0, last: 30, preemptions: 0 }]);
});

test('totals beyond 2^53 lose nothing', () => {
  const pairs = setUp();
  pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 2n ** 60n }));
  const { pairs: read } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 2n ** 60n + 1n }));
  assert.equal(read[0]?.other, 1);
});

test('a pair that stands still is not read', () => {
  const pairs = setUp();
  const copy = copyOf({ victim: 1n, culprit: 2n, other: 10n });
  pairs.advance(copy);
  assert.deepEqual(pairs.advance(copy).pairs, []);
});

test('kernel threads and the overflow are victims too', () => {
  const { pairs: read, unnamed } = setUp().advance(
    copyOf(
      { victim: pseudoSerials.kernel, culprit: 1n, other: 1n },
      { victim: pseudoSerials.overflow, culprit: 1n, other: 2n },
    ),
  );
  assert.deepEqual(
    read.map(({ victim }) => victim),
    ['kernel', 'overflow'],
  );
  assert.equal(unnamed, 0);
});

test('a pair one side of which nobody can name is counted once, by the third reading', () => {
  const pairs = setUp();
  const copy = copyOf(
    { victim: 1n, culprit: 50n, other: 1n },
    { victim: 50n, culprit: 1n, other: 1n },
    { victim: 1n, culprit: 2n, other: 1n },
  );
  const readings = Array.from({ length: 5 }, () => pairs.advance(copy));
  assert.deepEqual(
    readings.map(({ pairs: read }) => read.length),
    [1, 0, 0, 0, 0],
  );
  assert.deepEqual(
    readings.map(({ unnamed }) => unnamed),
    [0, 0, 2, 0, 0],
  );
});

test('a pair whose culprit never has a name is counted at once', () => {
  assert.equal(
    setUp().advance(copyOf({ victim: 1n, culprit: pseudoSerials.overflow, other: 1n })).unnamed,
    1,
  );
});

test('a pair whose culprit gets its name a reading later is read whole then', () => {
  const index = new SerialIndex(100);
  index.learn(1n, cgroupId(101n));
  const pairs = new PairTotals(abi, index, 4096);
  assert.deepEqual(pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 10n })).pairs, []);
  index.learn(2n, cgroupId(102n));
  const { pairs: read, unnamed } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 15n }));
  assert.deepEqual(read, [{ victim: 101n, culprit: 102n, other: 15, throttled: 0, last: 0, preemptions: 0 }]);
  assert.equal(unnamed, 0);
});

test('a pair of a removed cgroup, victim or culprit, leaves only once it stands still', () => {
  const pairs = setUp();
  pairs.remove(2n);
  const moving = copyOf(
    { victim: 1n, culprit: 2n, other: 10n },
    { victim: 2n, culprit: 3n, other: 10n },
    { victim: 1n, culprit: 3n, other: 10n },
  );
  assert.deepEqual(keysIn(pairs.advance(moving).obsolete), []);
  assert.deepEqual(keysIn(pairs.advance(moving).obsolete), [
    [1n, 2n],
    [2n, 3n],
  ]);
});

test('a pair that comes back after it left is read from zero', () => {
  const pairs = setUp();
  pairs.remove(2n);
  const before = copyOf({ victim: 1n, culprit: 2n, other: 10n });
  pairs.advance(before);
  pairs.advance(before); // leaves
  pairs.advance(copyOf());
  const { pairs: read } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 4n }));
  assert.deepEqual(
    read.map(({ other }) => other),
    [4],
  );
});

test('a pair that comes back at once, with more than before, is read from zero too', () => {
  const pairs = setUp();
  pairs.remove(2n);
  const before = copyOf({ victim: 1n, culprit: 2n, other: 10n });
  pairs.advance(before);
  pairs.advance(before); // leaves
  const { pairs: read } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 12n }));
  assert.equal(read[0]?.other, 12);
});

test('pairs of cgroups that live stay, however long they stand still', () => {
  const pairs = setUp();
  const copy = copyOf({ victim: 1n, culprit: 2n, other: 10n });
  for (let i = 0; i < 100; i++) assert.deepEqual(keysIn(pairs.advance(copy).obsolete), []);
});

test('where the map fills up, pairs that stand still make room and those that move stay', () => {
  const pairs = setUp(4);
  const gone: unknown[] = [];
  for (let i = 1n; i <= 8n; i++) {
    const { obsolete } = pairs.advance(
      copyOf(
        { victim: 1n, culprit: 2n, other: 10n },
        { victim: 2n, culprit: 3n, other: 10n },
        { victim: 3n, culprit: 4n, other: 10n },
        { victim: 4n, culprit: 5n, other: 10n * i },
      ),
    );
    gone.push(...keysIn(obsolete));
  }
  assert.deepEqual(gone.slice(0, 3), [
    [1n, 2n],
    [2n, 3n],
    [3n, 4n],
  ]);
  assert.ok(gone.every((key) => Array.isArray(key) && key[0] !== 4n));
});

test('what the history says of a removed cgroup late is still let go', () => {
  const pairs = setUp();
  pairs.remove(2n);
  for (let i = 0; i < 30; i++) pairs.advance(copyOf());
  const late = copyOf({ victim: 1n, culprit: 2n, other: 10n });
  assert.equal(pairs.advance(late).pairs.length, 1);
  assert.deepEqual(keysIn(pairs.advance(late).obsolete), [[1n, 2n]]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBigint, wordsOf } from '../../../../src/bpf/u64.ts';
import { Serials } from '../../../../src/cgroup/serials.ts';
import { pseudoSerials } from '../../../../src/receivers/scheduler/abi.ts';
import type { PairCopy } from '../../../../src/receivers/scheduler/pair-table.ts';
import { PairTotals } from '../../../../src/receivers/scheduler/pairs.ts';
import { SerialIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import { LossLedger } from '../../../../src/telemetry/losses.ts';
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
  const keys = new Uint8Array(abi.pairKey.size * Math.max(8, pairs.length));
  const values = new Uint8Array(abi.pair.size * Math.max(8, pairs.length));
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
function setUp({ limit = 4096, named = 9n } = {}) {
  const index = new SerialIndex(new Serials(100));
  for (let serial = 1n; serial <= named; serial++) index.learn(serial, cgroupId(100n + serial));
  const losses = new LossLedger();
  const pairs = new PairTotals({ abi, index, limit, losses });
  return {
    ...{ index, totals: pairs },
    remove: (serial: bigint) => pairs.remove(serial),
    advance(copy: PairCopy, unpaired = 0n) {
      const read = finishNow(pairs.advance(copy, unpaired));
      const { pair_unnamed: unnamed = 0, pair_evicted: evicted = 0 } = losses.take();
      return { ...read, unnamed, evicted };
    },
  };
}

const keysIn = (packed: Uint8Array) =>
  Array.from({ length: packed.length / abi.pairKey.size }, (_, i) => [
    readBigint(wordsOf(packed), i * abi.pairKey.size + abi.pairKey.victim),
    readBigint(wordsOf(packed), i * abi.pairKey.size + abi.pairKey.culprit),
  ]);

test('a pair is read as its growth since the last reading', () => {
  const pairs = setUp();
  pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 10n, throttled: 5n, preemptions: 1n }));
  const { pairs: read } = pairs.advance(
    copyOf({ victim: 1n, culprit: 2n, other: 17n, throttled: 5n, preemptions: 4n }),
  );
  assert.deepEqual(read, [{ victim: 101n, culprit: 102n, other: 7, throttled: 0, last: 0, preemptions: 3 }]);
});

test('waits of a last runner are read, also if the pair has nothing else', () => {
  const pairs = setUp();
  pairs.advance(copyOf({ victim: 1n, culprit: 2n, last: 2n ** 60n }));
  const { pairs: read } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, last: 2n ** 60n + 30n }));
  assert.deepEqual(read, [{ victim: 101n, culprit: 102n, other: 0, throttled: 0, last: 30, preemptions: 0 }]);
});

test('totals beyond 2^53 are exact', () => {
  const pairs = setUp();
  pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 2n ** 60n }));
  const { pairs: read } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 2n ** 60n + 1n }));
  assert.equal(read[0]?.other, 1);
});

test('a pair without growth is not read', () => {
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

test('a pair with an unknown serial is counted as lost once, by the third reading', () => {
  const pairs = setUp();
  const readings = Array.from({ length: 5 }, () =>
    pairs.advance(
      copyOf(
        { victim: 1n, culprit: 50n, other: 1n },
        { victim: 50n, culprit: 1n, other: 1n },
        { victim: 1n, culprit: 2n, other: 1n },
      ),
    ),
  );
  assert.deepEqual(
    readings.map(({ pairs: read }) => read.length),
    [1, 0, 0, 0, 0],
  );
  assert.deepEqual(
    readings.map(({ unnamed }) => unnamed),
    [0, 0, 2, 0, 0],
  );
});

test('a pair with an unnamed culprit is counted at once', () => {
  assert.equal(
    setUp().advance(copyOf({ victim: 1n, culprit: pseudoSerials.overflow, other: 1n })).unnamed,
    1,
  );
});

test('a pair whose culprit is known a reading later is read whole then', () => {
  const { index, ...pairs } = setUp({ named: 1n });
  assert.deepEqual(pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 10n })).pairs, []);
  index.learn(2n, cgroupId(102n));
  const { pairs: read, unnamed } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 15n }));
  assert.deepEqual(read, [{ victim: 101n, culprit: 102n, other: 15, throttled: 0, last: 0, preemptions: 0 }]);
  assert.equal(unnamed, 0);
});

test('a pair of a removed cgroup, victim or culprit, is deleted only without growth', () => {
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

test('a pair that returns after its deletion is read from zero', () => {
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

test('a pair that returns at once, with a larger total, is read from zero', () => {
  const pairs = setUp();
  pairs.remove(2n);
  const before = copyOf({ victim: 1n, culprit: 2n, other: 10n });
  pairs.advance(before);
  pairs.advance(before); // leaves
  const { pairs: read } = pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 12n }));
  assert.equal(read[0]?.other, 12);
});

test('pairs of living cgroups stay, however long without growth', () => {
  const pairs = setUp();
  const copy = copyOf({ victim: 1n, culprit: 2n, other: 10n });
  for (let i = 0; i < 100; i++) assert.deepEqual(keysIn(pairs.advance(copy).obsolete), []);
});

test('a filling map evicts the smallest pairs down to a half, and reads them before', () => {
  const pairs = setUp({ limit: 4 });
  const first = pairs.advance(
    copyOf(
      { victim: 1n, culprit: 2n, other: 30n },
      { victim: 2n, culprit: 3n, other: 10n },
      { victim: 3n, culprit: 4n, throttled: 20n },
      { victim: 4n, culprit: 5n, preemptions: 1n },
    ),
  );
  assert.equal(first.pairs.length, 4);
  assert.deepEqual(keysIn(first.obsolete), [
    [2n, 3n],
    [4n, 5n],
  ]);
  assert.equal(first.evicted, 2);
});

test('pairs without growth leave a filling map first, and are no loss', () => {
  const pairs = setUp({ limit: 4 });
  pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 99n }, { victim: 2n, culprit: 3n, other: 10n }));
  const { obsolete, evicted } = pairs.advance(
    copyOf(
      { victim: 1n, culprit: 2n, other: 99n },
      { victim: 2n, culprit: 3n, other: 10n },
      { victim: 3n, culprit: 4n, other: 1n },
      { victim: 4n, culprit: 5n, other: 1n },
    ),
  );
  assert.deepEqual(keysIn(obsolete), [
    [1n, 2n],
    [2n, 3n],
  ]);
  assert.equal(evicted, 0);
});

test('pairs of equal size make no more room than is wanted', () => {
  const pairs = setUp({ limit: 8 });
  const all = Array.from({ length: 8 }, (_, i) => ({ victim: 1n, culprit: BigInt(i + 2), other: 5n }));
  assert.equal(keysIn(pairs.advance(copyOf(...all)).obsolete).length, 4);
});

test('a map with room admits any pair', () => {
  const pairs = setUp({ limit: 8 });
  assert.equal(pairs.advance(copyOf({ victim: 1n, culprit: 2n, other: 5n })).admitEach, 0);
});

test('time without a pair, now and of pairs that leave, is divided by the entries that may be taken', () => {
  const pairs = setUp({ limit: 8 });
  const all = Array.from({ length: 8 }, (_, i) => ({ victim: 1n, culprit: BigInt(i + 2), other: 9n }));
  // four of 10 leave; two may come until the map is three quarters full
  assert.equal(pairs.advance(copyOf(...all), 60n).admitEach, 50);
  const four = copyOf(...all.slice(4));
  assert.equal(pairs.advance(four, 80n).admitEach, 10);
  assert.equal(pairs.advance(four, 80n).admitEach, 0);
});

test('while pairs are refused the smallest leave at half already', () => {
  const pairs = setUp({ limit: 8 });
  const five = Array.from({ length: 5 }, (_, i) => ({ victim: 1n, culprit: BigInt(i + 2), other: 9n }));
  assert.equal(keysIn(pairs.advance(copyOf(...five), 60n).obsolete).length, 1);
});

test('pairs are read in steps, and a reading that is not taken to its end leaves all of them to the next', () => {
  const named = 100n;
  const all = Array.from({ length: 9000 }, (_, i) => ({
    victim: BigInt(Math.floor(i / 90) + 1),
    culprit: BigInt((i % 90) + 1),
    other: BigInt(i + 1),
  }));
  const { totals } = setUp({ limit: 10_000, named });
  const steps = [...setUp({ limit: 10_000, named }).totals.advance(copyOf(...all), 7n)];
  assert.ok(steps.length >= 5, `${steps.length} steps`);
  for (let taken = 1; taken <= steps.length; taken++) {
    const begun = totals.advance(copyOf(...all), 7n);
    for (let i = 0; i < taken; i++) begun.next();
  }
  const { pairs, obsolete, admitEach } = finishNow(totals.advance(copyOf(...all), 7n));
  const sum = pairs.reduce((time, { other }) => time + other, 0);
  assert.equal(sum, (9000 * 9001) / 2);
  assert.equal(keysIn(obsolete).length, 4000);
  assert.ok(admitEach > 0);
});

/** Sample and hold as `add_pair` does it, of pairs that have a fixed time in each reading, in `pieces`. */
function holdPairs(limit: number, random: () => number) {
  const totals = setUp({ limit, named: 100n });
  const held = new Map<string, { victim: bigint; culprit: bigint; other: bigint }>();
  let unpaired = 0n;
  let admitEach = 0;
  const add = (victim: bigint, culprit: bigint, ns: number): boolean => {
    const key = `${victim}<${culprit}`;
    const found = held.get(key);
    if (found) found.other += BigInt(ns);
    else if (held.size < limit && random() * admitEach <= ns)
      held.set(key, { victim, culprit, other: BigInt(ns) });
    else unpaired += BigInt(ns);
    return held.has(key);
  };
  const read = () => {
    const count = held.size;
    const advanced = totals.advance(copyOf(...held.values()), unpaired);
    for (const [victim, culprit] of keysIn(advanced.obsolete)) held.delete(`${victim}<${culprit}`);
    admitEach = advanced.admitEach;
    return { count, admitEach };
  };
  return { add, read };
}

test('of more pairs than fit the map is never full, and a new large one is named as its time says', () => {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  const [limit, piece, pieces] = [256, 1000, 40];
  let missed = 0;
  let expected = 0;
  for (let trial = 0; trial < 40; trial++) {
    const { add, read } = holdPairs(limit, random);
    const crowd = (victims: number) => {
      for (let i = 0; i < pieces; i++)
        for (let victim = 1n; victim <= victims; victim++)
          for (let culprit = 1n; culprit <= victims; culprit++)
            if (victim !== culprit) add(victim, culprit, piece);
    };
    crowd(24);
    read(); // full
    let least = 0;
    for (let i = 0; i < 5; i++) {
      crowd(24);
      const { count, admitEach } = read();
      assert.ok(count < limit, `${count} pairs`);
      least = admitEach;
    }
    const time = 2 * least;
    for (let at = 0; at < time; at += piece) if (!add(1n, 99n, piece)) missed++;
    expected += least / piece;
  }
  assert.ok(missed < expected, `${missed} pieces without a name, ${expected} at most`);
});

test('any number of pairs is read as its growth', () => {
  const limit = 1000;
  const pairs = setUp({ limit, named: 40n });
  const total = new Map<number, bigint>();
  for (let reading = 1; reading < 20; reading++) {
    const all = Array.from({ length: 700 }, (_, i) => {
      const other = (total.get(i) ?? 0n) + BigInt((i * reading) % 7);
      total.set(i, other);
      return { victim: BigInt((i % 35) + 1), culprit: BigInt(Math.floor(i / 35) + 1), other };
    });
    const { pairs: read } = pairs.advance(copyOf(...(reading % 2 ? all : all.toReversed())));
    assert.equal(
      read.reduce((sum, { other }) => sum + other, 0),
      Array.from({ length: 700 }, (_, i) => (i * reading) % 7).reduce((a, b) => a + b, 0),
    );
  }
});

test('a late pair of a removed cgroup is deleted too', () => {
  const pairs = setUp();
  pairs.remove(2n);
  for (let i = 0; i < 30; i++) pairs.advance(copyOf());
  const late = copyOf({ victim: 1n, culprit: 2n, other: 10n });
  assert.equal(pairs.advance(late).pairs.length, 1);
  assert.deepEqual(keysIn(pairs.advance(late).obsolete), [[1n, 2n]]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CellComparison } from '../../../../src/receivers/scheduler/cell.ts';
import { KeptCells } from '../../../../src/receivers/scheduler/kept-cells.ts';
import { abi, classCount, writeBigint } from './plain-abi.ts';

interface Totals {
  readonly serial: bigint;
  readonly run: bigint;
  readonly inProgress: bigint;
  readonly classes: readonly bigint[];
  readonly preemptions: number;
}

function cellOf({ serial, run, inProgress, classes, preemptions }: Totals): Uint32Array {
  const words = new Uint32Array(abi.cell.size >> 2);
  writeBigint(words, abi.cell.serial, serial);
  writeBigint(words, abi.cell.cgroup, 1n);
  writeBigint(words, abi.cell.run, run);
  writeBigint(words, abi.cell.in_progress, BigInt.asUintN(64, inProgress));
  writeBigint(
    words,
    abi.cell.wait,
    BigInt.asUintN(
      64,
      classes.reduce((a, b) => a + b, 0n),
    ),
  );
  for (const [i, time] of classes.entries()) writeBigint(words, abi.cell.class + 8 * i, time);
  words[abi.cell.preempted_by_self >> 2] = preemptions;
  words[abi.cell.preempted_by_kernel >> 2] = preemptions;
  return words;
}

/** Up to 2^60, and as often below 2^32 and about 2^48. */
const total = fc.oneof(
  fc.bigInt({ min: 0n, max: 1n << 60n }),
  fc.bigInt({ min: 0n, max: 1n << 32n }),
  fc.bigInt({ min: (1n << 47n) - 5n, max: (1n << 48n) + 5n }),
);
const gain = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 1n << 49n }));
const totals = fc.record({
  serial: fc.oneof(fc.bigInt({ min: 1n, max: 1n << 40n }), fc.constant(1n << 63n), fc.constant(1n << 62n)),
  run: total,
  inProgress: fc.bigInt({ min: -(1n << 60n), max: 1n << 60n }),
  classes: fc.array(total, { minLength: classCount, maxLength: classCount }),
  preemptions: fc.nat(),
});
const gains = fc.record({
  run: gain,
  inProgress: fc.bigInt({ min: -(1n << 50n), max: 1n << 50n }),
  classes: fc.array(gain, { minLength: classCount, maxLength: classCount }),
});

test('a kept cell gives the gains of the next one exactly, whatever its neighbors are', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(totals, gains), { minLength: 1, maxLength: 4 }), (cells) => {
      const kept = new KeptCells(abi, cells.length);
      const comparison = new CellComparison(abi);
      for (const [i, [before]] of cells.entries()) kept.keep(cellOf(before), 0, i);
      for (const [i, [before, gained]] of cells.entries()) {
        const now = cellOf({
          ...before,
          run: before.run + gained.run,
          inProgress: before.inProgress + gained.inProgress,
          classes: before.classes.map((time, at) => time + (gained.classes[at] ?? 0n)),
        });
        for (const { cells: from, index } of [
          { cells: kept, index: i },
          { cells: kept.copy(i), index: 0 },
        ]) {
          assert.equal(from.serial(index), before.serial);
          assert.ok(from.isSameCgroup(now, 0, index));
          assert.ok(from.isUnchanged(cellOf(before), 0, index));
          const isMoved = gained.run || gained.inProgress || gained.classes.some((time) => time > 0n);
          assert.equal(from.isUnchanged(now, 0, index), !isMoved);
          comparison.compare(now, 0, { cells: from, index });
          assert.equal(comparison.gains.run, Number(gained.run));
          assert.equal(comparison.gains.inProgress, Number(gained.inProgress));
          assert.deepEqual([...comparison.gains.classes], gained.classes.map(Number));
          assert.equal(
            BigInt(comparison.gains.wait),
            gained.classes.reduce((a, b) => a + b, 0n),
          );
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('a cell that is forgotten, or kept by serial number alone, begins at zero', () => {
  const large = {
    run: 1n << 60n,
    inProgress: -5n,
    classes: Array(classCount).fill(1n << 59n),
    preemptions: 9,
  };
  const none = { run: 0n, inProgress: 0n, classes: Array(classCount).fill(0n), preemptions: 0 };
  const kept = new KeptCells(abi, 2);
  kept.keep(cellOf({ serial: 7n, ...large }), 0, 1);
  kept.keepSerial(cellOf({ serial: 1n << 63n, ...large }), 0, 1);
  assert.equal(kept.serial(1), 1n << 63n);
  assert.ok(kept.isUnchanged(cellOf({ serial: 1n << 63n, ...none }), 0, 1));
  kept.forget(1);
  assert.equal(kept.serial(1), 0n);
});

test('a cell takes 68 bytes', () => {
  assert.equal(new KeptCells(abi, 1000).bytes, 68_000);
});

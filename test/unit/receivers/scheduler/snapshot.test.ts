import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  allocateBlock,
  blockAt,
  copySlot,
  slotsAtOnce,
} from '../../../../src/receivers/scheduler/snapshot.ts';
import { abi } from './plain-abi.ts';

const size = { rows: 3, slots: 10, histogramShift: 0, histogramCopies: 2 };
const cellWords = abi.cell.size >> 2;
const histogramWords = abi.histogram.size >> 2;

test('a block has at most 512 KiB of cells unless that is less than 16 slots, and all slots of a small machine', () => {
  const slots = 2048;
  assert.equal(slotsAtOnce(abi, { ...size, rows: 3, slots: 512 }), 512);
  assert.equal(slotsAtOnce(abi, { ...size, rows: 65, slots }), 63);
  assert.equal(slotsAtOnce(abi, { ...size, rows: 129, slots }), 31);
  assert.equal(slotsAtOnce(abi, { ...size, rows: 257, slots }), 16);
});

test('a block of fewer slots than its buffer is packed', () => {
  const { first, count, cells, histograms } = blockAt(allocateBlock(abi, size, 4), { first: 8, count: 2 });
  assert.deepEqual([first, count], [8, 2]);
  assert.equal(cells.length, size.rows * 2 * cellWords);
  assert.equal(histograms.length, size.histogramCopies * 2 * histogramWords);
});

test('a newer copy of one slot replaces it in a block, and nothing else', () => {
  const block = { ...allocateBlock(abi, size, 4), first: 4 };
  const one = { ...allocateBlock(abi, size, 1), first: 6 };
  one.cells.fill(7);
  one.histograms.fill(9);
  copySlot(one, block, size);
  const slotsWith = (words: Uint32Array, entry: number, value: number) =>
    Array.from({ length: words.length / entry }, (_, i) => i).filter((i) =>
      words.subarray(i * entry, (i + 1) * entry).every((word) => word === value),
    );
  assert.deepEqual(slotsWith(block.cells, cellWords, 7), [2, 6, 10]);
  assert.deepEqual(slotsWith(block.histograms, histogramWords, 9), [2, 6]);
  assert.equal(
    block.cells.reduce((a, b) => a + b, 0),
    7 * 3 * cellWords,
  );
});

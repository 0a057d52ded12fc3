import { fileURLToPath } from 'node:url';
import { btfOf } from '../../src/bpf/layout.ts';
import { loadNative } from '../../src/bpf/native.ts';
import { decodeRecords } from '../../src/bpf/records.ts';
import { offsetOf, readBigint, wordsOf } from '../../src/bpf/u64.ts';
import { readAbi } from '../../src/receivers/scheduler/abi.ts';
import { type RecordHandler, recordFormat, type WaitRecord } from '../../src/receivers/scheduler/records.ts';

const native = loadNative();
const object = native.open(fileURLToPath(new URL('../../build/scheduler.bpf.o', import.meta.url)), {});
const btf = btfOf(native, object);
export const abi = readAbi(btf);
const lossReasons = btf.names('loss_reason', 'LOSS_');
const occupant = native.structLayout(object, 'occupant');
const at = {
  pending: offsetOf(native.structLayout(object, 'cell'), 'suppressed_long'),
  small: offsetOf(native.structLayout(object, 'cpu'), 'small'),
  end: offsetOf(occupant, 'end'),
  serial: offsetOf(occupant, 'serial'),
  stolen: offsetOf(occupant, 'stolen'),
};
native.close(object);

const u64 = (words: Uint32Array, offset: number): number => Number(readBigint(words, offset));

export interface CellTotals {
  wait: number;
  run: number;
  preemptedBySelf: number;
  preemptedByKernel: number;
  /** Part of `wait` that is of waits which have not ended. */
  inProgress: number;
  readonly classes: Record<string, number>;
}

export interface PairTotals {
  readonly other: number;
  readonly throttled: number;
  readonly preemptions: number;
}

/** `wait` by cgroup, of lines that say what the cells hold and what was retired from them. */
export const readWaits = (lines: readonly string[]): ReadonlyMap<bigint, number> =>
  new Map(
    readTotals(lines, { slots: 1, cpus: 0 })
      .cells.entries()
      .map(([cell, { wait }]) => [cell, wait]),
  );

/** What the maps and the ring hold after a schedule. */
export interface Totals {
  /** By cgroup, over all CPUs, retired cells included. */
  readonly cells: ReadonlyMap<bigint, CellTotals>;
  /** By `victim<culprit`. */
  readonly pairs: ReadonlyMap<string, PairTotals>;
  readonly waits: readonly WaitRecord[];
  readonly drops: Readonly<Record<string, number>>;
  /** Counts by css id: below all buckets first, then bucket by bucket. */
  readonly histograms: ReadonlyMap<number, readonly number[]>;
  /** Time of small pieces no pair has got yet. */
  readonly unbooked: number;
  /** Time of pairs for which there was no room. */
  readonly unpaired: number;
  /** Long waits that add to the weight of the next report. */
  readonly pending: number;
  /** Run time of slices that are not finished. */
  readonly unfinished: ReadonlyMap<bigint, number>;
}

/** For the driver: what `readTotals` reads. */
export const printing = ['cells', 'pairs', 'cpus', 'histograms', 'losses', 'events'].map(
  (map) => `print ${map}`,
);

export function readTotals(
  lines: readonly string[],
  { slots, cpus }: { readonly slots: number; readonly cpus: number },
): Totals {
  const cells = new Map<bigint, CellTotals>();
  const pairs = new Map<string, PairTotals>();
  const waits: WaitRecord[] = [];
  const drops: Record<string, number> = {};
  const histograms = new Map<number, number[]>();
  const unfinished = new Map<bigint, number>();
  let unbooked = 0;
  let unpaired = 0;
  let pending = 0;

  const addCell = (words: Uint32Array, offset: number) => {
    const { cell } = abi;
    const serial = readBigint(words, offset + cell.serial);
    if (serial === 0n) return;
    const into = cells.get(serial) ?? {
      wait: 0,
      run: 0,
      preemptedBySelf: 0,
      preemptedByKernel: 0,
      inProgress: 0,
      classes: {},
    };
    cells.set(serial, into);
    into.wait += u64(words, offset + cell.wait);
    pending += words[(offset + at.pending) >> 2] ?? 0;
    into.inProgress += Number(BigInt.asIntN(64, readBigint(words, offset + cell.in_progress)));
    into.run += u64(words, offset + cell.run);
    into.preemptedBySelf += words[(offset + cell.preempted_by_self) >> 2] ?? 0;
    into.preemptedByKernel += words[(offset + cell.preempted_by_kernel) >> 2] ?? 0;
    for (const [name, position] of Object.entries(abi.classes))
      into.classes[name] = (into.classes[name] ?? 0) + u64(words, offset + cell.class + position * 8);
  };

  const addCpu = (words: Uint32Array, cpu: number) => {
    unpaired += u64(words, abi.cpu.unpaired);
    unbooked += words[at.small >> 2] ?? 0;
    if (cpu >= cpus) return; // a copy, for waits in progress
    const head = words[abi.cpu.head >> 2] ?? 0;
    const slice = (back: number) => abi.cpu.ring + ((head - back) & (abi.ringSlices - 1)) * occupant.size;
    const before = u64(words, slice(1) + at.end);
    const serial = readBigint(words, slice(0) + at.serial);
    if (serial === 0n || before === 0) return;
    const ran = u64(words, slice(0) + at.end) - before;
    const stolen = u64(words, slice(0) + at.stolen) - u64(words, slice(1) + at.stolen);
    unfinished.set(serial, (unfinished.get(serial) ?? 0) + ran - stolen);
  };

  for (const line of lines) {
    const [map, key = '', value = ''] = line.split(' ');
    const bytes = Uint8Array.from(Buffer.from(value, 'hex'));
    const words = wordsOf(bytes);
    const index = Buffer.from(key === '-' ? '' : key, 'hex');
    if (map === 'cells') {
      addCell(words, 0);
    } else if (map === 'cpus') {
      addCpu(words, index.readUInt32LE());
    } else if (map === 'losses') {
      for (const [reason, position] of Object.entries(lossReasons)) drops[reason] = u64(words, position * 8);
    } else if (map === 'pairs') {
      const { pair, pairKey } = abi;
      pairs.set(`${index.readBigUInt64LE(pairKey.victim)}<${index.readBigUInt64LE(pairKey.culprit)}`, {
        other: u64(words, pair.other),
        throttled: u64(words, pair.throttled),
        preemptions: u64(words, pair.preemptions),
      });
    } else if (map === 'histograms') {
      const slot = index.readUInt32LE() % slots;
      const counts = [words[abi.histogram.zero >> 2] ?? 0];
      for (let i = 0; i < abi.buckets; i++) counts.push(words[(abi.histogram.bucket >> 2) + i] ?? 0);
      const before = histograms.get(slot);
      histograms.set(slot, before ? before.map((count, i) => count + (counts[i] ?? 0)) : counts);
    } else {
      const handler: RecordHandler = {
        wait: (record) => waits.push(record),
        removed: () => {},
        retired: ({ words: from, offset }) => addCell(from, offset),
        malformed: (count) => {
          throw new Error(`cannot decode ${count} bytes of ${line}`);
        },
      };
      decodeRecords(bytes, recordFormat({ abi, isStolenByIrq: false }, handler));
    }
  }
  return { cells, pairs, waits, drops, histograms, unbooked, unpaired, pending, unfinished };
}

import type { BpfMap, BpfObject } from '../../bpf/bpf.ts';
import { readBigint } from '../../bpf/u64.ts';
import type { SchedulerAbi } from './abi.ts';
import type { PairCopy } from './pair-table.ts';
import {
  allocateBlock,
  type Block,
  blockAt,
  copySlot,
  type Dimensions,
  type SlotRange,
  slotsAtOnce,
} from './snapshot.ts';

export interface MapOptions {
  readonly abi: SchedulerAbi;
  readonly size: Dimensions;
  /** Entries of the map of pairs. */
  readonly maxPairs: number;
}

const onlyKey = new Uint8Array(4);

/** The maps of the scheduler programs, and buffers for their copies. */
export class SchedulerMaps {
  readonly #abi: SchedulerAbi;
  readonly #size: Dimensions;
  readonly #cpuCount: number;
  readonly #maps: Readonly<Record<'cells' | 'histograms' | 'cpus' | 'pairs' | 'pair_room', BpfMap>>;
  readonly #cpus: Uint32Array;
  readonly #buffer: Block;
  readonly #slotBuffer: Block;
  /** The last one copied. */
  #block: Block;
  readonly #pairRoom: DataView;
  #readings = 0n;
  readonly #pairBuffers: { readonly keys: Uint8Array; readonly values: Uint8Array };

  constructor(object: BpfObject, { abi, size, maxPairs }: MapOptions) {
    this.#abi = abi;
    this.#size = size;
    this.#cpuCount = size.rows - 1;
    this.#maps = {
      cells: object.map('cells'),
      histograms: object.map('histograms'),
      cpus: object.map('cpus'),
      pairs: object.map('pairs'),
      pair_room: object.map('pair_room'),
    };
    this.#cpus = new Uint32Array((abi.cpu.size * size.rows) >> 2);
    this.#buffer = allocateBlock(abi, size, slotsAtOnce(abi, size));
    this.#slotBuffer = allocateBlock(abi, size, 1);
    this.#block = blockAt(this.#buffer, { first: 0, count: 0 });
    this.#pairRoom = new DataView(new ArrayBuffer(abi.pairRoom.size));
    this.#pairBuffers = {
      keys: new Uint8Array(maxPairs * abi.pairKey.size),
      values: new Uint8Array(maxPairs * abi.pair.size),
    };
  }

  get maxPairs(): number {
    return this.#maps.pairs.maxEntries;
  }

  /** Of all buffers. */
  get bytes(): number {
    const { keys, values } = this.#pairBuffers;
    const buffers = [this.#buffer, this.#slotBuffer].flatMap(({ cells, histograms }) => [cells, histograms]);
    return sumOf([...buffers, this.#cpus, keys, values].map(({ byteLength }) => byteLength));
  }

  /** All slots, some at a time. */
  *ranges(): Generator<SlotRange> {
    const atOnce = this.#buffer.count;
    const { slots } = this.#size;
    for (let first = 0; first < slots; first += atOnce)
      yield { first, count: Math.min(atOnce, slots - first) };
  }

  /** Overwritten by the next copy. */
  copyBlock(range: SlotRange): Block {
    this.#block = this.#copyInto(blockAt(this.#buffer, range));
    return this.#block;
  }

  /** Overwritten by the next one. The block copied last has no older copy of the slot after this. */
  copySlot(slot: number): Block {
    const one = this.#copyInto({ ...this.#slotBuffer, first: slot });
    const { first, count } = this.#block;
    if (slot >= first && slot < first + count) copySlot(one, this.#block, this.#size);
    return one;
  }

  /** Overwritten by the next call. */
  copyCpus(): Uint32Array {
    this.#maps.cpus.copy(bytesOf(this.#cpus));
    return this.#cpus;
  }

  /** Overwritten by the next call. */
  copyPairs(): PairCopy {
    const { keys, values } = this.#pairBuffers;
    return { keys, values, count: this.#maps.pairs.entries(keys, values) };
  }

  /** Histograms first: see `Block`. */
  #copyInto(block: Block): Block {
    const columns = { first: block.first, count: block.count, stride: this.#size.slots };
    this.#maps.histograms.copyColumns(bytesOf(block.histograms), columns);
    this.#maps.cells.copyColumns(bytesOf(block.cells), columns);
    return block;
  }

  /** From then on the kernel side tries again to add pairs, if it had no room: one for about so many ns without a pair. */
  deletePairs(keys: Uint8Array, admitEach: number): void {
    if (keys.length) this.#maps.pairs.delete(keys);
    const { readings, admit_each } = this.#abi.pairRoom;
    this.#readings += 1n;
    this.#pairRoom.setBigUint64(readings, this.#readings, true);
    this.#pairRoom.setBigUint64(admit_each, BigInt(admitEach), true);
    this.#maps.pair_room.set(onlyKey, new Uint8Array(this.#pairRoom.buffer));
  }

  /** ns that culprits had without a pair, since attached. */
  unpaired(): bigint {
    const cpus = this.copyCpus();
    const { cpu } = this.#abi;
    let sum = 0n;
    for (let c = 0; c < this.#cpuCount; c++) sum += readBigint(cpus, c * cpu.size + cpu.unpaired);
    return sum;
  }

  /** By CPU: when it last switched, in ns of the scheduler's own clock (`rq->clock`); 0: not since attached. */
  lastSwitches(): readonly bigint[] {
    const cpus = this.copyCpus();
    const { cpu, occupant, ringSlices } = this.#abi;
    return Array.from({ length: this.#cpuCount }, (_, c) => {
      let last = 0n;
      for (let i = 0; i < ringSlices; i++) {
        const end = readBigint(cpus, c * cpu.size + cpu.ring + i * occupant.size + occupant.end);
        if (end > last) last = end;
      }
      return last;
    });
  }
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

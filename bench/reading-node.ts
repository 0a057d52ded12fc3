import type { BpfMap } from '../src/bpf/bpf.ts';
import { wordsOf } from '../src/bpf/u64.ts';
import type { Cgroups } from '../src/cgroup/cgroups.ts';
import { Serials } from '../src/cgroup/serials.ts';
import { readAbi, type SchedulerAbi } from '../src/receivers/scheduler/abi.ts';
import { dimensionsFor } from '../src/receivers/scheduler/spec.ts';
import { nanoseconds } from '../src/telemetry/units.ts';
import { FakeBpf } from '../test/unit/fake-bpf.ts';

export interface NodeSize {
  readonly cpus: number;
  readonly cgroups: number;
  /** Pairs of victim and culprit that move at each reading. */
  readonly pairs: number;
}

const waitTime = 1000;
/** Of the first cgroup; the serial number is by that much above the slot. */
const firstSerial = 1000;

/** The scheduler's maps of a node on which every cgroup waits on many CPUs. */
export class LargeNode {
  readonly #size: NodeSize;
  readonly #slots: number;
  #abi: SchedulerAbi | undefined;
  #cells = new Uint32Array();
  #histograms = new Uint32Array();
  #readings = 0;

  constructor(size: NodeSize) {
    this.#size = size;
    this.#slots = 2 ** Math.ceil(Math.log2(size.cgroups + 2));
  }

  get options() {
    const { cpus, pairs } = this.#size;
    return {
      ...{ cpus, minWait: nanoseconds(Number.MAX_SAFE_INTEGER), sample: 0, eventRate: 5 },
      ...{ maxWorkloads: this.#slots, maxPairs: Math.ceil(pairs * 1.5) },
    };
  }

  /** What stands for the kernel's maps. */
  get mapBytes(): number {
    return this.#cells.byteLength + this.#histograms.byteLength;
  }

  /** All cgroups are known by their serial numbers. */
  surroundings(): Pick<Cgroups, 'serials'> {
    const serials = new Serials(this.#slots);
    return { serials: () => serials };
  }

  bpf(): FakeBpf {
    return new FakeBpf({
      scheduler: {
        maps: (types) => {
          const abi = readAbi(types);
          const rows = this.#size.cpus + 1;
          this.#abi = abi;
          this.#cells = new Uint32Array((rows * this.#slots * abi.cell.size) >> 2);
          const { histogramCopies } = dimensionsFor({
            cpus: this.#size.cpus,
            cacheCpus: this.#size.cpus,
            workloads: this.#slots,
          });
          this.#histograms = new Uint32Array((histogramCopies * this.#slots * abi.histogram.size) >> 2);
          this.#claim(abi);
          return {
            cells: arrayOf(this.#cells, abi.cell.size),
            histograms: arrayOf(this.#histograms, abi.histogram.size),
            pairs: { entries: (keys, values) => this.#copyPairs(wordsOf(keys), wordsOf(values), abi) },
          };
        },
      },
    });
  }

  /** Between two readings a share of the cells moves, and each histogram. */
  pass(changed: number): void {
    const abi = this.#abi;
    if (!abi) throw new Error('the node is not open');
    this.#readings++;
    const { cell, classes, histogram } = abi;
    const { cpus, cgroups } = this.#size;
    const other = cell.class + 8 * (classes.other ?? 0);
    for (let cpu = 0; cpu < cpus; cpu++)
      for (let slot = 1; slot <= cgroups; slot++) {
        if ((cpu * 31 + slot * 17) % 1000 >= changed * 1000) continue;
        const at = (cpu * this.#slots + slot) * cell.size;
        for (const member of [cell.wait, cell.run, other]) add(this.#cells, at + member, waitTime);
      }
    for (let at = 0; at < this.#histograms.length; at += histogram.size >> 2)
      this.#histograms[at] = (this.#histograms[at] ?? 0) + 1;
  }

  #claim({ cell }: SchedulerAbi): void {
    for (let cpu = 0; cpu < this.#size.cpus; cpu++)
      for (let slot = 1; slot <= this.#size.cgroups; slot++) {
        const at = (cpu * this.#slots + slot) * cell.size;
        add(this.#cells, at + cell.serial, firstSerial + slot);
        add(this.#cells, at + cell.cgroup, 2 * firstSerial + slot);
      }
  }

  #copyPairs(keys: Uint32Array, values: Uint32Array, { pair, pairKey }: SchedulerAbi): number {
    const { pairs, cgroups } = this.#size;
    const neighbors = Math.ceil(pairs / cgroups);
    for (let i = 0; i < pairs; i++) {
      const victim = Math.floor(i / neighbors);
      keys[(i * pairKey.size + pairKey.victim) >> 2] = firstSerial + 1 + victim;
      keys[(i * pairKey.size + pairKey.culprit) >> 2] =
        firstSerial + 1 + ((victim + 1 + (i % neighbors)) % cgroups);
      values[(i * pair.size + pair.other) >> 2] = this.#readings * waitTime;
    }
    return pairs;
  }
}

function arrayOf(words: Uint32Array, entry: number): Partial<BpfMap> {
  const bytes = new Uint8Array(words.buffer);
  return {
    copy(into) {
      into.set(bytes);
      return bytes.length;
    },
    copyColumns(into, { first, count, stride }) {
      const row = stride * entry;
      const part = count * entry;
      const rows = bytes.length / row;
      for (let i = 0; i < rows; i++)
        into.set(bytes.subarray(i * row + first * entry, i * row + first * entry + part), i * part);
      return rows * part;
    },
  };
}

/** To a u64 far below 2^53. */
function add(words: Uint32Array, offset: number, by: number): void {
  const low = (words[offset >> 2] ?? 0) + by;
  words[offset >> 2] = low;
  if (low >= 2 ** 32) words[(offset >> 2) + 1] = (words[(offset >> 2) + 1] ?? 0) + 1;
}

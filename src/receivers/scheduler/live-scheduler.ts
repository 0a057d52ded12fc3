import { fileURLToPath } from 'node:url';
import { measureCost } from '../../bpf/cost.ts';
import type { Native, NativeObject } from '../../bpf/native.ts';
import { isZero, readBigint } from '../../bpf/u64.ts';
import { unsupportedIfRefused } from '../../bpf/unsupported-error.ts';
import type { Cgroups } from '../../cgroup/cgroups.ts';
import { CpuTimes } from '../../machine/cpu-times.ts';
import type { CgroupId, MonotonicNanoseconds } from '../../telemetry/units.ts';
import { histogramScale, readAbi, type SchedulerAbi } from './abi.ts';
import { PairTotals } from './pairs.ts';
import { decodeRecords, hasStranger, nameParties, type RecordHandler, type WaitRecord } from './records.ts';
import { SerialIndex } from './serial-index.ts';
import type {
  CostMeasurement,
  SchedulerOptions,
  SchedulerReading,
  SchedulerSource,
  SourceDescription,
  WaitEvent,
} from './source.ts';
import { type StolenLoss, StolenShares } from './stolen-shares.ts';
import { withoutStolen } from './stolen-split.ts';
import { PairSurplus } from './surplus.ts';
import { allocateSnapshot, type Dimensions, SchedulerTotals, type Snapshot } from './totals.ts';

const objectPath = fileURLToPath(new URL('../../../build/scheduler.bpf.o', import.meta.url));

/** Beyond it CPUs share a copy of each histogram and add atomically: at 512 slots each copy is 256 KiB. */
const maxHistogramCopies = 4;
/** Live threads whose last switch is remembered, 4 a set: 16,384 of them in 256 KiB, on large machines 256 a CPU. */
const taskSetsFor = (cpus: number) => Math.max(4096, 2 ** Math.ceil(Math.log2(cpus * 64)));
/** Threads at once that are throttled, were moved while they waited, or have been waiting since the last reading. */
const openWaitsFor = (cpus: number) => Math.max(2048, cpus * 32);
/** Before 6.18: groups that hit a quota, each on each CPU where it did. */
const throttlesFor = (cpus: number) => Math.max(384, cpus * 8);
const ringBytes = 256 * 1024;
const burstSeconds = 4;
const drainBytes = 64 * 1024;
/** A byte for each task the iterator meets for the first time; more than the kernel's table of tasks holds. */
const newTasksBytes = 128 * 1024;
const changeKinds = { mkdir: 'made', attach: 'seen', rename: 'renamed', rmdir: 'removed' } as const;
/** Single waits kept until somebody drains them: 33 MiB. */
const maxWaits = 65_536;

export interface LiveOptions extends SchedulerOptions {
  /** CPUs to make room for; default: all that can ever be. */
  readonly cpus?: number;
  /** Default: `/proc/stat`. */
  readonly cpuTimes?: string;
  /** Told once of what goes on without. */
  readonly warn?: (error: Error) => void;
}

/** The scheduler programs of this machine. */
export interface LiveSource extends SchedulerSource {
  /** Tells `cgroups` what has happened to them up to now. */
  tellChanges(): void;
  /** By CPU: when it last switched, in ns of the scheduler's own clock (`rq->clock`); 0: not since attached. */
  lastSwitches(): readonly bigint[];
  measureCost(): CostMeasurement;
}

/** Loads and attaches the scheduler programs. Throws `UnsupportedError` where the kernel refuses them. */
export function openLiveScheduler(native: Native, options: LiveOptions, cgroups: Cgroups): LiveSource {
  const cpus = options.cpus ?? native.possibleCpus();
  const histogramCopies = Math.min(maxHistogramCopies, 2 ** Math.ceil(Math.log2(cpus)));
  const size: Dimensions = { rows: cpus + 1, slots: options.maxWorkloads, histogramCopies };
  const object = native.open(objectPath, {
    rodata: {
      slots: size.slots,
      progress_row: cpus,
      histogram_copies: histogramCopies,
      histogram_shared: cpus > histogramCopies ? 1 : 0,
      task_sets: taskSetsFor(cpus),
      min_wait: options.minWait,
      sample: options.sample,
      event_interval: Math.round(1e9 / options.eventRate),
      event_burst: burstSeconds * 1_000_000_000,
    },
    maxEntries: {
      cells: size.rows * size.slots,
      histograms: size.slots * histogramCopies,
      cpus: size.rows,
      histories: cpus,
      tasks: taskSetsFor(cpus),
      open_waits: openWaitsFor(cpus),
      throttles: throttlesTasks(native) ? 1 : throttlesFor(cpus),
      pairs: options.maxPairs,
      events: ringBytes,
    },
  });
  try {
    native.load(object);
    native.attach(object);
    const source = new LiveScheduler(native, object, {
      size,
      maxPairs: options.maxPairs,
      cgroups,
      cpuTimes: options.cpuTimes,
      warn: options.warn,
    });
    source.read(); // what has been waited for before is nobody's who reads later
    return source;
  } catch (cause) {
    native.close(object);
    throw unsupportedIfRefused('attach to the scheduler', cause);
  }
}

/** From 6.18 on; before, whole run queues. */
function throttlesTasks(native: Native): boolean {
  return native.kernelStruct('task_struct')?.includes('throttled') ?? false;
}

class LiveScheduler implements LiveSource {
  readonly histogramScale = histogramScale;
  readonly #native: Native;
  readonly #object: NativeObject;
  readonly #cgroups: Cgroups;
  readonly #abi: SchedulerAbi;
  readonly #index: SerialIndex;
  readonly #totals: SchedulerTotals;
  readonly #pairs: PairTotals;
  readonly #copy: Snapshot;
  readonly #pairBuffers: { readonly keys: Uint8Array; readonly values: Uint8Array };
  readonly #records = new Uint8Array(drainBytes);
  readonly #newTasks = new Uint8Array(newTasksBytes);
  readonly #maxRecord: number;
  readonly #size: Dimensions;
  readonly #stolen: { readonly irq: boolean; readonly steal: boolean };
  readonly #shares: StolenShares;
  readonly #stolenLosses = new Map<StolenLoss, number>();
  readonly #throttlesTasks: boolean;
  readonly #surplus = new PairSurplus();
  /** In the buffers. */
  #pairCount = 0;
  #waits: WaitRecord[] = [];
  #overrun = 0;
  #malformed = 0;
  #unmet = 0;

  constructor(
    native: Native,
    object: NativeObject,
    {
      size,
      maxPairs,
      cgroups,
      cpuTimes,
      warn = () => {},
    }: {
      readonly size: Dimensions;
      readonly maxPairs: number;
      readonly cgroups: Cgroups;
      readonly cpuTimes: LiveOptions['cpuTimes'];
      readonly warn: LiveOptions['warn'];
    },
  ) {
    this.#native = native;
    this.#object = object;
    this.#cgroups = cgroups;
    this.#size = size;
    this.#abi = readAbi(native, object);
    const rq = native.kernelStruct('rq') ?? [];
    this.#stolen = { irq: rq.includes('prev_irq_time'), steal: rq.includes('prev_steal_time_rq') };
    this.#shares = new StolenShares(new CpuTimes(size.rows - 1, cpuTimes), this.#stolen, {
      lose: (reason) => this.#stolenLosses.set(reason, (this.#stolenLosses.get(reason) ?? 0) + 1),
      warn,
    });
    this.#shares.advance(Number(native.monotonic()));
    this.#throttlesTasks = throttlesTasks(native);
    this.#index = new SerialIndex(size.slots * 16);
    this.#totals = new SchedulerTotals(this.#abi, size, this.#stolen, this.#index);
    this.#pairs = new PairTotals(this.#abi, this.#index, maxPairs);
    this.#copy = allocateSnapshot(this.#abi, size);
    this.#pairBuffers = {
      keys: new Uint8Array(maxPairs * this.#abi.pairKey.size),
      values: new Uint8Array(maxPairs * this.#abi.pair.size),
    };
    const { waitRecord, cgroupRecord, retiredRecord } = this.#abi;
    this.#maxRecord = Math.max(waitRecord.size, cgroupRecord.size, retiredRecord.size);
  }

  describe(): SourceDescription {
    const maps = [
      'cells',
      'histograms',
      'cpus',
      'histories',
      'tasks',
      'open_waits',
      'draft',
      'throttles',
      'pairs',
      'events',
    ];
    return {
      programs: this.#native.programs(this.#object).map((program) => program.name),
      mapBytes: maps.reduce((bytes, map) => bytes + this.#native.map(this.#object, map).bytes, 0),
      cpus: this.#size.rows - 1,
      features: {
        throttling: this.#throttlesTasks ? 'per task' : 'per queue',
        irq_time: this.#stolen.irq ? 'exact' : 'by ticks',
        steal_time: this.#stolen.steal ? 'exact' : 'by ticks',
      },
    };
  }

  drain(): readonly WaitEvent[] {
    this.#drainRing();
    const waits = this.#waits;
    this.#waits = [];
    if (waits.some((wait) => hasStranger(wait, this.#index))) this.#meetEveryone();
    return waits.map((wait) => nameParties(this.#totals.splitStolen(wait), this.#index));
  }

  read(): SchedulerReading {
    this.#drainRing();
    this.#chargeProgress();
    this.#shares.advance(Number(this.#native.monotonic()));
    this.#totals.advance(() => this.#copyMaps(), this.#shares);
    const { pairs, obsolete, unnamed } = this.#pairs.advance({
      ...this.#pairBuffers,
      count: this.#pairCount,
    });
    if (obsolete.length)
      this.#native.deleteKeys(this.#object, 'pairs', obsolete, obsolete.length / this.#abi.pairKey.size);
    const { cgroups, drops, otherKept, otherWhole } = this.#totals.take();
    const settled = this.#surplus.settle(pairs, { cgroups, otherWhole });
    const forgotten = this.#surplus.takeForgotten();
    const stolenLosses = Object.fromEntries(this.#stolenLosses);
    this.#stolenLosses.clear();
    const overrun = this.#overrun;
    const malformed = this.#malformed;
    const unmet = this.#unmet;
    this.#unmet = 0;
    this.#overrun = 0;
    this.#malformed = 0;
    return {
      at: this.#native.monotonic() as MonotonicNanoseconds,
      cgroups,
      pairs: withoutStolen(settled, otherKept),
      drops: {
        ...drops,
        ...stolenLosses,
        ...(unnamed ? { pair_unnamed: unnamed } : {}),
        ...(forgotten ? { pair_surplus: forgotten } : {}),
        ...(overrun ? { events_overrun: overrun } : {}),
        ...(malformed ? { record_malformed: malformed } : {}),
        ...(unmet ? { progress_unread: unmet } : {}),
      },
    };
  }

  tellChanges(): void {
    this.#drainRing();
  }

  lastSwitches(): readonly bigint[] {
    const { cpus } = this.#copy;
    const { cpu, occupant, ringSlices } = this.#abi;
    this.#native.readArray(this.#object, 'cpus', bytesOf(cpus));
    return Array.from({ length: this.#size.rows - 1 }, (_, c) => {
      let last = 0n;
      for (let i = 0; i < ringSlices; i++) {
        const end = readBigint(cpus, c * cpu.size + cpu.ring + i * occupant.size + occupant.end);
        if (end > last) last = end;
      }
      return last;
    });
  }

  measureCost(): CostMeasurement {
    return measureCost(this.#native, this.#object);
  }

  close(): void {
    this.#native.close(this.#object);
  }

  /** Waits that go on are charged up to now; those of tasks that have never run, in a second run. */
  #chargeProgress(): void {
    const run = () => this.#native.iterate(this.#object, 'on_progress', this.#newTasks);
    try {
      if (run() > 0) run();
    } catch {
      this.#unmet++; // out of memory or of descriptors, or a hundred thousand new tasks: their waits count when they end
    }
  }

  /** A cell retired after its map was copied is in the ring by then: taking the ring last, nothing is counted twice. */
  #copyMaps(): Snapshot {
    const { cells, histograms, cpus } = this.#copy;
    this.#native.readArray(this.#object, 'histograms', bytesOf(histograms));
    this.#native.readArray(this.#object, 'cells', bytesOf(cells));
    this.#native.readArray(this.#object, 'cpus', bytesOf(cpus));
    const { keys, values } = this.#pairBuffers;
    this.#pairCount = this.#native.readHash(this.#object, 'pairs', keys, values);
    this.#drainRing();
    return this.#copy;
  }

  #drainRing(): void {
    const removed: { slot: number; serial: bigint }[] = [];
    const handler: RecordHandler = {
      wait: (record) => {
        this.#index.learn(record.serial, record.cgroup);
        if (this.#waits.length < maxWaits) this.#waits.push(record);
        else this.#overrun++;
      },
      cgroup: ({ change, at, slot, serial, cgroup, path }) => {
        this.#cgroups.learn({ kind: changeKinds[change], id: cgroup, path, at });
        if (serial === 0n) return;
        this.#index.learn(serial, cgroup);
        if (change === 'rmdir') removed.push({ slot, serial });
      },
      retired: ({ cpu, slot, words, offset }) => this.#totals.retire({ cpu, slot }, { words, offset }),
      malformed: () => {
        this.#malformed++;
      },
    };
    const context = { abi: this.#abi, isStolenByIrq: this.#stolen.irq && !this.#stolen.steal };
    for (;;) {
      const used = this.#native.drain(this.#object, 'events', this.#records, this.#maxRecord);
      decodeRecords(this.#records.subarray(0, used), context, handler);
      if (used + this.#maxRecord <= this.#records.length) break;
    }
    if (removed.length) this.#settle(removed);
  }

  /** Whoever had a CPU has a cell, and that holds serial number and cgroup id. */
  #meetEveryone(): void {
    const { cells } = this.#copy;
    this.#native.readArray(this.#object, 'cells', bytesOf(cells));
    const { cell } = this.#abi;
    for (let at = 0; at < cells.byteLength; at += cell.size)
      if (!isZero(cells, at + cell.serial))
        this.#index.learn(
          readBigint(cells, at + cell.serial),
          readBigint(cells, at + cell.cgroup) as CgroupId,
        );
  }

  #forgetThrottling(serial: bigint): void {
    const { size, serial: serialOffset, cpu: cpuOffset } = this.#abi.throttleKey;
    const cpus = this.#size.rows - 1;
    const keys = new Uint8Array(size * cpus);
    const view = new DataView(keys.buffer);
    for (let cpu = 0; cpu < cpus; cpu++) {
      view.setBigUint64(cpu * size + serialOffset, serial, true);
      view.setUint32(cpu * size + cpuOffset, cpu, true);
    }
    this.#native.deleteKeys(this.#object, 'throttles', keys, cpus);
  }

  #settle(removed: readonly { readonly slot: number; readonly serial: bigint }[]): void {
    const { cells, histograms } = this.#copy;
    this.#native.readArray(this.#object, 'histograms', bytesOf(histograms));
    this.#native.readArray(this.#object, 'cells', bytesOf(cells));
    for (const { slot, serial } of removed) {
      if (slot < this.#size.slots) this.#totals.settle(this.#copy, slot, serial);
      this.#pairs.remove(serial);
      if (!this.#throttlesTasks) this.#forgetThrottling(serial);
    }
  }
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer);
}

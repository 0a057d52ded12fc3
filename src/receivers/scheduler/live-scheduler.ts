import type { BpfHost, BpfObject } from '../../bpf/bpf.ts';
import type { CostMeasurement } from '../../bpf/cost.ts';
import { lossReader } from '../../bpf/losses.ts';
import { RecordRing } from '../../bpf/records.ts';
import type { Cgroups } from '../../cgroup/cgroups.ts';
import type { Serials } from '../../cgroup/serials.ts';
import { CpuTimes } from '../../machine/cpu-times.ts';
import { LossLedger } from '../../telemetry/losses.ts';
import { histogramScale, readAbi } from './abi.ts';
import { SchedulerMaps } from './maps.ts';
import { PairTotals } from './pairs.ts';
import { ProgressReader } from './progress.ts';
import {
  nameParties,
  type RecordHandler,
  type RemovedRecord,
  recordFormat,
  type WaitRecord,
} from './records.ts';
import { SerialIndex } from './serial-index.ts';
import type { Block, Dimensions, SlotRange } from './snapshot.ts';
import type { SchedulerReading, SchedulerSource, SourceDescription, WaitEvent } from './source.ts';
import { dimensionsFor, type SpecOptions, schedulerSpec, throttlesTasks } from './spec.ts';
import type { Steps } from './steps.ts';
import { StolenShares } from './stolen-shares.ts';
import { withoutStolen } from './stolen-split.ts';
import { PairSurplus } from './surplus.ts';
import { SchedulerTotals } from './totals.ts';

/** Ways of a `task_set`. */
const threadsOfSet = 4;
/** Single waits kept until they are drained: 33 MiB. */
const maxWaits = 65_536;

export interface LiveOptions extends SpecOptions {
  /** Of this machine's instances; absent: none is held. */
  readonly lock?: string;
  /** CPUs to make room for; default: all that can ever be. */
  readonly cpus?: number;
  /** Default: `/proc/stat`. */
  readonly cpuTimes?: string;
  /** Called once with what could not be read. */
  readonly warn?: (error: Error) => void;
}

/** The scheduler programs of this machine. */
export interface LiveSource extends SchedulerSource {
  /** By CPU: when it last switched, in ns of the scheduler's own clock (`rq->clock`); 0: not since attached. */
  lastSwitches(): readonly bigint[];
  measureCost(): CostMeasurement;
}

/**
 * Loads and attaches the scheduler programs; the first reading has waits from before. Throws `UnsupportedError` where the
 * kernel refuses them.
 */
export function openLiveScheduler(
  bpf: BpfHost,
  options: LiveOptions,
  cgroups: Pick<Cgroups, 'serials'>,
): LiveSource {
  const cpus = options.cpus ?? bpf.cpuRows();
  const size = dimensionsFor({ cpus, cacheCpus: options.cacheCpus ?? cpus, workloads: options.maxWorkloads });
  const spec = schedulerSpec(options, size, throttlesTasks(bpf));
  const { lock } = options;
  const object = bpf.open({ ...spec, ...(lock !== undefined && { lock }) });
  try {
    object.attach();
    return new LiveScheduler(bpf, object, { ...options, size, serials: cgroups.serials() });
  } catch (error) {
    object.close();
    throw error;
  }
}

interface Attached extends LiveOptions {
  readonly size: Dimensions;
  readonly serials: Serials;
}

class LiveScheduler implements LiveSource {
  readonly histogramScale = histogramScale;
  readonly #bpf: BpfHost;
  readonly #object: BpfObject;
  readonly #size: Dimensions;
  readonly #stolen: { readonly irq: boolean; readonly steal: boolean };
  readonly #throttlesTasks: boolean;
  readonly #maps: SchedulerMaps;
  readonly #ring: RecordRing;
  readonly #index: SerialIndex;
  readonly #totals: SchedulerTotals;
  readonly #pairs: PairTotals;
  readonly #shares: StolenShares;
  readonly #losses = new LossLedger();
  readonly #kernelLosses: ReturnType<typeof lossReader>;
  readonly #surplus = new PairSurplus(this.#losses);
  readonly #progress: ProgressReader;
  #waits: WaitRecord[] = [];
  /** Cgroups removed, of the records that are being drained. */
  readonly #removed: RemovedRecord[] = [];

  constructor(
    bpf: BpfHost,
    object: BpfObject,
    { size, maxPairs, serials, cpuTimes, warn = () => {} }: Attached,
  ) {
    const abi = readAbi(object);
    const index = new SerialIndex(serials);
    const losses = this.#losses;
    const rq = bpf.kernelStruct('rq') ?? [];
    const stolen = { irq: rq.includes('prev_irq_time'), steal: rq.includes('prev_steal_time_rq') };
    const context = { abi, isStolenByIrq: stolen.irq && !stolen.steal };
    this.#bpf = bpf;
    this.#object = object;
    this.#size = size;
    this.#stolen = stolen;
    this.#throttlesTasks = throttlesTasks(bpf);
    this.#index = index;
    this.#kernelLosses = lossReader(object);
    this.#progress = new ProgressReader(object);
    this.#maps = new SchedulerMaps(object, { abi, size, maxPairs });
    this.#totals = new SchedulerTotals({ abi, size, stolen, index, losses });
    this.#pairs = new PairTotals({ abi, index, limit: maxPairs, losses });
    this.#ring = new RecordRing(object.map('events'), recordFormat(context, this.#recordHandler()));
    this.#shares = new StolenShares(new CpuTimes(size.rows - 1, cpuTimes), stolen, { losses, warn });
    this.#shares.advance(Number(bpf.monotonic()));
  }

  describe(): SourceDescription {
    return {
      programs: this.#object.programs.map(({ name }) => name),
      mapBytes: this.#object.memory,
      bufferBytes: this.#maps.bytes + this.#totals.bytes + this.#pairs.bytes,
      cpus: this.#size.rows - 1,
      workloads: this.#size.slots,
      pairs: this.#maps.maxPairs,
      threads: this.#object.map('tasks').maxEntries * threadsOfSet,
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
    return waits.map((wait) => nameParties(this.#totals.splitStolen(wait), this.#index));
  }

  *reading(): Steps<SchedulerReading> {
    this.#drainRing();
    yield* this.#chargeProgress();
    this.#shares.advance(Number(this.#bpf.monotonic()));
    this.#totals.begin(this.#maps.copyCpus(), this.#shares);
    for (const range of this.#maps.ranges()) {
      yield;
      this.#totals.advance(() => this.#copyBlock(range));
    }
    this.#totals.end();
    yield;
    const { pairs, obsolete, admitEach } = yield* this.#pairs.advance(
      this.#maps.copyPairs(),
      this.#maps.unpaired(),
    );
    this.#maps.deletePairs(obsolete, admitEach); // in the step that forgets them
    yield;
    const { cgroups, otherKept, otherWhole } = yield* this.#totals.take();
    const carried = yield* this.#surplus.carryOver(pairs, { cgroups, otherWhole });
    yield;
    for (const [reason, by] of this.#kernelLosses()) this.#losses.add(reason, by);
    return {
      at: this.#bpf.monotonic(),
      cgroups,
      pairs: withoutStolen(carried, otherKept),
      drops: this.#losses.take(),
    };
  }

  lastSwitches(): readonly bigint[] {
    return this.#maps.lastSwitches();
  }

  measureCost(): CostMeasurement {
    return this.#object.measureCost();
  }

  close(): void {
    this.#object.close();
  }

  /** Waits that go on are charged up to now. */
  *#chargeProgress(): Steps<void> {
    try {
      yield* this.#progress.charge();
    } catch {
      this.#losses.add('progress_unread'); // out of memory or of descriptors: the waits count when they end
    }
  }

  /** A cell retired after it was copied is in the ring by then: taking the ring last, nothing is counted twice. */
  #copyBlock(range: SlotRange): Block {
    const block = this.#maps.copyBlock(range);
    this.#drainRing();
    return block;
  }

  #drainRing(): void {
    this.#ring.drain();
    const removed = this.#removed.splice(0);
    if (removed.length) this.#handleRemovals(removed);
  }

  #recordHandler(): RecordHandler {
    return {
      wait: (record) => {
        this.#index.learn(record.serial, record.cgroup);
        if (this.#waits.length < maxWaits) this.#waits.push(record);
        else this.#losses.add('events_overrun');
      },
      removed: (record) => void this.#removed.push(record),
      retired: ({ cpu, slot, words, offset }) => this.#totals.retire({ cpu, slot }, { words, offset }),
      malformed: () => this.#losses.add('record_malformed'),
    };
  }

  #handleRemovals(removed: readonly RemovedRecord[]): void {
    for (const { slot, serial } of removed) {
      if (slot < this.#size.slots) this.#totals.closeSlot(this.#maps.copySlot(slot), slot, serial);
      this.#pairs.remove(serial);
    }
  }
}

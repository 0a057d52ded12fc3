import type { Bytes, MonotonicNanoseconds } from '../telemetry/units.ts';
import type { CostMeasurement } from './cost.ts';
import type { Btf } from './layout.ts';
import type { BtfType, IterTarget, ProgramOptions, Target } from './native.ts';
import type { Needs } from './needs.ts';

export type { BtfMember, BtfType, IterTarget, Target } from './native.ts';

/** BPF on this machine. Nothing reaches the kernel before `open`. */
export interface BpfHost {
  /** What this machine lacks of `needs`, a sentence each with its remedy. */
  missing(needs: Needs): readonly string[];
  /**
   * Loads an object. Throws `UnsupportedError` where the machine lacks what the object needs or the kernel refuses it,
   * and code `EBUSY` where another process holds its lock.
   */
  open(spec: BpfSpec): BpfObject;
  /** CLOCK_MONOTONIC, the clock of `bpf_ktime_get_ns()`. */
  monotonic(): MonotonicNanoseconds;
  /** One more than the highest number of a CPU that can ever be (`/sys/devices/system/cpu/possible`). */
  cpuRows(): number;
  /** A descriptor of a process, to be closed: the key of task storage. */
  pidfd(pid: number): number;
  /** Members of a struct of the running kernel, or undefined where it has none of that name. */
  kernelStruct(name: string): readonly string[] | undefined;
}

/** What something is opened for, and what that takes. */
export interface BpfUse {
  /** As in "cannot attach to the scheduler". */
  readonly purpose: string;
  readonly needs?: Needs;
  /** What works without it, for the error. */
  readonly instead?: string;
}

export interface BpfSpec extends BpfUse {
  /** `scheduler` is `build/scheduler.bpf.o`, of `bpf/scheduler/scheduler.bpf.c`. */
  readonly object: string;
  /** Values of `const volatile` variables. */
  readonly constants?: Readonly<Record<string, number | bigint>>;
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** Programs not to load. */
  readonly without?: readonly string[];
  /** Load settings of programs whose section libbpf does not know. */
  readonly programs?: Readonly<Record<string, ProgramOptions>>;
  /** Maps of an open object, by the name that they have in both. */
  readonly reuse?: Readonly<Record<string, BpfMap>>;
  /** A name of at most 7 letters that one process of the machine holds at a time; objects of one process share it. */
  readonly lock?: string;
}

/** A loaded object: layouts from its BTF, maps, programs and what is attached. */
export interface BpfObject extends Btf {
  /** Those of global variables too. */
  readonly maps: readonly BpfMap[];
  readonly programs: readonly BpfProgram[];
  /** Kernel memory of all maps. */
  readonly memory: Bytes;
  /** Throws where there is none of that name. */
  map(name: string): BpfMap;
  /**
   * Attaches every program whose section names what to attach to, or none of them. Throws `UnsupportedError` where the
   * kernel refuses or is too old.
   */
  attach(): void;
  /** Attaches one program: to what its section names, or to `to`. Throws likewise. */
  attach(program: string, to?: Target): Link;
  /** Runs an iterator and copies what it writes; returns the bytes used. */
  iterate(program: string, into: Uint8Array, of?: IterTarget): number;
  /**
   * The same in steps, which yield how many bytes of `into` are used: each ends with the object that makes it full, and the
   * next goes on after that. Objects that come or go between two steps may or may not be visited, none is visited twice.
   */
  iterateInSteps(program: string, into: Uint8Array, of?: IterTarget): Generator<number, void>;
  /** Until its end each run of a program takes some 50 ns longer. Throws where that is not permitted. */
  measureCost(): CostMeasurement;
  /** Totals since it was opened, by reason, of an object with `bpf/lib/losses.bpf.h`. */
  losses(): Readonly<Record<string, number>>;
  /** Detaches and frees everything. Idempotent. */
  close(): void;
}

export interface BpfProgram {
  readonly name: string;
  /** Of the ELF file: `tp_btf/sched_switch`. */
  readonly section: string;
  readonly isAttached: boolean;
}

/** Lasts until its object closes. */
export interface Link {
  /** Idempotent. */
  detach(): void;
}

/** The entries [first, first + count) of each row. */
export interface Columns {
  readonly first: number;
  readonly count: number;
  /** Entries of a row. */
  readonly stride: number;
}

export interface BpfMap {
  readonly name: string;
  /** As libbpf names it: `percpu_hash`. */
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly key: BtfType | undefined;
  readonly value: BtfType | undefined;
  /** Kernel memory charged. */
  readonly bytes: Bytes;
  /** Copies a whole mmapable array; returns the bytes copied. */
  copy(into: Uint8Array): number;
  /** Of a mmapable array as rows of `stride` entries: some entries of each row, densely packed; returns the bytes copied. */
  copyColumns(into: Uint8Array, columns: Columns): number;
  /** Copies all entries, densely packed; returns their number. Both have room for `maxEntries`. */
  entries(keys: Uint8Array, values: Uint8Array): number;
  /** Of a per-CPU map one value a possible CPU, each at a multiple of 8 bytes. */
  get(key: Uint8Array): Uint8Array | undefined;
  set(key: Uint8Array, value: Uint8Array): void;
  /** Deletes densely packed keys; returns how many were there. */
  delete(keys: Uint8Array): number;
  /**
   * Moves whole records from a ring buffer, each at a multiple of 8 bytes; returns the bytes used. Fewer than
   * `maxRecord` bytes free means that there may be more.
   */
  drain(into: Uint8Array, maxRecord: number): number;
}

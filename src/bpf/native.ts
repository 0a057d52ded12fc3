import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { UnsupportedError } from './unsupported-error.ts';

/** From `src/bpf/` and `dist/bpf/` alike. */
const built = fileURLToPath(new URL('../../build/earshot.node', import.meta.url));

/** Throws `UnsupportedError` where the addon is missing, or a library that it needs. */
export function loadNative(path = built): Native {
  if (!existsSync(path)) throw unavailable(`${path} is missing; type \`npm run build\``);
  try {
    return createRequire(import.meta.url)(path) as Native;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unavailable(`${reason}; libbpf 1 is needed (Debian: libbpf1), then \`npm run build\``, cause);
  }
}

const unavailable = (reason: string, cause?: unknown) =>
  new UnsupportedError({ purpose: 'load the native addon' }, [reason], cause);

/**
 * The libbpf addon (`native/`): mechanism only. JavaScript pulls; the addon calls nothing back and starts no thread.
 * Every call throws a `NativeError` whose message names the operation.
 */
export interface Native {
  /** Opens an object file; nothing reaches the kernel yet. */
  open(path: string, options: OpenOptions): NativeObject;
  /** Loads programs and maps into the kernel. */
  load(object: NativeObject): void;
  /**
   * Attaches every loaded program whose section names what to attach to; on failure none of them stays attached.
   * Iterators and programs that need a target (`attachProgram`) are passed over.
   */
  attach(object: NativeObject): void;
  /** Attaches one program: to what its section names, or to `target`. The link lasts until `detach` or `close`. */
  attachProgram(object: NativeObject, program: string, target?: Target): Link;
  detach(object: NativeObject, link: Link): void;
  /** Detaches and frees; may be called twice, and is done by the garbage collector at the latest. */
  close(object: NativeObject): void;

  map(object: NativeObject, map: string): MapInfo;
  /** All maps, those of global variables (`.bss`) too, in the order of the file. */
  maps(object: NativeObject): readonly MapInfo[];
  /**
   * The value of one key, or undefined without one. A value of a per-CPU map is one value per possible CPU, each at a
   * multiple of 8 bytes; the key of socket storage is a descriptor, that of task storage a `pidfd`.
   */
  lookup(object: NativeObject, map: string, key: Uint8Array): Uint8Array | undefined;
  /** Sets one key. `flags` are the kernel's: 0 any, 1 only where there is none, 2 only where there is one. */
  update(object: NativeObject, map: string, key: Uint8Array, value: Uint8Array, flags?: number): void;
  /** Deletes one key; false without one. */
  remove(object: NativeObject, map: string, key: Uint8Array): boolean;
  /**
   * Copies a mmapable array map into `into`, which has at least its size; returns the bytes copied. With `first`, `count`
   * and `stride` only the columns [first, first + count) of the array as rows of `stride` entries, densely packed.
   */
  readArray(
    object: NativeObject,
    map: string,
    into: Uint8Array,
    first?: number,
    count?: number,
    stride?: number,
  ): number;
  /**
   * Copies all entries of a hash, LRU, LPM trie, stack trace or array map, per-CPU ones too (values as of `lookup`),
   * densely packed; returns their number. `keys` and `values` have room for `maxEntries`. Entries that come or go
   * meanwhile may or may not be among them.
   */
  readHash(object: NativeObject, map: string, keys: Uint8Array, values: Uint8Array): number;
  /** Deletes `count` densely packed keys; returns how many were there. */
  deleteKeys(object: NativeObject, map: string, keys: Uint8Array, count: number): number;
  /**
   * Moves records from a ring buffer map into `into`, each at a multiple of 8 bytes and padded to one, in order;
   * returns the bytes used. Fewer than one largest record of `maxRecord` bytes free means there may be more: call again.
   */
  drain(object: NativeObject, map: string, into: Uint8Array, maxRecord: number): number;

  programs(object: NativeObject): readonly ProgramInfo[];
  /** Switches the kernel's run-time statistics of BPF programs on until `disableStatistics`; costs some ns a run. */
  enableStatistics(): number;
  disableStatistics(token: number): void;

  /** Begins a run of an iterator program over all it iterates (or `of`). It lasts until `closeIterator` or `close`. */
  openIterator(object: NativeObject, program: string, of?: IterTarget): Iterator;
  /**
   * Goes on with a run and copies what the program writes; returns the bytes used, 0 at the end. One system call: it ends
   * after the object with which `into`, of at most 32 KiB, is full, and the next one begins with the object after it.
   */
  readIterator(object: NativeObject, iterator: Iterator, into: Uint8Array): number;
  closeIterator(object: NativeObject, iterator: Iterator): void;
  /**
   * A name in the kernel until `closeMarker` or the end of the process: an empty BPF map of at most 15 characters out of
   * letters, digits, `_` and `.`. Needs CAP_BPF.
   */
  createMarker(name: string): Marker;
  closeMarker(token: number): void;

  /** Layout of a struct in the object's own BTF, so that no offset is typed twice. */
  structLayout(object: NativeObject, name: string): StructLayout;
  /** Values of an enum in the object's own BTF, by name. */
  enumValues(object: NativeObject, name: string): Readonly<Record<string, number>>;
  /** Members of a struct of the running kernel, or undefined where it has none of that name (or no BTF). */
  kernelStruct(name: string): readonly string[] | undefined;
  /** The type of one of them as it is declared there (`raw_spinlock_t`, empty where it has no name), or undefined. */
  kernelMemberType(struct: string, member: string): string | undefined;

  /** One datagram to a unix socket, of at most 4,095 bytes; `@name` is an abstract socket. Never waits. */
  sendDatagram(path: string, message: string): void;

  /** A descriptor of a process, closed with `closeSync`: the key of task storage. */
  pidfd(pid: number): number;
  /** CLOCK_MONOTONIC in ns, the clock of `bpf_ktime_get_ns()`. */
  monotonic(): bigint;
  /** CPUs that can ever be (`/sys/devices/system/cpu/possible`). */
  possibleCpus(): number;
  /** Gives the kernel the pages back that C's allocator keeps free: V8's compiler leaves some MiB in them. */
  trimMemory(): void;
}

declare const bpfObject: unique symbol;
export interface NativeObject {
  readonly [bpfObject]: true;
}

export interface OpenOptions {
  /** Values of `const volatile` variables, by name. */
  readonly rodata?: Readonly<Record<string, number | bigint>>;
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** Programs not to load. */
  readonly without?: readonly string[];
  /** Load settings of programs whose section libbpf does not know, such as `uprobe.multi`. */
  readonly programs?: Readonly<Record<string, ProgramOptions>>;
  /** Maps that are those of the same name in another object, which is loaded; it may be closed afterwards. */
  readonly reuse?: Readonly<Record<string, NativeObject>>;
  /** Ask the verifier for its count of instructions; the error of a program it refuses then lacks its text. */
  readonly verifierStatistics?: boolean;
}

export interface ProgramOptions {
  /** As libbpf names it: `kprobe`, `sched_cls`. */
  readonly type?: string;
  /** As libbpf names it (`cgroup_inet_egress`), or one of those newer than libbpf 1.1: `trace_uprobe_multi`,
   * `trace_uprobe_session`, `trace_kprobe_session`, `tcx_ingress`, `tcx_egress`, `netfilter`. */
  readonly attachType?: string;
}

declare const link: unique symbol;
/** A token of its object. */
export type Link = number & { readonly [link]: true };

/** Offsets are of the file, in bytes. A `pid` restricts to one process (`perf_event`: to one thread). */
export type Target =
  | {
      readonly kind: 'kprobe';
      readonly function: string;
      readonly offset?: number;
      readonly isReturn?: boolean;
    }
  | { readonly kind: 'tracepoint'; readonly category: string; readonly name: string }
  | { readonly kind: 'raw_tracepoint'; readonly name: string }
  | {
      readonly kind: 'uprobe';
      readonly binary: string;
      /** With a symbol, `offset` is from there. */
      readonly symbol?: string;
      readonly offset?: number | bigint;
      readonly pid?: number;
      readonly isReturn?: boolean;
      /** What `bpf_get_attach_cookie` gives (5.15). */
      readonly cookie?: bigint;
    }
  | {
      readonly kind: 'uprobe_multi';
      readonly binary: string;
      readonly offsets: readonly (number | bigint)[];
      /** One for each offset. */
      readonly cookies?: readonly (number | bigint)[];
      readonly pid?: number;
      readonly isReturn?: boolean;
    }
  | {
      readonly kind: 'usdt';
      readonly binary: string;
      readonly provider: string;
      readonly name: string;
      readonly pid?: number;
      readonly cookie?: bigint;
    }
  /**
   * A sample of the software clock `hz` times a second on these CPUs, or of one thread on any or these. Numbers of CPUs
   * can have gaps. One that is offline is passed over, unless all are.
   */
  | ({ readonly kind: 'perf_event'; readonly hz: number } & (
      | { readonly cpus: readonly number[]; readonly pid?: number }
      | { readonly pid: number }
    ))
  /** The directory of a cgroup v2. */
  | { readonly kind: 'cgroup'; readonly path: string }
  /** Stays open until detached, whether or not `fd` is closed. */
  | { readonly kind: 'socket'; readonly fd: number }
  | { readonly kind: 'tcx'; readonly ifindex: number; readonly direction: 'ingress' | 'egress' }
  | { readonly kind: 'xdp'; readonly ifindex: number };

declare const iterator: unique symbol;
/** A token of its object. */
export type Iterator = number & { readonly [iterator]: true };

export type IterTarget =
  | { readonly kind: 'map'; readonly map: string }
  /** `path` is a directory, of version 1 too; `id` one of version 2 (6.1). */
  | ({ readonly kind: 'cgroup'; readonly order: CgroupOrder } & (
      | { readonly path: string }
      | { readonly id: bigint }
    ))
  /** Of a process all threads (`pid`, `pidfd`), or one thread (`tid`) (6.1). */
  | ({ readonly kind: 'task' } & (
      | { readonly pid: number }
      | { readonly tid: number }
      | { readonly pidfd: number }
    ));

export type CgroupOrder = 'self_only' | 'descendants_pre' | 'descendants_post' | 'ancestors_up';

/** What a call throws; `program` and the two below are those of `load`, `attach`, `attachProgram` and `openIterator`. */
export interface NativeError extends Error {
  /** The errno's name. */
  readonly code: string;
  /** As in "cannot <operation>". */
  readonly operation: string;
  /** What libbpf or the verifier wrote. */
  readonly log?: string;
  readonly program?: string;
  /** What was refused: `fentry`, `uprobe_multi`. */
  readonly feature?: string;
  /** The first release of Linux that has the feature: `6.6`. */
  readonly minimumKernel?: string;
}

export interface Marker {
  readonly token: number;
  /** The map's: later ones are higher. */
  readonly id: number;
}

export interface MapInfo {
  readonly name: string;
  /** As libbpf names it (`percpu_hash`, `lpm_trie`); `type 99` where it has no name. */
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** Absent without BTF; the value of a map of global variables is a struct of them. */
  readonly key?: BtfType;
  readonly value?: BtfType;
  /** Kernel memory charged, from `/proc/self/fdinfo` (`memlock`); 0 before `load`. */
  readonly bytes: number;
}

/** A type without typedefs and qualifiers; an unnamed one has the name of the typedef that led to it. */
export type BtfType = { readonly name: string /** Bytes. */; readonly size: number } & (
  | { readonly kind: 'int'; readonly isSigned: boolean; readonly isBoolean: boolean }
  | { readonly kind: 'float' | 'ptr' }
  | { readonly kind: 'enum'; readonly values: Readonly<Record<string, number | bigint>> }
  | { readonly kind: 'array'; readonly length: number; readonly element: BtfType }
  | { readonly kind: 'struct' | 'union'; readonly members: readonly BtfMember[] }
  /** Nested deeper or wider than is described, or of no size. */
  | { readonly kind: 'unknown' }
);

export interface BtfMember {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  /** Bytes from the start of the struct. */
  readonly offset: number;
  readonly type: BtfType;
  /** Of a bit field: the bits' place from the start of the struct. */
  readonly bits?: { readonly offset: number; readonly size: number };
}

export interface ProgramInfo {
  readonly name: string;
  /** As libbpf names it: `tracing`, `kprobe`. */
  readonly type: string;
  /** Of the ELF file: `tp_btf/sched_switch`. */
  readonly section: string;
  readonly id: number;
  readonly attached: boolean;
  /** Total while statistics were on. */
  readonly runTimeNs: bigint;
  readonly runCount: bigint;
  readonly recursionMisses: bigint;
  /** Instructions the verifier walked; before 5.16 it is 0 without `verifierStatistics`. */
  readonly verifiedInstructions: number;
}

export interface StructLayout {
  readonly size: number;
  readonly members: Readonly<Record<string, MemberLayout>>;
}

export interface MemberLayout {
  readonly offset: number;
  /** Bytes of the whole member. */
  readonly size: number;
  /** Elements of an array member (1 otherwise). */
  readonly length: number;
}

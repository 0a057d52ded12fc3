import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** From `src/bpf/` and `dist/bpf/` alike. */
const built = fileURLToPath(new URL('../../build/earshot.node', import.meta.url));

export function loadNative(path = built): Native {
  if (!existsSync(path)) throw unavailable(`${path} is missing; type \`npm run build\``);
  try {
    return createRequire(import.meta.url)(path) as Native;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unavailable(`${reason}; libbpf 1 is needed (Debian: libbpf1), then \`npm run build\``, cause);
  }
}

function unavailable(reason: string, cause?: unknown): Error {
  return Object.assign(new Error(`cannot load the native addon: ${reason}`, { cause }), { code: 'ENOADDON' });
}

/**
 * The libbpf addon (`native/`): mechanism only. JavaScript pulls; the addon calls nothing back and starts no thread.
 * Every call throws an `Error` whose message names the operation, whose `code` is the errno's name (`EPERM`) and whose
 * `log`, where libbpf or the verifier said something, holds their text.
 */
export interface Native {
  /** Opens an object file; nothing reaches the kernel yet. */
  open(path: string, options: OpenOptions): BpfObject;
  /** Loads programs and maps into the kernel. */
  load(object: BpfObject): void;
  /** Attaches every program that was loaded; on failure nothing stays attached. */
  attach(object: BpfObject): void;
  /** Detaches and frees; may be called twice, and is done by the garbage collector at the latest. */
  close(object: BpfObject): void;

  map(object: BpfObject, map: string): MapInfo;
  /** Copies a whole mmapable array map into `into`, which has at least its size; returns the bytes copied. */
  readArray(object: BpfObject, map: string, into: Uint8Array): number;
  /**
   * Copies all entries of a hash map, densely packed; returns their number. `keys` and `values` have room for
   * `maxEntries`. Entries that come or go meanwhile may or may not be among them.
   */
  readHash(object: BpfObject, map: string, keys: Uint8Array, values: Uint8Array): number;
  /** Deletes `count` densely packed keys; returns how many were there. */
  deleteKeys(object: BpfObject, map: string, keys: Uint8Array, count: number): number;
  /**
   * Moves records from a ring buffer map into `into`, each at a multiple of 8 bytes and padded to one, in order;
   * returns the bytes used. Fewer than one largest record of `maxRecord` bytes free means there may be more: call again.
   */
  drain(object: BpfObject, map: string, into: Uint8Array, maxRecord: number): number;

  programs(object: BpfObject): readonly ProgramInfo[];
  /** Switches the kernel's run-time statistics of BPF programs on until `disableStatistics`; costs some ns a run. */
  enableStatistics(): number;
  disableStatistics(token: number): void;

  /** Runs an iterator program over all it iterates and copies what it writes; returns the bytes used. */
  iterate(object: BpfObject, program: string, into: Uint8Array): number;
  /**
   * A name in the kernel until `closeMarker` or the end of the process: an empty BPF map of at most 15 characters out of
   * letters, digits, `_` and `.`. Needs CAP_BPF.
   */
  createMarker(name: string): Marker;
  closeMarker(token: number): void;

  /** Layout of a struct in the object's own BTF, so that no offset is typed twice. */
  structLayout(object: BpfObject, name: string): StructLayout;
  /** Values of an enum in the object's own BTF, by name. */
  enumValues(object: BpfObject, name: string): Readonly<Record<string, number>>;
  /** Members of a struct of the running kernel, or undefined where it has none of that name (or no BTF). */
  kernelStruct(name: string): readonly string[] | undefined;

  /** CLOCK_MONOTONIC in ns, the clock of `bpf_ktime_get_ns()`. */
  monotonic(): bigint;
  /** CPUs that can ever be (`/sys/devices/system/cpu/possible`). */
  possibleCpus(): number;
}

declare const bpfObject: unique symbol;
export interface BpfObject {
  readonly [bpfObject]: true;
}

export interface OpenOptions {
  /** Values of `const volatile` variables, by name. */
  readonly rodata?: Readonly<Record<string, number | bigint>>;
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** Programs not to load. */
  readonly without?: readonly string[];
  /** Ask the verifier for its count of instructions; the error of a program it refuses then lacks its text. */
  readonly verifierStatistics?: boolean;
}

export interface Marker {
  readonly token: number;
  /** The map's: later ones are higher. */
  readonly id: number;
}

export interface MapInfo {
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** Kernel memory charged, from `/proc/self/fdinfo` (`memlock`); 0 before `load`. */
  readonly bytes: number;
}

export interface ProgramInfo {
  readonly name: string;
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

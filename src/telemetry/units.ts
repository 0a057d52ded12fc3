import type { HrTime } from '@opentelemetry/api';

/** Quantities as types: numbers of different units cannot be mixed up. */
declare const unit: unique symbol;
type Branded<T, U extends string> = T & { readonly [unit]: U };

/** A duration or a difference of two kernel totals, below 2^53 (104 days). */
export type Nanoseconds = Branded<number, 'ns'>;
/** A point in time: nanoseconds since the Unix epoch. */
export type UnixNanoseconds = Branded<bigint, 'unix ns'>;
/** A point on CLOCK_MONOTONIC, the kernel's `bpf_ktime_get_ns()`. */
export type MonotonicNanoseconds = Branded<bigint, 'monotonic ns'>;
export type Bytes = Branded<number, 'By'>;
/** The 64-bit id of a cgroup directory (`kernfs_node.id`, its inode number): never a `number`. */
export type CgroupId = Branded<bigint, 'cgroup id'>;

export const nanoseconds = (n: number) => n as Nanoseconds;
export const milliseconds = (ms: number) => (ms * 1e6) as Nanoseconds;
export const seconds = (s: number) => (s * 1e9) as Nanoseconds;
export const bytes = (n: number) => n as Bytes;
export const cgroupId = (id: bigint) => id as CgroupId;

export const toSeconds = (ns: Nanoseconds) => ns / 1e9;
export const toMilliseconds = (ns: Nanoseconds) => ns / 1e6;

export function hrTime(at: UnixNanoseconds): HrTime {
  return [Number(at / 1_000_000_000n), Number(at % 1_000_000_000n)];
}

export function unixTime([seconds, nanos]: HrTime): UnixNanoseconds {
  return (BigInt(seconds) * 1_000_000_000n + BigInt(nanos)) as UnixNanoseconds;
}

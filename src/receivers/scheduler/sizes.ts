/** What the sizes of maps follow, at start. */
export interface NodeCounts {
  /** That can ever be. */
  readonly cpus: number;
  /** Living cgroups. */
  readonly cgroups: number;
  readonly threads: number;
}

const leastWorkloads = 512;
const mostWorkloads = 65_536;
/** For cells, in the kernel and beside it, where all cgroups have run on all CPUs. */
const cellBudget = 128 * 1024 * 1024;
/** Of a cell: 128 in the kernel, and 68 that are kept from one reading to the next. */
const cellBytes = 128 + 68;

/**
 * Css ids are the lowest that are free, so that twice the living cgroups leave room for as many again; fewer where their
 * cells would be too large, but never fewer than live now.
 */
export function workloadsFor({ cpus, cgroups }: Pick<NodeCounts, 'cpus' | 'cgroups'>): number {
  const needed = cgroups + 2; // the first slot is the kernel threads', the last one the overflow
  const most = Math.max(powerOfTwo(needed), leastWorkloads);
  const wanted = Math.max(powerOfTwo(2 * needed), leastWorkloads);
  const fits = wanted * (cpus + 1) * cellBytes <= cellBudget;
  return Math.min(fits ? wanted : most, mostWorkloads);
}

/** Of a workload, as there are at most; on large nodes fewer, as not all of their cgroups contend. The largest are kept. */
const pairsOfWorkload = { most: 16, least: 8 };
const leastPairs = 4096;
const manyPairs = 16_384;

export function pairsFor(workloads: number): number {
  const { most, least } = pairsOfWorkload;
  return Math.max(leastPairs, Math.min(manyPairs, workloads * most), workloads * least);
}

/** Sets of four threads, 64 bytes each: 16,384 threads in 256 KiB, on large machines 256 a CPU. */
const leastSets = 4096;
const setsOfCpu = 64;
const mostSets = 65_536 * 4;

/**
 * From 1.25 to 2.5 sets a thread, each of which may be in one of three: as many threads as at the start have an entry each,
 * wherever in 4 million their pids are, and of twice as many all but one in 10,000. With two choices it takes twice the sets.
 */
export function taskSetsFor({ cpus, threads }: Pick<NodeCounts, 'cpus' | 'threads'>): number {
  return Math.min(mostSets, Math.max(leastSets, powerOfTwo(cpus * setsOfCpu), powerOfTwo(1.25 * threads)));
}

/** Ways of a set, and bytes of each. */
export const throttleWays = 4;
const throttleBytes = 472;
/** All CPUs together, unless that is less than the least. */
const throttleBudget = 4 * 1024 * 1024;
const leastThrottleSets = 8;
const mostThrottleSets = 64;

/**
 * Sets of a CPU where whole queues are throttled: room for twice the cgroups that a quota can throttle. A CPU remembers
 * those that were throttled there last, as long as waits behind that go on: on large nodes not all at once.
 */
export function throttleSetsFor({
  cpus,
  limited,
}: {
  readonly cpus: number;
  readonly limited: number;
}): number {
  const fit = 2 ** Math.floor(Math.log2(throttleBudget / (cpus * throttleWays * throttleBytes)));
  const wanted = powerOfTwo((2 * limited) / throttleWays);
  return Math.max(leastThrottleSets, Math.min(wanted, fit, mostThrottleSets));
}

/** Bytes of all copies of the histograms. */
const histogramBudget = 4 * 1024 * 1024;
const histogramBytes = 512;
const leastCopies = 4;
const mostCopies = 16;

/**
 * A copy of each histogram for the CPUs of one last-level cache, so that no line of it travels to another one; and at least
 * four. Neighbouring caches share a copy where there would be too many. Returns the power of two of a copy's CPUs.
 */
export function histogramShiftFor({
  cpus,
  cacheCpus,
  workloads,
}: {
  readonly cpus: number;
  /** Neighbouring CPUs that share a last-level cache. */
  readonly cacheCpus: number;
  readonly workloads: number;
}): number {
  const most = Math.min(mostCopies, Math.max(leastCopies, histogramBudget / (histogramBytes * workloads)));
  const copies = Math.min(most, Math.max(leastCopies, cpus / cacheCpus));
  return Math.ceil(Math.log2(Math.max(1, cpus / copies)));
}

/** The next one, or the number itself. */
function powerOfTwo(number: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, number)));
}

import type { CpuEntitlement } from './cgroup-files.ts';
import { countCpus } from './control-formats.ts';

/**
 * How runtimes and the kubelet write the shares of the OCI specification (2 to 262,144, 1024 by default) as a
 * `cpu.weight` (1 to 10,000, 100 by default). `linear` until runc 1.3.1, crun 1.22 and kubelet 1.34; `quadratic` from
 * runc 1.3.2, crun 1.23 and kubelet 1.35 on, which maps default to default (kubernetes issue 131216). The kubelet writes
 * pods, the runtime containers, so that both may be on one node. The kernel's own relation is a third one: `weightOfShares`.
 */
export type WeightConversion = 'linear' | 'quadratic';

const sharesPerCpu = 1024;
const leastShares = 2;
const mostShares = 262_144;
const mostWeight = 10_000;

/** What a group with `cpu.idle` has, whatever was set: WEIGHT_IDLEPRIO. */
export const idleShares = 3;

/** As the scheduler relates the two: 1024 shares weigh as much as a weight of 100. */
export const weightOfShares = (shares: number) => (shares * 100) / sharesPerCpu;

/** CPUs its quota lasts for; undefined: no quota. */
export function cpuLimit({ quota }: CpuEntitlement): number | undefined {
  return quota && quota.quota / quota.period;
}

/** CPUs in its cpuset; undefined: not told. */
export function cpuCount({ cpuset }: CpuEntitlement): number | undefined {
  return cpuset === undefined ? undefined : countCpus(cpuset);
}

/** Shares a kubelet or a runtime gives for a request of so many CPUs. */
export function sharesOfRequest(cpus: number): number {
  const shares = Math.floor((Math.round(cpus * 1000) * sharesPerCpu) / 1000);
  return Math.min(Math.max(shares, leastShares), mostShares);
}

export function weightOfRequest(cpus: number, conversion: WeightConversion): number {
  return convert(sharesOfRequest(cpus), conversion);
}

/**
 * CPUs that were requested, judging by the weight: to 1 m from shares; from a weight the middle of what is written as that
 * weight, to 13 m if linear, to 4 m or 4 % if quadratic. Undefined: nothing was requested (below 28 m if linear), or
 * nobody can tell.
 */
export function estimateRequest(
  { weight, shares, isIdle }: CpuEntitlement,
  conversion: WeightConversion,
): number | undefined {
  if (isIdle || weight === undefined) return undefined;
  if (shares !== undefined) return shares <= leastShares ? undefined : milli(shares);
  if (weight <= 1) return undefined;
  const least = leastSharesOf(weight, conversion);
  const above = weight >= mostWeight ? least : leastSharesOf(weight + 1, conversion) - 1;
  return milli((least + above) / 2);
}

/** Which conversion was used, from a container whose request is known; undefined: both, or neither, come to this. */
export function conversionOf(weight: number, requestedCpus: number): WeightConversion | undefined {
  const isLinear = weightOfRequest(requestedCpus, 'linear') === weight;
  const isQuadratic = weightOfRequest(requestedCpus, 'quadratic') === weight;
  if (isLinear === isQuadratic) return undefined;
  return isLinear ? 'linear' : 'quadratic';
}

/** The least shares that are written as at least this weight. */
function leastSharesOf(weight: number, conversion: WeightConversion): number {
  let low = leastShares;
  let high = mostShares;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (convert(middle, conversion) >= weight) high = middle;
    else low = middle + 1;
  }
  return low;
}

function convert(shares: number, conversion: WeightConversion): number {
  if (conversion === 'linear') return 1 + Math.floor(((shares - leastShares) * 9999) / 262_142);
  if (shares <= leastShares) return 1;
  if (shares >= mostShares) return mostWeight;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** In CPUs, in steps of 1 m; a request is rounded down when it becomes shares. */
const milli = (shares: number) => Math.ceil((shares * 1000) / sharesPerCpu) / 1000;

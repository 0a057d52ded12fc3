import { resourceAttributes } from '../../../telemetry/attributes/resource.ts';
import { type Cause, causes } from '../../../telemetry/attributes/wait.ts';
import { type Blame, type BlameRows, culpritIn } from '../blame.ts';
import type { Observation } from '../window.ts';

/** Another workload that had the CPU while the victim waited, by what the waits of both show. */
export interface Rival {
  readonly cgroup: string;
  /** Seconds that the victim waited behind it. */
  readonly time: number;
  /** Its CPU time for each second of the victim's, of the time in which both wanted the CPU: that of their weights, as it came out; infinite: not known. */
  readonly ratio: number;
  /** Seconds that each of its threads waited behind others. */
  readonly delayed: number;
}

/** The named ones of some causes. */
export function rivalsOf(
  victim: Observation,
  workloads: readonly Observation[],
  contended: readonly Cause[],
): readonly Rival[] {
  const { rows, begin, end } = victim.blame;
  const times = new Map<string, number>();
  for (let row = begin; row < end; row++) {
    const culprit = culpritIn(rows, row);
    if (culprit && contended.includes(causeIn(rows, row)))
      times.set(culprit.cgroup, (times.get(culprit.cgroup) ?? 0) + (rows.time[row] ?? 0));
  }
  const observed = new Map(workloads.map((of) => [cgroupOf(of), of]));
  return [...times].map(([cgroup, time]) => ({
    cgroup,
    time,
    ...rivalry(victim, time, observed.get(cgroup)),
  }));
}

function rivalry(victim: Observation, time: number, rival: Observation | undefined) {
  if (!rival) return { ratio: Number.POSITIVE_INFINITY, delayed: Number.POSITIVE_INFINITY };
  const threads = threadsOf(rival);
  const victimHad = timeBehind(rival.blame, cgroupOf(victim)) / threads;
  return {
    ratio: hasOneThread(rival) && hasOneThread(victim) ? time / victimHad : Number.POSITIVE_INFINITY,
    delayed: (rival.wait - (rival.causes.get('self') ?? 0)) / threads,
  };
}

/**
 * Of more threads, some may run while the others sleep: how many of them waited at a time behind another workload is not
 * what it is behind their own.
 */
const hasOneThread = (of: Observation) => threadsOf(of) <= 1.25;

/** Threads that run or wait for those that do, while the workload has a CPU; their mean. */
export function threadsOf({ run, causes }: Observation): number {
  const self = causes.get('self') ?? 0;
  return self > 0 ? 1 + self / run : 1;
}

/** Seconds. */
export function timeBehind(
  { rows, begin, end }: Blame,
  cgroup: string,
  isCounted: (cause: Cause) => boolean = (of) => !of.startsWith('throttled'),
): number {
  let sum = 0;
  for (let row = begin; row < end; row++)
    if (culpritIn(rows, row)?.cgroup === cgroup && isCounted(causeIn(rows, row))) sum += rows.time[row] ?? 0;
  return sum;
}

const causeIn = ({ cause }: BlameRows, row: number): Cause => causes[cause[row] ?? 0] ?? 'unknown';

/** As culprits are told apart. */
const cgroupOf = ({ resource: { attributes } }: Observation) =>
  String(attributes[resourceAttributes.cgroupId.key] ?? attributes[resourceAttributes.cgroupPath.key]);

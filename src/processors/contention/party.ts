import type { Attributes } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import { type Cause, waitAttributes } from '../../telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../telemetry/attributes/workload.ts';
import { findSum } from '../../telemetry/metrics/find.ts';
import { waitMetrics } from '../../telemetry/metrics/wait.ts';
import type { Contender } from './fair-shares.ts';

/** A workload that competes for CPUs, with its times of one interval in ns. */
export interface Party {
  /** Undefined: its cgroup has no path. */
  readonly group: Group | undefined;
  /** It has a resource in the reading; otherwise its times are unknown, and 0. */
  readonly isReported: boolean;
  readonly ran: number;
  /** Behind its own threads. */
  readonly waitedForSelf: number;
  /** Behind any threads. */
  readonly waited: number;
  /** CPUs that it may use at most; undefined: no limit, or unknown. */
  readonly limit: number | undefined;
  /** CPUs that it requests. */
  readonly request: number | undefined;
  /** Excess it caused to others, as far as they have been judged. */
  offence: number;
}

/** A culprit, and what the victim waited behind it. */
export interface Rival {
  readonly party: Party;
  /** ns, above 0. */
  readonly blame: number;
  readonly cause: unknown;
  /** Of the victim's own workload: it competes, and does not offend. */
  readonly isOwn: boolean;
  /** Of the point of blame. */
  readonly attributes: Attributes;
}

/**
 * A group of the scheduler: a cgroup that competes with its siblings as one. The second part is what it is in one domain,
 * written again for the next one: new objects cost more.
 */
export interface Group extends Contender {
  /** Undefined: the root. */
  parent: Group | undefined;
  /** Beside the siblings below `parent`. Undefined: unknown, or the root. */
  ownWeight: number | undefined;
  /** It stands for groups above it too, each of which has nothing but the next. */
  isJoined: boolean;
  hasTasks: boolean;
  /** Groups right below it. */
  children: number;

  /** The domain it was last entered for. */
  domain: object | undefined;
  /** Whose tasks it has; undefined: none that compete. */
  party: Party | undefined;
  /** Of a culprit's party. */
  rival: Rival | undefined;
  members: Group[];
  isAboveVictim: boolean;
  /** A culprit in it or below is left out. */
  isPartial: boolean;
}

/** Waits in which more of the CPU would have helped: not those for a quota, a wake-up, interrupts or the hypervisor. */
const behindThreads: ReadonlySet<unknown> = new Set<Cause>([
  'self',
  'sibling',
  'neighbor',
  'system',
  'unknown',
]);

/** Of a resource whose waits have causes. */
export function partyOf(metrics: readonly MetricData[], of: Attributes, group: Group | undefined): Party {
  let waited = 0;
  let waitedForSelf = 0;
  for (const { attributes, value } of findSum(metrics, waitMetrics.waitTime)?.dataPoints ?? []) {
    const cause = attributes[waitAttributes.cause.key];
    if (behindThreads.has(cause)) waited += toNanoseconds(value);
    if (cause === 'self') waitedForSelf += toNanoseconds(value);
  }
  const run = findSum(metrics, waitMetrics.runTime)?.dataPoints ?? [];
  return {
    group,
    isReported: true,
    waited,
    waitedForSelf,
    ran: run.reduce((sum, { value }) => sum + toNanoseconds(value), 0),
    limit: numberIn(of, workloadAttributes.cpuLimit.key),
    request: numberIn(of, workloadAttributes.cpuRequest.key),
    offence: 0,
  };
}

/** Of a culprit without a resource. */
export function unreported(group: Group): Party {
  const times = { ran: 0, waited: 0, waitedForSelf: 0 };
  return { group, isReported: false, ...times, limit: undefined, request: undefined, offence: 0 };
}

/** CPU time that it could have used in the interval, as far as it is known to have waited behind threads. */
export function demandOf({ ran, limit }: Party, waited: number, interval: number): number {
  return limit === undefined ? ran + waited : Math.max(ran, Math.min(ran + waited, limit * interval));
}

/** Whole: seconds of a point are made of nanoseconds. */
export const toNanoseconds = (seconds: number) => Math.round(seconds * 1e9);

function numberIn(attributes: Attributes, key: string): number | undefined {
  const value = attributes[key];
  return typeof value === 'number' ? value : undefined;
}

import type { Replayed } from './replay.ts';
import type { Reported } from './report.ts';
import { idle, kernel, type Party } from './threads.ts';

/** What a party is to the victim, as far as perf's events tell. */
export const kinds = ['self', 'other', 'kernel', 'idle', 'throttled'] as const;
export type Kind = (typeof kinds)[number];

export interface Share {
  readonly name: string;
  /** By perf, in percent of the wait. */
  readonly actual: number;
  /** Points by which the agent's share is larger. */
  readonly error: number;
}

export interface Comparison {
  readonly cgroup: string;
  /** By perf, ns. */
  readonly wait: number;
  readonly waits: number;
  readonly run: number;
  /** Waits that perf's events lack. */
  readonly unbegun: number;
  /** The agent's figure over perf's, in percent above or below. */
  readonly waitError: number;
  readonly waitsError: number;
  readonly runError: number;
  /** By how much the agent's mean wait is longer, ns. */
  readonly offset: number;
  readonly kinds: readonly Share[];
  /** Cgroups of the load, and the rest of the machine together. */
  readonly culprits: readonly Share[];
  /** The agent's share of what it cannot explain. */
  readonly unknown: number;
  /** The agent's share of interrupts and of the hypervisor, which perf's events hold for the time of a thread. */
  readonly stolen: number;
}

/** What is promised: totals in percent, shares in points. */
export const targets = { total: 1, share: 1 } as const;

/** Of shorter sums, of waits and of runs, an error says little: pairs are sampled in quanta of 50 µs. */
export const judgedFrom = 200e6;

const kindOfCause: Readonly<Record<string, Kind>> = {
  self: 'self',
  sibling: 'other',
  neighbor: 'other',
  system: 'other',
  kernel: 'kernel',
  idle: 'idle',
  throttled: 'throttled',
  throttled_ancestor: 'throttled',
};

const elsewhere = 'elsewhere';

export function compare(
  cgroup: string,
  {
    path,
    replayed,
    reported,
    nameOf,
  }: {
    readonly path: Party;
    readonly replayed: Replayed;
    readonly reported: Reported;
    /** Of a cgroup of the load. */
    readonly nameOf: (path: Party) => string | undefined;
  },
): Comparison {
  const { causes } = reported;
  const wait = sum(causes.values());
  const stolen = (causes.get('irq') ?? 0) + (causes.get('steal') ?? 0);
  const name = (party: Party) => nameOf(party) ?? elsewhere;
  const actualKinds = grouped(replayed.by, (party) => kindOf(party, path));
  actualKinds.set('throttled', replayed.throttled);
  const actualCulprits = grouped(replayed.by, (party) =>
    kindOf(party, path) === 'other' ? name(party) : undefined,
  );
  const shares = {
    actual: (time: number) => percent(time, replayed.wait),
    reported: (time: number) => percent(time, wait - stolen),
  };
  return {
    cgroup,
    wait: replayed.wait,
    waits: replayed.waits,
    run: replayed.run,
    unbegun: replayed.unbegun,
    waitError: excess(wait, replayed.wait),
    waitsError: excess(reported.waits, replayed.waits),
    runError: excess(reported.run, replayed.run),
    offset: wait / reported.waits - replayed.wait / replayed.waits,
    kinds: sharesOf(
      actualKinds,
      grouped(causes, (cause) => kindOfCause[cause]),
      shares,
    ),
    culprits: sharesOf(actualCulprits, grouped(reported.culprits, name), shares),
    unknown: percent(causes.get('unknown') ?? 0, wait),
    stolen: percent(stolen, wait),
  };
}

/** What of it is missed, each as a sentence. */
export function missesOf(comparison: Comparison): readonly string[] {
  const { cgroup, wait, run, waitError, waitsError, runError } = comparison;
  if (wait < judgedFrom) return [];
  const totals = {
    wait: waitError,
    'number of waits': waitsError,
    ...(run >= judgedFrom && { run: runError }),
  };
  const shares = [...comparison.kinds, ...comparison.culprits];
  return [
    ...Object.entries(totals).map(([what, error]) => ({ what, error, target: targets.total, unit: '%' })),
    ...shares.map(({ name, error }) => ({ what: name, error, target: targets.share, unit: 'points' })),
    { what: 'unknown', error: comparison.unknown, target: targets.share, unit: 'points' },
  ]
    .filter(({ error, target }) => !(Math.abs(error) <= target))
    .map(
      ({ what, error, target, unit }) =>
        `${cgroup}: ${what} is off by ${error.toFixed(2)} ${unit}, target ${target}`,
    );
}

function kindOf(party: Party, victim: Party): Kind {
  if (party === victim) return 'self';
  if (party === idle) return 'idle';
  return party === kernel ? 'kernel' : 'other';
}

function sharesOf(
  actual: ReadonlyMap<string, number>,
  reported: ReadonlyMap<string, number>,
  of: { readonly actual: (time: number) => number; readonly reported: (time: number) => number },
): readonly Share[] {
  return [...new Set([...actual.keys(), ...reported.keys()])].map((name) => {
    const share = of.actual(actual.get(name) ?? 0);
    return { name, actual: share, error: of.reported(reported.get(name) ?? 0) - share };
  });
}

function grouped<Name extends string>(
  times: ReadonlyMap<string, number>,
  nameOf: (key: string) => Name | undefined,
): Map<Name, number> {
  const groups = new Map<Name, number>();
  for (const [key, time] of times) {
    const name = nameOf(key);
    if (name !== undefined) groups.set(name, (groups.get(name) ?? 0) + time);
  }
  return groups;
}

const percent = (part: number, whole: number) => (part / whole) * 100;
const excess = (reported: number, actual: number) => percent(reported - actual, actual);

function sum(values: Iterable<number>): number {
  let all = 0;
  for (const value of values) all += value;
  return all;
}

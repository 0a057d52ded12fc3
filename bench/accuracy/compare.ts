import type { Account, TestCgroup } from '../../test/kernel/scheduler-fixture.ts';
import { type ReplayClass, type Replayed, replayClasses } from '../../test/lab/replay.ts';
import { idle, kernelTasks } from '../../test/lab/trace.ts';
import type { Rule, Verdict } from './published-rules.ts';

/** Parts of a wait by party: a cgroup that had the CPU, or one of `noCgroup`; ns or any other unit. */
export type Shares = ReadonlyMap<bigint, number>;

/** Parties that are no cgroup; no cgroup has a negative id. */
const noCgroup = { throttled: -1n, stolen: -2n, unknown: -3n } as const;

/** The reported waits of one cgroup against those of a replay; shares in percent of all it waited. */
export interface Comparison {
  readonly cgroup: string;
  /** True, ns. */
  readonly wait: number;
  readonly waits: number;
  readonly waitError: number;
  readonly waitsMissed: number;
  /** Time in waits that are left out because the kernel's stamp is known to be wrong. */
  readonly excluded: number;
  readonly misstamped: Replayed['misstamped'];
  readonly unresolved: number;
  readonly unseen: number;
  readonly unknown: number;
  readonly classes: Readonly<Record<ReplayClass, { readonly actual: number; readonly error: number }>>;
  /** Every culprit either side names. */
  readonly culprits: readonly { readonly name: string; readonly actual: number; readonly error: number }[];
  readonly throttledUnnamed: number;
  /** Share of its wait that is charged to the wrong party. */
  readonly misplaced: number;
  readonly rules: readonly RuleComparison[];
}

export interface RuleComparison {
  readonly name: string;
  /** Share of the wait it sees; undefined where it does not look at waits. */
  readonly seen: number | undefined;
  /** Points of its blame that are on the wrong party; undefined: it blames no party. */
  readonly misplaced: number | undefined;
}

type Reported = ReturnType<Account['of']>;

export function compare(
  name: string,
  {
    cgroup,
    account,
    replayed,
    rules,
    nameOf,
  }: {
    readonly cgroup: TestCgroup;
    readonly account: Account;
    readonly replayed: Replayed;
    readonly rules: readonly Rule[];
    readonly nameOf: (id: bigint) => string;
  },
): Comparison {
  const reported = account.of(cgroup);
  const percent = (ns: number) => (ns / replayed.wait) * 100;
  const reportedOf = (of: ReplayClass) =>
    of === 'stolen' ? reported.classes.irq + reported.classes.steal : reported.classes[of];
  const blamed = blamedBy(account, cgroup.id);
  const truth = partiesOf(cgroup.id, replayed.classes, replayed.by);
  const excluded = replayed.excluded.wait / (replayed.wait + replayed.excluded.wait || 1);
  return {
    cgroup: name,
    wait: replayed.wait,
    waits: replayed.waits,
    waitError: percent(reported.wait - replayed.wait),
    waitsMissed: replayed.waits - reported.waits,
    excluded: excluded * 100,
    misstamped: replayed.misstamped,
    unresolved: replayed.unresolved,
    unseen: replayed.unseen,
    unknown: percent(reported.classes.unknown),
    classes: Object.fromEntries(
      replayClasses.map((of) => {
        const actual = replayed.classes[of];
        return [of, { actual: percent(actual), error: percent(reportedOf(of) - actual) }];
      }),
    ) as never,
    culprits: [...new Set([...replayed.by.keys(), ...blamed.keys()])].map((id) => {
      const actual = replayed.by.get(id) ?? 0;
      return { name: nameOf(id), actual: percent(actual), error: percent((blamed.get(id) ?? 0) - actual) };
    }),
    throttledUnnamed: percent(reported.classes.throttled - account.blamed(cgroup, 'throttled')),
    misplaced: misplaced(truth, partiesOf(cgroup.id, classesOf(reported, reportedOf), blamed)),
    rules: rules.map((rule) => judge(rule, { id: cgroup.id, replayed, truth })),
  };
}

function classesOf(reported: Reported, of: (name: ReplayClass) => number): Record<ReplayClass, number> {
  if (!(reported.wait >= 0)) throw new Error('cannot compare: nothing was reported');
  return Object.fromEntries(replayClasses.map((name) => [name, of(name)])) as Record<ReplayClass, number>;
}

function blamedBy(account: Account, victim: bigint): Shares {
  const blamed = new Map<bigint, number>();
  for (const [key, { other }] of account.pairs) {
    const [waiter, culprit] = key.split(' ');
    if (waiter === String(victim) && culprit && other) blamed.set(BigInt(culprit), other);
  }
  return blamed;
}

/** Time of another cgroup without a name is unknown. */
function partiesOf(victim: bigint, classes: Readonly<Record<ReplayClass, number>>, by: Shares): Shares {
  const parties = new Map(by);
  let named = 0;
  for (const time of by.values()) named += time;
  parties.set(victim, classes.self);
  parties.set(kernelTasks, classes.kernel);
  parties.set(idle, classes.idle);
  parties.set(noCgroup.throttled, classes.throttled);
  parties.set(noCgroup.stolen, classes.stolen);
  parties.set(noCgroup.unknown, classes.unknown + Math.max(0, classes.other - named));
  return parties;
}

function judge(
  { name, explainsAll, verdicts }: Rule,
  { id, replayed, truth }: { readonly id: bigint; readonly replayed: Replayed; readonly truth: Shares },
): RuleComparison {
  const verdict: Verdict = verdicts.get(id) ?? { blame: new Map(), seen: 0 };
  const ran = new Map([...truth].filter(([party]) => party > idle));
  return {
    name,
    seen: explainsAll ? (verdict.seen / replayed.wait) * 100 : undefined,
    misplaced: verdict.blame.size ? misplaced(explainsAll ? truth : ran, verdict.blame) : undefined,
  };
}

/** Points by which `reported` exceeds the truth on some parties, each side taken as shares of its own sum. */
export function misplaced(truth: Shares, reported: Shares): number {
  const sum = (shares: Shares) => [...shares.values()].reduce((a, b) => a + b, 0) || 1;
  const ofTruth = sum(truth);
  const ofReported = sum(reported);
  let points = 0;
  for (const [party, share] of reported)
    points += Math.max(0, share / ofReported - (truth.get(party) ?? 0) / ofTruth) * 100;
  return points;
}

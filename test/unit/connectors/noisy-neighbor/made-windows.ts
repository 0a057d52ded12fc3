import type { WindowLosses } from '../../../../src/connectors/noisy-neighbor/confidence.ts';
import type { Verdict } from '../../../../src/connectors/noisy-neighbor/verdicts.ts';
import type { Cause } from '../../../../src/telemetry/attributes/wait.ts';
import type { Blamed, Doing } from './windows.ts';

/** A window whose truth is known, as it is observed after a part of it was lost. */
export interface MadeWindow {
  /** Seconds by verdict and culprit. */
  readonly truth: ReadonlyMap<string, ReadonlyMap<string | undefined, number>>;
  readonly observed: Doing;
  readonly losses: WindowLosses;
}

/** What waits are made of: a cause, whether beyond the culprit's share, and the verdict that belongs to it. */
const kinds: readonly { readonly cause: Cause; readonly isExcess: boolean; readonly verdict: Verdict }[] = [
  { cause: 'neighbor', isExcess: true, verdict: 'noisy_neighbor' },
  { cause: 'neighbor', isExcess: false, verdict: 'overcommitted' },
  { cause: 'sibling', isExcess: false, verdict: 'sibling_contention' },
  { cause: 'system', isExcess: false, verdict: 'system_interference' },
  { cause: 'throttled', isExcess: false, verdict: 'quota_throttled' },
  { cause: 'self', isExcess: false, verdict: 'self_contention' },
  { cause: 'kernel', isExcess: false, verdict: 'kernel_interference' },
  { cause: 'idle', isExcess: false, verdict: 'placement' },
];
const named: ReadonlySet<Verdict> = new Set([
  'noisy_neighbor',
  'sibling_contention',
  'system_interference',
  'quota_throttled',
]);

/**
 * Single waits, each behind one of a few parties; of each a part is lost, most of it from one party (the worst case), or
 * becomes unknown, or loses the name of its culprit. `random` is uniform in [0, 1).
 */
export function madeWindow(random: () => number): MadeWindow {
  const parties = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) => ({
    ...(kinds[Math.floor(random() * kinds.length)] ?? kinds[0]),
    name: `party ${index}`,
    odds: random() ** 3,
  }));
  const part = () => (random() < 0.5 ? 0 : 0.4 * random() ** 2);
  const [lost, unknown, unnamed] = [part(), part(), part()];
  const target = Math.floor(random() * parties.length);
  const waits = Math.ceil(10 ** (1 + 3 * random()));
  const odds = parties.reduce((sum, party) => sum + party.odds, 0);
  const truth = new Map<string, Map<string | undefined, number>>();
  const causes: Partial<Record<Cause, number>> = {};
  const entitled: Partial<Record<Cause, number>> = {};
  const blame = new Map<string, Blamed & { time: number; excess: number }>();
  let missing = 0;
  for (let n = 0; n < waits; n++) {
    const index = drawn(parties, random() * odds);
    const { verdict = 'undetermined', cause = 'unknown', isExcess = false, name = '' } = parties[index] ?? {};
    const time = -Math.log(1 - random()) * 0.005;
    const culprits = truth.get(verdict) ?? new Map<string | undefined, number>();
    truth.set(verdict, culprits);
    const party = named.has(verdict) ? name : undefined;
    culprits.set(party, (culprits.get(party) ?? 0) + time);
    if (random() < lost * (index === target ? 2 : 0.5)) {
      missing++;
      continue;
    }
    const shown = random() < unknown ? 'unknown' : cause;
    causes[shown] = (causes[shown] ?? 0) + time;
    if (shown === 'unknown' || (!named.has(verdict) && verdict !== 'overcommitted')) continue;
    const culprit = random() < unnamed ? undefined : name;
    const of = blame.get(`${cause} ${culprit}`) ?? { cause, culprit, time: 0, excess: 0 };
    blame.set(`${cause} ${culprit}`, of);
    of.time += time;
    if (isExcess) of.excess += time;
    else if (cause === 'neighbor') entitled.neighbor = (entitled.neighbor ?? 0) + time;
  }
  const count = waits - missing;
  return {
    truth,
    observed: { run: 0.1, waits: causes, entitled, blame: [...blame.values()], count },
    losses: { loss: missing / waits, sampling: 0, clock: 0 },
  };
}

function drawn(parties: readonly { readonly odds: number }[], at: number): number {
  let below = 0;
  return parties.findIndex(({ odds }) => {
    below += odds;
    return at < below;
  });
}

/** Whether verdict and culprit are, in truth, the largest part, or close to it. */
export function isRight({ truth }: MadeWindow, verdict: string, culprit: string | undefined): boolean {
  const total = (of: ReadonlyMap<unknown, number> = new Map()) => [...of.values()].reduce((a, b) => a + b, 0);
  const culprits = truth.get(verdict) ?? new Map<string | undefined, number>();
  const largest = Math.max(...[...truth.values()].map(total));
  const main = Math.max(...culprits.values());
  return total(culprits) >= closeToLargest * largest && (culprits.get(culprit) ?? 0) >= closeToLargest * main;
}

const closeToLargest = 0.8;

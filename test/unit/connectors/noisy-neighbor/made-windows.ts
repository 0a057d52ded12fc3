import type { WindowLosses } from '../../../../src/connectors/noisy-neighbor/confidence.ts';
import type { Verdict } from '../../../../src/connectors/noisy-neighbor/verdicts.ts';
import type { Cause } from '../../../../src/telemetry/attributes/wait.ts';
import { type Blamed, type Doing, idOf } from './windows.ts';

/** A window whose truth is known, as it is observed after a part of it was lost. */
export interface MadeWindow {
  /** Seconds by verdict and culprit. */
  readonly truth: ReadonlyMap<string, ReadonlyMap<string | undefined, number>>;
  readonly observed: Doing;
  readonly losses: WindowLosses;
  /** Cgroups of culprits of which one is named already. */
  readonly named: ReadonlySet<string>;
}

/** What waits are made of: a cause, whether beyond the culprit's share, and the verdict that belongs to it. */
const kinds: readonly { readonly cause: Cause; readonly isExcess: boolean; readonly verdict: Verdict }[] = [
  { cause: 'neighbor', isExcess: true, verdict: 'noisy_neighbor' },
  { cause: 'neighbor', isExcess: false, verdict: 'overcommitted' },
  { cause: 'sibling', isExcess: false, verdict: 'sibling_contention' },
  { cause: 'system', isExcess: false, verdict: 'system_interference' },
  { cause: 'throttled', isExcess: false, verdict: 'quota_throttled' },
  { cause: 'throttled_ancestor', isExcess: false, verdict: 'quota_throttled' },
  { cause: 'self', isExcess: false, verdict: 'self_contention' },
  { cause: 'kernel', isExcess: false, verdict: 'kernel_interference' },
  { cause: 'irq', isExcess: false, verdict: 'irq_interference' },
  { cause: 'steal', isExcess: false, verdict: 'host_steal' },
  { cause: 'idle', isExcess: false, verdict: 'placement' },
];
const named: ReadonlySet<Verdict> = new Set([
  'noisy_neighbor',
  'sibling_contention',
  'system_interference',
  'quota_throttled',
]);

/** Of the waits of a pair of victim and culprit that is sampled, one of so many counts, for all of them. */
const sampledOf = 8;

/**
 * Single waits, each behind one of a few parties; of each a part is lost or has a bad clock, or becomes unknown, or loses the
 * name of its culprit, or is behind a neighbor whose share is not known, most of it from one party (the worst case); or is
 * of a sampled pair. `random` is uniform in [0, 1).
 */
export function madeWindow(random: () => number): MadeWindow {
  const parties = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, index) => ({
    ...(kinds[Math.floor(random() * kinds.length)] ?? kinds[0]),
    name: `party ${index}`,
    odds: random() ** 3,
  }));
  const part = () => (random() < 0.5 ? 0 : 0.6 * random());
  const [lost, unknown, unnamed] = [part(), part(), part()];
  const [sampled, unjudged] = [part(), part()];
  const doubt = random() < 0.3 ? 'clock' : 'loss';
  const staying = random() < 0.3 ? [idOf(`party ${Math.floor(random() * parties.length)}`)] : [];
  const target = Math.floor(random() * parties.length);
  const waits = Math.ceil(10 ** (1 + 3 * random()));
  const odds = parties.reduce((sum, party) => sum + party.odds, 0);
  const truth = new Map<string, Map<string | undefined, number>>();
  const causes: Partial<Record<Cause, number>> = {};
  const entitled: Partial<Record<Cause, number>> = {};
  const blame = new Map<string, Blamed & { time: number; excess: number }>();
  let [missing, inSampled] = [0, 0];
  for (let n = 0; n < waits; n++) {
    const index = drawn(parties, random() * odds);
    const { verdict = 'undetermined', cause = 'unknown', isExcess = false, name = '' } = parties[index] ?? {};
    const hit = index === target ? 2 : 0.5;
    const time = -Math.log(1 - random()) * 0.005;
    const culprits = truth.get(verdict) ?? new Map<string | undefined, number>();
    truth.set(verdict, culprits);
    const party = named.has(verdict) ? name : undefined;
    culprits.set(party, (culprits.get(party) ?? 0) + time);
    if (random() < lost * hit) {
      missing++;
      continue;
    }
    const shown = random() < unknown * hit ? 'unknown' : cause;
    causes[shown] = (causes[shown] ?? 0) + time;
    if (shown === 'unknown' || (!named.has(verdict) && verdict !== 'overcommitted')) continue;
    const isJudged = cause !== 'neighbor' || random() >= unjudged * hit;
    if (isJudged && !isExcess && cause === 'neighbor') entitled.neighbor = (entitled.neighbor ?? 0) + time;
    const isSampled = random() < sampled;
    if (isSampled) inSampled++;
    if (isSampled && random() >= 1 / sampledOf) continue;
    const counted = isSampled ? sampledOf * time : time;
    const culprit = random() < unnamed * hit ? undefined : name;
    const of = blame.get(`${cause} ${culprit}`) ?? { cause, culprit, time: 0, excess: 0 };
    blame.set(`${cause} ${culprit}`, of);
    of.time += counted;
    if (isExcess && isJudged) of.excess += counted;
  }
  const count = waits - missing;
  return {
    truth,
    observed: { run: 0.1, waits: causes, entitled, blame: [...blame.values()], count },
    losses: {
      ...{ loss: 0, clock: 0, [doubt]: missing / waits },
      sampling: count > 0 ? inSampled / (inSampled + count) : 0,
    },
    named: new Set(staying),
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

import fc from 'fast-check';
import { type Command, fates, kinds, type Setup } from './command.ts';
import type { Kernel } from './expected.ts';

const number = fc.nat({ max: 1000 });

/** 0, 1 ns, up to ten to the power of `power + 1`: as often small as large. */
const duration = (power: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.nat({ max: power }), fc.nat({ max: 999 }))
    .map(([exponent, digits]) => Math.floor((digits / 100) * 10 ** exponent));

const weighted = <T>(choices: readonly (readonly [T, number])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })));

export type Weights = Partial<Record<Command['kind'], number>>;

export function commandsOf({
  length,
  power,
  stolen = 0,
  weights,
}: {
  readonly length: number;
  readonly power: number;
  readonly stolen?: number;
  readonly weights: Weights;
}): fc.Arbitrary<readonly Command[]> {
  const command = fc.record({
    kind: weighted(
      kinds.map((kind) => [kind, weights[kind] ?? (kind === 'iterate' || kind === 'miss' ? 0 : 1)]),
    ),
    after: duration(power),
    stolen: fc.nat({ max: stolen }),
    fate: weighted(fates.map((fate) => [fate, fate === 'preempted' ? 6 : fate === 'sleeps' ? 3 : 1])),
    which: number,
    where: number,
  });
  return fc.array(command, { maxLength: length, size: 'max' });
}

export const setupOf = (kernel: Kernel): fc.Arbitrary<Setup> =>
  fc.record({
    kernel: fc.constant(kernel),
    cpus: fc.integer({ min: 1, max: 4 }),
    parents: fc.array(number, { minLength: 1, maxLength: 8 }),
    quotas: fc.array(fc.boolean(), { maxLength: 8 }),
    threads: fc.array(fc.nat({ max: 9 }), { minLength: 2, maxLength: 20 }),
    realTime: fc.array(fc.boolean(), { maxLength: 4 }),
    isFirstStarved: fc.boolean(),
  });

/** A cgroup for each thread, and all take turns on one CPU; the first waits until the others have ended. */
export const turnsOf = ({
  kernel,
  cgroups,
  slice,
  length,
}: {
  readonly kernel: Kernel;
  readonly cgroups: { readonly min: number; readonly max: number };
  /** Nanoseconds. */
  readonly slice: { readonly min: number; readonly max: number };
  readonly length: number;
}): fc.Arbitrary<readonly [Setup, readonly Command[]]> => {
  const calm = { stolen: 0, fate: 'preempted', which: 0, where: 0 } as const;
  const turn = fc.record({
    kind: fc.constant('switch' as const),
    after: fc.integer(slice),
    stolen: fc.constant(0),
    fate: fc.constant('preempted' as const),
    which: fc.constant(0),
    where: number,
  });
  return fc
    .tuple(fc.integer(cgroups), fc.array(turn, { minLength: length, maxLength: length }))
    .map(([count, turns]) => {
      const each = Array.from({ length: count }, (_, i) => i);
      const setup: Setup = {
        kernel,
        cpus: 1,
        parents: each.map(() => 0),
        threads: each.map((i) => i + 1),
        isFirstStarved: true,
      };
      const wakes = each.map(() => ({ ...calm, kind: 'wake' as const, after: 0 }));
      // The first switch comes at once: the cgroup before it is unknown.
      const first: Command = { ...calm, kind: 'switch', after: 0 };
      const ends = each.map((): Command => ({ ...calm, kind: 'switch', after: slice.max, fate: 'sleeps' }));
      return [setup, [...wakes, first, ...turns, ...ends]];
    });
};

import fc from 'fast-check';
import { type Command, fates, kinds, type Setup } from './machine.ts';
import type { Kernel } from './truth.ts';

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
      kinds.map((kind) => [kind, weights[kind] ?? (kind === 'iterate' || kind === 'untold' ? 0 : 1)]),
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
    isFirstStarved: fc.boolean(),
  });

import type { Static } from 'typebox';
import type { probabilisticSchema } from './config.ts';
import { hashToUnit } from './hash.ts';
import type { Mode } from './mode.ts';
import type { Surroundings } from './surroundings.ts';
import type { Item } from './wait.ts';

/** Keeps each wait with the same probability, and divides its weight by it. */
export function createProbabilistic<T extends Item>(
  { percentage, attribute, hash_seed: seed = 0 }: Static<typeof probabilisticSchema>,
  { random, tally, traceIdOf }: Surroundings<T>,
): Mode<T> {
  /** In [0, 1); equal for waits that are kept or dropped together. */
  const draw = (item: T) => {
    const value = attribute === undefined ? undefined : attributeOf(item, attribute);
    if (value !== undefined) return hashToUnit(String(value), seed);
    const traceId = attribute === undefined ? traceIdOf(item) : undefined;
    return traceId === undefined ? random() : drawOf(traceId);
  };
  return {
    take(wait) {
      if (draw(wait.item) * 100 >= percentage) {
        tally.drop('probabilistic');
        return [];
      }
      return [
        { ...wait, weight: wholeNear((wait.weight * 100) / percentage, random), reason: 'probabilistic' },
      ];
    },
  };
}

const attributeOf = ({ attributes, resource }: Item, key: string) =>
  attributes[key] ?? resource.attributes[key];

/**
 * OpenTelemetry's consistent sampling keeps a trace if the last 56 bits of its id, which are random, reach a threshold:
 * each percentage keeps all that a lower one keeps. Of these bits 52 are compared: a double has no room for more.
 */
const drawOf = (traceId: string) => 1 - (Number.parseInt(traceId.slice(-14, -1), 16) + 1) / 2 ** 52;

/** The number itself on average: weights stay whole. */
const wholeNear = (value: number, random: () => number) => Math.floor(value + random());

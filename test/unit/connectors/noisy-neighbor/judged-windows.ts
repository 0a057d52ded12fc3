import assert from 'node:assert/strict';
import { diagnose } from '../../../../src/connectors/noisy-neighbor/diagnose.ts';
import { windowOf } from '../../../../src/connectors/noisy-neighbor/window.ts';
import { settings } from './connector.ts';
import { isRight, madeWindow } from './made-windows.ts';
import { windowBatch } from './windows.ts';

/** The main verdict of a made window. */
export interface Judged {
  readonly verdict: string;
  readonly confidence: number;
  readonly isRight: boolean;
}

/** Undetermined ones are left out. */
export function judgedWindows(count: number, seed: number): readonly Judged[] {
  const config = settings();
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => madeWindow(random)).flatMap((made) => {
    const window = windowOf(windowBatch(0, { web: made.observed })) ?? assert.fail('no window');
    const [victim] = window.workloads;
    const { losses, named } = made;
    const [main] = victim ? diagnose(victim, window, { config, losses, named }) : [];
    if (!main || main.explanation.verdict === 'undetermined') return [];
    const { verdict, main: culprit } = main.explanation;
    return [
      {
        ...{ verdict, confidence: main.confidence.value },
        isRight: isRight(made, verdict, culprit?.culprit.name),
      },
    ];
  });
}

/** Verdicts of a tenth of confidence. */
export interface Tenth {
  readonly from: number;
  readonly count: number;
  /** Mean. */
  readonly confidence: number;
  /** The part of them that is right. */
  readonly right: number;
}

/** Those that have any. */
export function reliability(all: readonly Judged[]): readonly Tenth[] {
  return Array.from({ length: 10 }, (_, tenth) => tenth).flatMap((tenth) => {
    const some = all.filter(({ confidence }) => Math.min(9, Math.floor(10 * confidence)) === tenth);
    if (some.length === 0) return [];
    const confidence = some.reduce((sum, of) => sum + of.confidence, 0) / some.length;
    const right = some.filter((of) => of.isRight).length / some.length;
    return [{ from: tenth / 10, count: some.length, confidence, right }];
  });
}

/** A generator of numbers in [0, 1) from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

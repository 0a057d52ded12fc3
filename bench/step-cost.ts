import type { Steps } from '../src/receivers/scheduler/steps.ts';

/** ms of CPU. */
export interface StepCost {
  readonly total: number;
  readonly longest: number;
  readonly steps: number;
}

/** Of work in steps; in a tree of an older commit it may be one step, that of the call itself. */
export function costOf<Result>(begin: () => Steps<Result> | Result): StepCost & { readonly result: Result } {
  let begun: Steps<Result> | Result | undefined;
  const costs = [
    timed(() => {
      begun = begin();
    }),
  ];
  while (isSteps(begun)) {
    const steps = begun;
    costs.push(
      timed(() => {
        const step = steps.next();
        if (step.done) begun = step.value;
      }),
    );
  }
  return {
    total: costs.reduce((a, b) => a + b),
    longest: Math.max(...costs),
    steps: costs.length,
    result: begun as Result,
  };
}

function isSteps<Result>(of: Steps<Result> | Result | undefined): of is Steps<Result> {
  return typeof of === 'object' && of !== null && 'next' in of;
}

function timed(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

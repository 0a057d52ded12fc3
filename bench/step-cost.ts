import type { Steps } from '../src/receivers/scheduler/steps.ts';

/** ms of CPU. */
export interface StepCost {
  /** Of the process, with what the collector of garbage does on other threads. */
  readonly total: number;
  /** Of the thread that has the event loop. */
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
    total: costs.reduce((sum, { process }) => sum + process, 0),
    longest: Math.max(...costs.map(({ thread }) => thread)),
    steps: costs.length,
    result: begun as Result,
  };
}

function isSteps<Result>(of: Steps<Result> | Result | undefined): of is Steps<Result> {
  return typeof of === 'object' && of !== null && 'next' in of;
}

function timed(work: () => void) {
  const begin = usage();
  work();
  const end = usage();
  return { process: end.process - begin.process, thread: end.thread - begin.thread };
}

/** The kernel brings the time of a running thread up to date for the question after the process, not for its own. */
function usage() {
  const [all, own] = [process.cpuUsage(), process.threadCpuUsage()];
  return { process: (all.user + all.system) / 1000, thread: (own.user + own.system) / 1000 };
}

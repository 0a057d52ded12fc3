import type { Trial } from './trial.ts';

const switchProgram = 'on_switch';
/** Of fewer, one run that missed every cache makes the mean. */
const enoughRuns = 20;

/** ns a switch. */
export interface Cost {
  readonly gross: number;
  readonly net: number;
  readonly switchesPerSecond: number;
}

const perRun = (trial: Trial, name: string) => {
  const program = trial.programs.find((candidate) => candidate.name === name);
  return program && program.runs >= enoughRuns ? program.ns / program.runs : undefined;
};

/** Hooks that hardly ran in the empty trial, or are not in it, count as an empty one on `sched_switch`. */
export function costOf(trial: Trial, empty: Trial): Cost {
  const emptySwitch = perRun(empty, switchProgram) ?? 0;
  const switches = trial.programs.find(({ name }) => name === switchProgram)?.runs ?? 0;
  let total = 0;
  let hooks = 0;
  for (const { name, ns, runs } of trial.programs) {
    total += ns;
    hooks += runs * (perRun(empty, name) ?? emptySwitch);
  }
  return {
    gross: total / switches,
    net: (total - hooks) / switches,
    switchesPerSecond: switches / trial.seconds,
  };
}

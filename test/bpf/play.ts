import type { Command, Setup } from './command.ts';
import { Driver } from './driver.ts';
import type { Kernel } from './expected.ts';
import { iterated, Machine } from './machine.ts';
import { printing, readTotals, readWaits, type Totals } from './totals.ts';
import type { Truth } from './truth.ts';

const driver = new Driver();

/** To be called when nothing is played any more. */
export const stop = () => driver.close();

const cells = 32;

/** What the programs made of a schedule, and what they should have. */
export interface Played {
  /** `wait` by cell after each iteration. */
  readonly progress: readonly ReadonlyMap<bigint, number>[];
  readonly totals: Totals;
  readonly truth: Truth;
  readonly slots: number;
}

/** What each kernel lacks, as `bpf_core_field_exists` asks for it. */
export const lacks: Readonly<Record<Kernel, readonly string[]>> = {
  tasks: [],
  queues: ['struct task_struct, throttled', 'struct sched_entity, sched_delayed'],
  pelt: [
    'struct task_struct, throttled',
    'struct sched_entity, sched_delayed',
    'throttled_clock_self_time',
    'throttled_clock_self',
    '__state',
  ],
};

export interface Limits {
  readonly constants?: Readonly<Record<string, number>>;
  readonly limits?: Readonly<Record<string, number>>;
  /** Commands in all, if not `effort`. */
  readonly effort?: number;
  /** All waits end with the schedule. */
  readonly isFinished?: boolean;
  /** While waits in progress are looked at, the next thing happens. */
  readonly isInterrupted?: boolean;
  /** The iterator visits some threads at a time, and other things happen before it goes on. */
  readonly isInSteps?: boolean;
  /** Cells of each CPU. */
  readonly slots?: number;
}

/** Lines that set the programs' constants and the sizes of their maps. */
export function entriesOf(
  cpus: number,
  { constants = {}, limits = {}, slots = cells }: Pick<Limits, 'constants' | 'limits' | 'slots'>,
): readonly string[] {
  const all = {
    slots,
    task_sets: 64,
    throttle_sets: 64,
    histogram_shift: 1,
    quantum: 0,
    min_wait: 0,
    event_interval: 0,
    progress_row: cpus,
    progress_after: 1,
    recovers_switches: 0,
    ...constants,
  };
  const entries = {
    cells: slots * (cpus + 1),
    histograms: slots * Math.ceil(cpus / 2),
    cpus: cpus + 1,
    histories: cpus,
    tasks: 64,
    ...limits,
  };
  return [
    ...Object.entries(all).map(([name, value]) => `constant ${name} ${value}`),
    ...Object.entries(entries).map(([name, value]) => `limit ${name} ${value}`),
  ];
}

/** Plays lines that set everything themselves. */
export async function playLines(
  lines: readonly string[],
  cpus: number,
): Promise<{ readonly totals: Totals }> {
  const printed = await driver.play([...lines, ...printing]);
  return { totals: readTotals(printed, { slots: cells, cpus }) };
}

/** Plays a schedule to the programs and to the brute-force replay. */
export async function play(
  setup: Setup,
  commands: readonly Command[],
  { constants = {}, limits = {}, isFinished = false, slots = cells }: Limits = {},
): Promise<Played> {
  const machine = new Machine(setup, { slots }).play(commands);
  if (isFinished) machine.finish();
  const printed = await driver.play([
    ...lacks[setup.kernel].map((field) => `lacks ${field}`),
    ...entriesOf(setup.cpus, { constants, limits, slots }),
    ...machine.lines,
    ...printing,
  ]);
  const progress: ReadonlyMap<bigint, number>[] = [];
  let rest = printed;
  for (let end = rest.indexOf(iterated); end >= 0; end = rest.indexOf(iterated)) {
    progress.push(readWaits(rest.slice(0, end)));
    rest = rest.slice(end + 1);
  }
  return { totals: readTotals(rest, { slots, cpus: setup.cpus }), truth: machine.truth, progress, slots };
}

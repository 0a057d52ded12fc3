import type { Cause } from '../../../../src/telemetry/attributes/wait.ts';
import { type Blamed, type Doing, windowSeconds } from './windows.ts';

/** A workload of a machine in miniature; its threads get work whether or not they are done with what they had. */
export interface Load {
  /** In each `every` ms a thread gets `work` ms of CPU time to do. */
  readonly threads: readonly { readonly every: number; readonly work: number }[];
  /** CPUs. */
  readonly limit?: number;
  readonly weight?: number;
  /** Threads that may want a CPU at a time: those with the most work. */
  readonly atOnce?: number;
  /** Cause of the waits of others behind it; absent: neighbor. */
  readonly cause?: Cause;
}

/** What a workload did in a window, and the periods in which its limit ran out. */
export interface Done extends Doing {
  readonly throttledPeriods: number;
}

const period = 100;
/** ms. */
const length = windowSeconds * 1000;

interface Thread {
  readonly every: number;
  readonly work: number;
  backlog: number;
  ran: number;
}

interface Group {
  readonly name: string;
  readonly load: Load;
  readonly threads: readonly Thread[];
  virtual: number;
  used: number;
  isThrottled: boolean;
  throttledPeriods: number;
  run: number;
  readonly waits: Map<Cause, number>;
  readonly blame: Map<Group, number>;
}

/** One window of a machine that decides each ms, by weights, which threads run; of each wait it counts behind whom it was. */
export function miniature(
  loads: Readonly<Record<string, Load>>,
  cpus: number,
): Readonly<Record<string, Done>> {
  const groups = Object.entries(loads).map(
    ([name, load]): Group => ({
      ...{ name, load, virtual: 0, used: 0, isThrottled: false, throttledPeriods: 0, run: 0 },
      threads: load.threads.map((of) => ({ ...of, backlog: 0, ran: 0 })),
      ...{ waits: new Map(), blame: new Map() },
    }),
  );
  for (let now = 0; now < length; now++) {
    for (const group of groups) begin(group, now);
    step(groups, cpus);
  }
  return Object.fromEntries(groups.map((group) => [group.name, doneBy(group)]));
}

function begin(group: Group, now: number): void {
  for (const thread of group.threads) if (now % thread.every === 0) thread.backlog += thread.work;
  if (now % period === 0) {
    group.used = 0;
    group.isThrottled = false;
  }
}

function step(groups: readonly Group[], cpus: number): void {
  const ready = groups.filter((group) => !group.isThrottled && runnable(group).length > 0);
  const least = Math.min(...ready.map(({ virtual }) => virtual));
  const running: { readonly group: Group; readonly thread: Thread }[] = [];
  for (const group of ready) group.virtual = Math.max(group.virtual, least - 10); // what slept for long gets no more
  while (running.length < cpus) {
    const next = ready
      .flatMap((group) => runnable(group).map((thread) => ({ group, thread })))
      .filter(({ thread }) => !running.some((one) => one.thread === thread))
      .sort((a, b) => a.group.virtual - b.group.virtual || a.thread.ran - b.thread.ran)[0];
    if (!next) break;
    running.push(next);
    next.group.virtual += 1 / (next.group.load.weight ?? 1);
  }
  for (const group of groups)
    for (const thread of runnable(group))
      if (!running.some((one) => one.thread === thread)) wait(group, running);
  for (const { group, thread } of running) run(group, thread);
}

function runnable({ threads, load: { atOnce } }: Group): readonly Thread[] {
  const all = threads.filter(({ backlog }) => backlog > 0);
  return atOnce === undefined ? all : all.sort((x, y) => y.backlog - x.backlog).slice(0, atOnce);
}

function wait(group: Group, running: readonly { readonly group: Group }[]): void {
  const add = (cause: Cause, ms: number) => group.waits.set(cause, (group.waits.get(cause) ?? 0) + ms);
  if (group.isThrottled) add('throttled', 1);
  else
    for (const { group: other } of running) {
      add(other === group ? 'self' : causeOf(other), 1 / running.length);
      if (other !== group) group.blame.set(other, (group.blame.get(other) ?? 0) + 1 / running.length);
    }
}

const causeOf = ({ load }: Group) => load.cause ?? 'neighbor';

function run(group: Group, thread: Thread): void {
  thread.backlog -= 1;
  thread.ran++;
  group.run++;
  group.used++;
  if (group.isThrottled || group.used < (group.load.limit ?? Number.POSITIVE_INFINITY) * period) return;
  group.isThrottled = true;
  group.throttledPeriods++;
}

const seconds = (ms: number) => ms / 1000;

function doneBy({ name, run, waits, blame, throttledPeriods }: Group): Done {
  const throttled = waits.get('throttled') ?? 0;
  const rows: Blamed[] = [...blame].map(([culprit, ms]) => {
    const time = seconds(ms);
    return { cause: causeOf(culprit), culprit: culprit.name, time, excess: time };
  });
  if (throttled > 0) rows.push({ cause: 'throttled', culprit: name, time: seconds(throttled) });
  return {
    ...{ run: seconds(run), throttledPeriods, blame: rows, length: 0.05, count: 1000 },
    waits: Object.fromEntries([...waits].map(([cause, ms]) => [cause, seconds(ms)])),
    preemptions: Object.fromEntries([...waits.keys()].map((cause) => [cause, 100])),
  };
}

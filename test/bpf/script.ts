import type { Kernel } from './expected.ts';
import { entriesOf, lacks, playLines } from './play.ts';
import { threadKinds } from './state.ts';
import type { Totals } from './totals.ts';

/** Groups of a script: two with a quota, and one that has none. Their index is that of the kernel model. */
export const groups = { victim: 1, neighbor: 2, limited: 3 } as const;
type GroupName = keyof typeof groups;

const serials: Readonly<Record<GroupName, bigint>> = { victim: 11n, neighbor: 12n, limited: 13n };
const start = 1e12;

export interface ScriptOptions {
  readonly cpus?: number;
  readonly constants?: Readonly<Record<string, number>>;
  readonly limits?: Readonly<Record<string, number>>;
}

/** A schedule written by hand, where the answer can be computed in the head. Times are milliseconds. */
export class Script {
  readonly #lines: string[] = [];
  readonly #kernel: Kernel;
  readonly #options: ScriptOptions;
  #now = start;
  #threads = 0;

  constructor(kernel: Kernel, options: ScriptOptions = {}) {
    this.#kernel = kernel;
    this.#options = options;
    const { victim, neighbor, limited } = serials;
    this.#lines.push(
      `group 0 2 ${victim} 1002 1`,
      `group 0 3 ${neighbor} 1003 0`,
      `group 0 4 ${limited} 1004 1`,
    );
    this.after(0);
  }

  /** Returns the thread's index; `pid` defaults to 1000 and that. */
  thread(group: GroupName, { pid = 1000 + this.#threads, isRealTime = false } = {}): number {
    this.#lines.push(
      `thread ${this.#threads} ${pid} ${groups[group]} ${threadKinds[isRealTime ? 'realTime' : 'fair']}`,
    );
    return this.#threads++;
  }

  after(ms: number): this {
    this.#now += ms * 1e6;
    for (let cpu = 0; cpu < (this.#options.cpus ?? 1); cpu++) this.#lines.push(`clock ${cpu} ${this.#now} 0`);
    return this;
  }

  wake(...threads: readonly number[]): this {
    for (const thread of threads) this.#lines.push(`wake ${thread} 0`);
    return this;
  }

  /** `next` undefined: idle. */
  switch(next: number | undefined, fate: 'preempted' | 'sleeps' | 'throttled' = 'preempted'): this {
    const fates = { preempted: 0, sleeps: 1, throttled: 3 } as const;
    return this.do(`switch 0 ${next ?? -1} ${fates[fate]} 1`);
  }

  throttle = (group: GroupName): this => this.do(`throttle ${groups[group]} 0`);
  unthrottle = (group: GroupName): this => this.do(`unthrottle ${groups[group]} 0`);
  /** The thread that leaves the CPU next uses up the quota. */
  runOut = (group: GroupName): this => this.do(`run_out ${groups[group]}`);
  iterate = (): this => this.do('iterate 0 0 0');

  do(line: string): this {
    this.#lines.push(line);
    return this;
  }

  async play(): Promise<ScriptTotals> {
    const { cpus = 1, constants = {}, limits = {} } = this.#options;
    const all = { quantum: 0, min_wait: 0, event_interval: 0, ...constants };
    const lines = [
      ...lacks[this.#kernel].map((field) => `lacks ${field}`),
      ...entriesOf(cpus, { constants: all, limits }),
    ];
    const { totals } = await playLines([...lines, ...this.#lines], cpus);
    return new ScriptTotals(totals);
  }
}

/** What the programs made of a script, in milliseconds. */
export class ScriptTotals {
  readonly totals: Totals;

  constructor(totals: Totals) {
    this.totals = totals;
  }

  /** The classes of a thread's last wait that are not 0. */
  lastWait(pid: number): Readonly<Record<string, number>> {
    const wait = this.totals.waits.findLast((each) => each.pid === pid);
    const { irq, steal, ...rest } = wait?.classes ?? { irq: 0, steal: 0 };
    return nonZero({ ...rest, stolen: (irq ?? 0) + (steal ?? 0) });
  }

  classes(group: GroupName): Readonly<Record<string, number>> {
    return nonZero(this.totals.cells.get(serials[group])?.classes ?? {});
  }

  wait(group: GroupName): number {
    return (this.totals.cells.get(serials[group])?.wait ?? 0) / 1e6;
  }

  inProgress(): number {
    let sum = 0;
    for (const { inProgress } of this.totals.cells.values()) sum += inProgress;
    return sum / 1e6;
  }

  /** Time of the victim that is booked on the neighbor. */
  blamed(victim: GroupName, culprit: GroupName): number {
    return (this.totals.pairs.get(`${serials[victim]}<${serials[culprit]}`)?.other ?? 0) / 1e6;
  }

  losses(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.totals.drops).filter(([, count]) => count > 0));
  }
}

const nonZero = (classes: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(classes)
      .filter(([, ns]) => ns !== 0)
      .map(([name, ns]) => [name, ns / 1e6]),
  );

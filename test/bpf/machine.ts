import { pseudoSerials } from '../../src/receivers/scheduler/abi.ts';
import type { Kernel } from './expected.ts';
import { Truth } from './truth.ts';

/** What a schedule starts with. Numbers choose among what there is, so that any number is valid. */
export interface Setup {
  readonly kernel: Kernel;
  readonly cpus: number;
  /** The parent of each group below the root: an earlier one. */
  readonly parents: readonly number[];
  /** Which of them have a quota; a group that is not mentioned has. */
  readonly quotas?: readonly boolean[];
  /** The group of each thread; 0: a kernel thread. */
  readonly threads: readonly number[];
  /** The first thread gets a CPU only where no other waits. */
  readonly isFirstStarved?: boolean;
  /** While waits in progress are looked at, the next thing happens. */
  readonly isMet?: boolean;
}

export const kinds = [
  'wake',
  'switch',
  'migrate',
  'throttle',
  'unthrottle',
  'move',
  'replace',
  'drop',
  'iterate',
  'untold',
] as const;
export const fates = ['preempted', 'sleeps', 'left_queued', 'throttled', 'dies'] as const;

/** One thing that happens; what is impossible at that point does not. */
export interface Command {
  readonly kind: (typeof kinds)[number];
  /** Nanoseconds since the command before. */
  readonly after: number;
  /** How much of them the hypervisor took from each CPU, in 256ths. */
  readonly stolen: number;
  readonly fate: (typeof fates)[number];
  /** Which CPU, thread or group. */
  readonly which: number;
  readonly where: number;
}

export interface Group {
  readonly index: number;
  readonly serial: bigint;
  /** Where its waits are booked. */
  readonly cell: bigint;
  readonly slot: number;
  readonly parent: Group | undefined;
  readonly hasQuota: boolean;
}

export interface Thread {
  readonly index: number;
  readonly pid: number;
  readonly isKernel: boolean;
  group: Group;
  cpu: number;
  state: 'asleep' | 'left_queued' | 'waiting' | 'running';
  /** 6.18: on no queue until its group is unthrottled. */
  isThrottled: boolean;
}

export interface Cpu {
  readonly index: number;
  clock: number;
  stolen: number;
  /** When its run queue was last told the time. */
  told: { readonly clock: number; readonly stolen: number };
  running: Thread | undefined;
}

/** Ends what is printed of the cells after an iteration. */
export const iterated = 'iterated';

const start = 1e12;

const pick = <T>(from: readonly T[], number: number): T | undefined => from[number % from.length];

/** Plays commands as a kernel would let them happen; writes the driver's lines and tells the truth what was. */
export class Machine {
  readonly lines: string[] = [];
  readonly cpus: readonly Cpu[];
  readonly groups: Group[] = [];
  readonly threads: readonly Thread[];
  readonly truth: Truth;
  readonly #kernel: Kernel;
  readonly #slots: number;
  readonly #starved: Thread | undefined;
  readonly #isMet: boolean;
  #meeting: { readonly line: number; readonly accesses: number } | undefined;

  constructor(setup: Setup, { slots = 32 } = {}) {
    this.#kernel = setup.kernel;
    this.#slots = slots;
    this.#isMet = setup.isMet ?? false;
    this.cpus = Array.from({ length: setup.cpus }, (_, index) => ({
      index,
      clock: start,
      stolen: 0,
      told: { clock: start, stolen: 0 },
      running: undefined,
    }));
    this.groups.push({ index: 0, serial: 1n, cell: 1n, slot: 1, parent: undefined, hasQuota: false });
    this.truth = new Truth(setup.kernel, this.cpus, this.groups);
    for (const [i, parent] of setup.parents.entries())
      this.#addGroup(2 + i, pick(this.groups, parent), setup.quotas?.[i] ?? true);
    const root = this.groups[0] as Group;
    this.threads = setup.threads.map((group, index) => ({
      index,
      pid: 1000 + index,
      isKernel: group === 0,
      group: group === 0 ? root : (pick(this.groups, group) ?? root),
      cpu: 0,
      state: 'asleep',
      isThrottled: false,
    }));
    this.#starved = setup.isFirstStarved ? this.threads[0] : undefined;
    for (const thread of this.threads) this.#start(thread);
    for (const cpu of this.cpus) this.#setClock(cpu);
  }

  play(commands: readonly Command[]): this {
    for (const command of commands) {
      this._pass(command);
      const meeting = this.#meeting;
      this.#meeting = undefined;
      this[`_${command.kind}`](command);
      if (meeting) this.#meet(meeting);
    }
    return this;
  }

  /** What was done last happens while what waits is looked at. */
  #meet({ line, accesses }: { readonly line: number; readonly accesses: number }): void {
    const [iterate = '', ...rest] = this.lines.splice(line, 3);
    const met = this.lines.slice(line);
    if (this.#meeting) this.#meeting = undefined; // an iteration in an iteration
    const isNested = met.some((each) => each.startsWith('iterate') || each.startsWith('print'));
    const count = isNested ? 0 : met.length;
    this.lines.splice(line, 0, iterate.replace('0 0', `${accesses} ${count}`));
    this.lines.splice(line + 1 + count, 0, ...rest);
  }

  _wake({ which, where }: Command): void {
    const thread = pick(
      this.threads.filter(({ state }) => state === 'asleep' || state === 'left_queued'),
      which,
    );
    if (!thread) return;
    if (thread.state === 'asleep') thread.cpu = where % this.cpus.length;
    const cpu = this.#cpuOf(thread);
    this.#setClock(cpu);
    this.lines.push(`wake ${thread.index} ${cpu.index}`);
    const wasQueued = thread.state === 'left_queued';
    thread.state = 'waiting';
    this.truth.wake(thread, cpu, wasQueued);
  }

  _switch({ which, where, fate }: Command): void {
    const cpu = pick(this.cpus, which);
    if (cpu) this.#switch(cpu, where, fate);
  }

  _migrate({ which, where }: Command): void {
    const thread = pick(
      this.threads.filter(({ state }) => state === 'waiting' || state === 'left_queued'),
      which,
    );
    if (!thread || this.cpus.length === 1) return;
    const source = this.#cpuOf(thread);
    const target = this.cpus[(source.index + 1 + (where % (this.cpus.length - 1))) % this.cpus.length] as Cpu;
    // Only a change of affinity moves a throttled thread, and to where its group can run.
    if (thread.isThrottled && this.truth.isThrottled(thread.group, target)) return;
    this.#setClock(source);
    this.#setClock(target);
    this.lines.push(`migrate ${thread.index} ${target.index} ${target.index}`);
    this.truth.migrate(thread, { source, target });
    thread.isThrottled = false;
    thread.cpu = target.index;
  }

  _throttle({ which, where, fate }: Command): void {
    const cpu = pick(this.cpus, which);
    const group = cpu && this.#groupToThrottle(cpu, where);
    if (!cpu || !group?.hasQuota || this.truth.hasRunOut(group, cpu)) return;
    this.#setClock(cpu);
    this.lines.push(`throttle ${group.index} ${cpu.index}`);
    this.truth.throttle(group, cpu);
    // The scheduler is called at once, but for a thread that is still in the kernel.
    if (fate !== 'sleeps' && cpu.running)
      this.#switch(cpu, where, this.#kernel === 'tasks' ? 'throttled' : 'preempted');
  }

  _unthrottle({ which, where }: Command): void {
    const cpu = pick(this.cpus, which);
    const group =
      cpu &&
      pick(
        this.groups.filter((group) => this.truth.hasRunOut(group, cpu)),
        where,
      );
    if (cpu && group) this.#unthrottle(group, cpu);
  }

  #unthrottle(group: Group, cpu: Cpu): void {
    this.#setClock(cpu);
    this.lines.push(`unthrottle ${group.index} ${cpu.index}`);
    this.truth.unthrottle(group, cpu);
    for (const thread of this.threads)
      if (thread.cpu === cpu.index && !this.truth.isThrottled(thread.group, cpu)) thread.isThrottled = false;
  }

  _move({ which, where }: Command): void {
    const thread = pick(this.threads, which);
    const group = pick(this.groups, where);
    if (!thread || !group || thread.isKernel || !this.#isAlive(group)) return;
    this.#setClock(this.#cpuOf(thread));
    this.lines.push(`move ${thread.index} ${group.index}`);
    this.truth.move(thread, group, this.#cpuOf(thread));
    thread.group = group;
    if (!this.truth.isThrottled(group, this.#cpuOf(thread))) thread.isThrottled = false;
  }

  /** A group without threads or children ends, and another one gets its css id. */
  _replace({ which }: Command): void {
    const group = pick(
      this.groups.filter((group) => group.index > 0 && this.#isAlive(group) && this.#isEmpty(group)),
      which,
    );
    if (!group || this.groups.length >= 60) return;
    this.#addGroup(group.slot, group.parent, group.hasQuota);
  }

  _drop({ which }: Command): void {
    const thread = pick(
      this.threads.filter(({ state }) => state === 'left_queued'),
      which,
    );
    if (!thread) return;
    this.lines.push(`drop ${thread.index}`);
    this.truth.leave(thread);
    thread.state = 'asleep';
  }

  /**
   * Somebody reads what has waited so far; some CPUs have been told the time just before. Meanwhile, after some
   * accesses to memory, comes what follows.
   */
  _iterate({ which, where }: Command): void {
    for (const cpu of this.cpus) if (where % 4 === 0 || (where >> cpu.index) % 2) this.#setClock(cpu);
    this.lines.push(
      `iterate ${which % this.cpus.length} 0 0`,
      'print cells',
      'print events',
      `say ${iterated}`,
    );
    this.truth.iterate(this.threads, this.cpus);
    if (this.#isMet) this.#meeting = { line: this.lines.length - 3, accesses: 1 + (where % 400) };
  }

  /** A switch the programs are not told of; the next one on that CPU they are. */
  _untold({ which, where, fate }: Command): void {
    const cpu = pick(this.cpus, which);
    if (!cpu || this.truth.isUntold(cpu) || !this.truth.lastSwitch(cpu)) return;
    if (cpu.clock === this.truth.lastSwitch(cpu)) return;
    this.#switch(cpu, where, fate === 'dies' ? 'sleeps' : fate, false);
  }

  /** All waits end. */
  finish(): this {
    const end: Command = { kind: 'wake', after: 1000, stolen: 0, fate: 'sleeps', which: 0, where: 0 };
    for (const cpu of this.cpus) {
      this._pass(end);
      for (const group of this.groups) if (this.truth.hasRunOut(group, cpu)) this.#unthrottle(group, cpu);
      while (cpu.running || this.threads.some((each) => each.state === 'waiting' && each.cpu === cpu.index)) {
        this._pass(end);
        this.#switch(cpu, 0, 'sleeps');
      }
    }
    return this;
  }

  _pass({ after, stolen }: Command): void {
    for (const cpu of this.cpus) {
      cpu.clock += after;
      cpu.stolen += Math.floor((after / 256) * stolen);
    }
  }

  #switch(cpu: Cpu, where: number, wanted: Command['fate'], isTraced = true): void {
    const prev = cpu.running;
    const ready = this.threads.filter(
      (thread) => thread.state === 'waiting' && thread.cpu === cpu.index && this.#canRun(thread),
    );
    const preferred = ready.filter((thread) => thread !== this.#starved);
    const next = pick(preferred.length > 0 ? preferred : ready, where);
    if (prev === next) return;
    // What nobody is told of can be made up for if it is a thread that is known.
    if (!isTraced && (!next || next.isKernel || !this.truth.isKnown(next))) return;
    const fate = this.#fateOf(prev, wanted);
    this.#setClock(cpu);
    this.lines.push(`switch ${cpu.index} ${next?.index ?? -1} ${fates.indexOf(fate)} ${Number(isTraced)}`);
    this.truth.switch(cpu, { prev, next, fate, isTraced });
    cpu.running = next;
    if (next) next.state = 'running';
    if (!prev) return;
    prev.state = fate === 'sleeps' || fate === 'dies' ? 'asleep' : fate === 'left_queued' ? fate : 'waiting';
    prev.isThrottled = fate === 'throttled';
    if (fate === 'dies') this.#start(prev);
  }

  /** What can become of a thread here and now, the nearest to what is wanted. */
  #fateOf(prev: Thread | undefined, wanted: Command['fate']): Command['fate'] {
    if (!prev) return 'preempted';
    const isThrottled = this.truth.isThrottled(prev.group, this.#cpuOf(prev)) && !prev.isKernel;
    if (wanted === 'throttled') return this.#kernel === 'tasks' && isThrottled ? 'throttled' : 'preempted';
    if (wanted === 'left_queued' && (this.#kernel !== 'tasks' || isThrottled)) return 'sleeps';
    return wanted;
  }

  #canRun(thread: Thread): boolean {
    if (this.#kernel === 'tasks') return !thread.isThrottled;
    return thread.isKernel || !this.truth.isThrottled(thread.group, this.#cpuOf(thread));
  }

  /** Usually one the running thread belongs to: the quota of others runs out where they run. */
  #groupToThrottle(cpu: Cpu, number: number): Group | undefined {
    const lineage: Group[] = [];
    for (let group = cpu.running?.group; group?.parent; group = group.parent)
      if (group.hasQuota) lineage.push(group);
    return number % 8 === 7 ? pick(this.groups, number >> 3) : pick(lineage, number);
  }

  #isAlive(group: Group): boolean {
    return !this.groups.some(({ slot, index }) => slot === group.slot && index > group.index);
  }

  #isEmpty(group: Group): boolean {
    const isThrottled = this.cpus.some((cpu) => this.truth.isThrottled(group, cpu));
    return (
      !isThrottled &&
      !this.threads.some((thread) => thread.group === group) &&
      !this.groups.some(({ parent }) => parent === group)
    );
  }

  #addGroup(slot: number, parent: Group | undefined, hasQuota: boolean): void {
    const index = this.groups.length;
    const serial = BigInt(10 + index);
    this.groups.push({
      index,
      serial,
      cell: slot >= this.#slots - 1 ? pseudoSerials.overflow : serial,
      slot,
      parent,
      hasQuota,
    });
    this.lines.push(`group ${parent?.index ?? 0} ${slot} ${serial} ${1000 + index} ${Number(hasQuota)}`);
  }

  #start(thread: Thread): void {
    this.lines.push(`thread ${thread.index} ${thread.pid} ${thread.group.index} ${Number(thread.isKernel)}`);
  }

  #cpuOf(thread: Thread): Cpu {
    return this.cpus[thread.cpu] as Cpu;
  }

  #setClock(cpu: Cpu): void {
    const { index, clock, stolen } = cpu;
    cpu.told = { clock, stolen };
    this.lines.push(`clock ${index} ${clock} ${stolen}`);
  }
}

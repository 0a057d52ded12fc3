import { pseudoSerials } from '../../src/receivers/scheduler/abi.ts';
import { type Command, fates, type Setup } from './command.ts';
import type { Kernel } from './expected.ts';
import { type Cpu, type Group, type Thread, threadKinds } from './state.ts';
import { lineage } from './throttled-time.ts';
import { Truth } from './truth.ts';

/** Ends what is printed of the cells after an iteration. */
export const iterated = 'iterated';

const start = 1e12;

const pick = <T>(from: readonly T[], number: number): T | undefined => from[number % from.length];

/** Plays commands as a kernel would let them happen; writes the driver's lines and records the truth. */
export class Machine {
  readonly lines: string[] = [];
  readonly cpus: readonly Cpu[];
  readonly groups: Group[] = [];
  readonly threads: readonly Thread[];
  readonly truth: Truth;
  readonly #kernel: Kernel;
  readonly #slots: number;
  readonly #starved: Thread | undefined;
  readonly #throttlesRunning: boolean;
  readonly #isInterrupted: boolean;
  readonly #isInSteps: boolean;
  #nextVisited = 0;
  #midst: { readonly line: number; readonly accesses: number } | undefined;

  constructor(setup: Setup, { slots = 32 } = {}) {
    this.#kernel = setup.kernel;
    this.#slots = slots;
    this.#throttlesRunning = setup.throttlesRunning ?? false;
    this.#isInterrupted = setup.isInterrupted ?? false;
    this.#isInSteps = setup.isInSteps ?? false;
    this.cpus = Array.from({ length: setup.cpus }, (_, index) => ({
      index,
      clock: start,
      stolen: 0,
      updated: { clock: start, stolen: 0 },
      running: undefined,
    }));
    this.groups.push({ index: 0, serial: 1n, cell: 1n, slot: 1, parent: undefined, hasQuota: false });
    this.truth = new Truth(setup, this.cpus, this.groups);
    for (const [i, parent] of setup.parents.entries())
      this.#addGroup(2 + i, pick(this.groups, parent), setup.quotas?.[i] ?? true);
    const root = this.groups[0] as Group;
    this.threads = setup.threads.map((group, index) => ({
      index,
      pid: 1000 + index,
      isKernel: group === 0,
      isRealTime: group !== 0 && (setup.realTime?.[index] ?? false),
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
      const midst = this.#midst;
      this.#midst = undefined;
      this[`_${command.kind}`](command);
      if (midst) this.#interrupt(midst);
    }
    return this;
  }

  /** What was done last happens while what waits is looked at. */
  #interrupt({ line, accesses }: { readonly line: number; readonly accesses: number }): void {
    const [iterate = '', ...rest] = this.lines.splice(line, 3);
    const commands = this.lines.slice(line);
    if (this.#midst) this.#midst = undefined; // an iteration in an iteration
    const isNested = commands.some((each) => each.startsWith('iterate') || each.startsWith('print'));
    const count = isNested ? 0 : commands.length;
    this.lines.splice(line, 0, iterate.replace('0 0', `${accesses} ${count}`));
    this.lines.splice(line + 1 + count, 0, ...rest);
  }

  _wake({ which, where }: Command): void {
    const thread = pick(
      this.threads.filter(({ state }) => state === 'asleep' || state === 'left_queued'),
      which,
    );
    if (!thread) return;
    const hasMoved = thread.state === 'asleep' && thread.cpu !== where % this.cpus.length;
    if (hasMoved) thread.cpu = where % this.cpus.length;
    const cpu = this.#cpuOf(thread);
    this.#setClock(cpu);
    this.lines.push(`wake ${thread.index} ${cpu.index}`);
    const wasQueued = thread.state === 'left_queued';
    thread.state = 'waiting';
    this.truth.wake(thread, cpu, { wasQueued, hasMoved });
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
    this.#setClock(source);
    this.#setClock(target);
    this.lines.push(`migrate ${thread.index} ${target.index} ${target.index}`);
    this.truth.migrate(thread, { source, target });
    if (!this.truth.isThrottled(thread.group, target)) this.#release(thread, target);
    thread.cpu = target.index;
  }

  _throttle({ which, where, fate }: Command): void {
    const cpu = pick(this.cpus, which);
    const group = cpu && this.#groupToThrottle(cpu, where);
    if (!cpu || !group?.hasQuota || this.truth.hasRunOut(group, cpu)) return;
    if (this.#throttlesRunning) {
      if (cpu.running && !cpu.running.isRealTime)
        this.#switch(cpu, where, fate === 'sleeps' ? fate : 'preempted', { runsOut: group });
      return;
    }
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
    if (!cpu || !group) return;
    // It takes the lock of the run queue, which the switch that throttled has held.
    if (this.#throttlesRunning) for (const each of this.cpus) each.clock++;
    this.#unthrottle(group, cpu);
  }

  #unthrottle(group: Group, cpu: Cpu): void {
    this.#setClock(cpu);
    this.lines.push(`unthrottle ${group.index} ${cpu.index}`);
    this.truth.unthrottle(group, cpu);
    for (const thread of this.threads)
      if (thread.cpu === cpu.index && !this.truth.isThrottled(thread.group, cpu)) this.#release(thread, cpu);
  }

  /** 6.18: a throttled thread is back in the queue. */
  #release(thread: Thread, cpu: Cpu): void {
    thread.isThrottled = false;
    this.truth.release(thread, cpu);
  }

  _move({ which, where }: Command): void {
    const thread = pick(this.threads, which);
    const group = pick(this.groups, where);
    if (!thread || !group || thread.isKernel || !this.#isAlive(group)) return;
    this.#setClock(this.#cpuOf(thread));
    this.lines.push(`move ${thread.index} ${group.index}`);
    this.truth.move(thread, group, this.#cpuOf(thread));
    thread.group = group;
    if (!this.truth.isThrottled(group, this.#cpuOf(thread))) this.#release(thread, this.#cpuOf(thread));
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
   * The iterator reads the waits in progress; the clocks of some CPUs are updated just before. Meanwhile, after some
   * accesses to memory, comes what follows.
   */
  _iterate({ which, where }: Command): void {
    for (const cpu of this.cpus) if (where % 4 === 0 || (where >> cpu.index) % 2) this.#setClock(cpu);
    const cpu = which % this.cpus.length;
    const visited = this.#isInSteps ? this.#nextThreads(1 + (where % 5)) : this.threads;
    const [first] = visited;
    const visit = `visit ${cpu} ${first?.index} ${(first?.index ?? 0) + visited.length}`;
    this.lines.push(
      ...(this.#isInSteps ? [visit] : [`iterate ${cpu} 0 0`]),
      ...['print cells', 'print events', `say ${iterated}`],
    );
    if (this.#isInSteps) this.truth.visit(visited, this.cpus);
    else this.truth.iterate(this.threads, this.cpus);
    if (this.#isInterrupted) this.#midst = { line: this.lines.length - 3, accesses: 1 + (where % 400) };
  }

  #nextThreads(most: number): readonly Thread[] {
    if (this.#nextVisited >= this.threads.length) this.#nextVisited = 0;
    const from = this.#nextVisited;
    this.#nextVisited += most;
    return this.threads.slice(from, from + most);
  }

  /** A switch whose tracepoint is not called; the next one on that CPU is. */
  _miss({ which, where, fate }: Command): void {
    const cpu = pick(this.cpus, which);
    if (!cpu || this.truth.hasMissed(cpu) || !this.truth.lastSwitch(cpu)) return;
    if (cpu.clock === this.truth.lastSwitch(cpu)) return;
    this.#switch(cpu, where, fate === 'dies' ? 'sleeps' : fate, { isTraced: false });
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

  /** `runsOut`: the group whose quota the thread that leaves the CPU uses up. */
  #switch(
    cpu: Cpu,
    where: number,
    wanted: Command['fate'],
    { isTraced = true, runsOut }: { readonly isTraced?: boolean; readonly runsOut?: Group } = {},
  ): void {
    const prev = cpu.running;
    const ready = this.threads.filter(
      (thread) =>
        thread.state === 'waiting' &&
        thread.cpu === cpu.index &&
        this.#canRun(thread) &&
        !(runsOut && !thread.isRealTime && lineage(thread.group).includes(runsOut)),
    );
    const preferred = ready.filter((thread) => thread !== this.#starved);
    const next = pick(preferred.length > 0 ? preferred : ready, where);
    if (prev === next) return;
    // A missed switch can be recovered if its thread is known.
    if (!isTraced && (!next || next.isKernel || !this.truth.isKnown(next))) return;
    const fate = this.#fateOf(prev, wanted);
    this.#setClock(cpu);
    if (runsOut) this.lines.push(`run_out ${runsOut.index}`);
    this.lines.push(`switch ${cpu.index} ${next?.index ?? -1} ${fates.indexOf(fate)} ${Number(isTraced)}`);
    this.truth.switch(cpu, { prev, next, fate, isTraced, runsOut });
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
    const isThrottled =
      this.truth.isThrottled(prev.group, this.#cpuOf(prev)) && !prev.isKernel && !prev.isRealTime;
    if (wanted === 'throttled') return this.#kernel === 'tasks' && isThrottled ? 'throttled' : 'preempted';
    if (wanted === 'left_queued' && (this.#kernel !== 'tasks' || isThrottled)) return 'sleeps';
    return wanted;
  }

  #canRun(thread: Thread): boolean {
    if (this.#kernel === 'tasks') return !thread.isThrottled;
    return thread.isKernel || thread.isRealTime || !this.truth.isThrottled(thread.group, this.#cpuOf(thread));
  }

  /**
   * Usually one the running thread belongs to: the quota of others runs out where they run. Before 6.18 it is
   * found used up only as a thread below it leaves the CPU, or as the first is queued.
   */
  #groupToThrottle(cpu: Cpu, number: number): Group | undefined {
    const isOther = number % 8 === 7 && !this.#throttlesRunning;
    if (isOther) {
      const groups =
        this.#kernel === 'tasks' ? this.groups : this.groups.filter((group) => !this.#hasQueued(group, cpu));
      return pick(groups, number >> 3);
    }
    if (this.#kernel !== 'tasks' && cpu.running?.isRealTime) return undefined;
    const limited = cpu.running ? lineage(cpu.running.group).filter(({ hasQuota }) => hasQuota) : [];
    return pick(limited, number);
  }

  #hasQueued(group: Group, cpu: Cpu): boolean {
    return this.threads.some(
      (thread) =>
        thread.cpu === cpu.index && thread.state !== 'asleep' && lineage(thread.group).includes(group),
    );
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
    const kind = thread.isKernel ? 'kernel' : thread.isRealTime ? 'realTime' : 'fair';
    this.lines.push(`thread ${thread.index} ${thread.pid} ${thread.group.index} ${threadKinds[kind]}`);
  }

  #cpuOf(thread: Thread): Cpu {
    return this.cpus[thread.cpu] as Cpu;
  }

  #setClock(cpu: Cpu): void {
    const { index, clock, stolen } = cpu;
    cpu.updated = { clock, stolen };
    this.lines.push(`clock ${index} ${clock} ${stolen}`);
  }
}

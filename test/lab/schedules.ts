import fc from 'fast-check';
import type { Written } from './traces.ts';

/** Waits of each cgroup by culprit, counted instant by instant while the schedule is made. */
export type Truth = Map<bigint, { wait: number; readonly by: Map<bigint, number> }>;

export interface Schedule {
  readonly happenings: readonly Written[];
  readonly truth: Truth;
}

const cpus = 2;
const tasks = [1, 2, 3, 4, 5, 6];
const cgroupOf = (pid: number) => (pid === 0 ? 0n : BigInt(100 + (pid % 3)));

/**
 * A scheduler in miniature: each step lets some time pass, then one thing happens. The kernel's stamps are kept as it keeps
 * them; waits by culprit are counted, for every span of time, from the task on the CPU and the tasks in its queue.
 */
export const schedule: fc.Arbitrary<Schedule> = fc
  .array(
    fc.record({
      passes: fc.integer({ min: 0, max: 50 }),
      what: fc.constantFrom('preempt', 'sleep', 'wake', 'move'),
      cpu: fc.integer({ min: 0, max: cpus - 1 }),
      task: fc.constantFrom(...tasks),
    }),
    { maxLength: 120 },
  )
  .map((steps) => {
    const machine = new Machine();
    for (const { passes, what, cpu, task } of steps) {
      machine.pass(passes);
      machine[what](cpu, task);
    }
    machine.end();
    return { happenings: machine.happenings, truth: machine.truth };
  });

class Machine {
  readonly happenings: Written[] = [];
  readonly truth: Truth = new Map();
  #now = 1000;
  readonly #running = Array.from({ length: cpus }, () => 0);
  readonly #queues: { pid: number; queued: number }[][] = Array.from({ length: cpus }, () => []);
  readonly #delay = new Map<number, number>();

  constructor() {
    for (let cpu = 0; cpu < cpus; cpu++) this.#switch(cpu, 0, []);
  }

  pass(ns: number): void {
    this.#now += ns;
    for (const [cpu, queue] of this.#queues.entries())
      for (const { pid } of queue) {
        const of = this.truth.get(cgroupOf(pid)) ?? { wait: 0, by: new Map<bigint, number>() };
        this.truth.set(cgroupOf(pid), of);
        const culprit = cgroupOf(this.#running[cpu] ?? 0);
        of.wait += ns;
        of.by.set(culprit, (of.by.get(culprit) ?? 0) + ns);
      }
  }

  preempt(cpu: number): void {
    const prev = this.#running[cpu] ?? 0;
    if (!this.#queues[cpu]?.length) return;
    this.#switch(cpu, this.#pick(cpu), prev ? ['prevRunnable'] : []);
    if (prev) this.#queues[cpu]?.push({ pid: prev, queued: this.#now });
  }

  sleep(cpu: number): void {
    if (this.#running[cpu]) this.#switch(cpu, this.#queues[cpu]?.length ? this.#pick(cpu) : 0, []);
  }

  wake(cpu: number, pid: number): void {
    const isNew = !this.#delay.has(pid);
    if (isNew) this.#delay.set(pid, 0);
    const isAsleep = !this.#running.includes(pid) && !this.#queues.flat().some((of) => of.pid === pid);
    const at = this.#running.indexOf(pid);
    if (isAsleep) this.#queues[cpu]?.push({ pid, queued: this.#now });
    this.#emit(isNew ? 'newWakeup' : 'wakeup', at >= 0 ? at : cpu, pid);
  }

  move(cpu: number): void {
    const moved = this.#queues[cpu]?.shift();
    if (!moved) return;
    const delay = (this.#delay.get(moved.pid) ?? 0) + this.#now - moved.queued;
    this.#delay.set(moved.pid, delay);
    this.#emit('move', cpu, moved.pid);
    this.#queues[(cpu + 1) % cpus]?.push({ pid: moved.pid, queued: this.#now });
  }

  /** Everybody runs once more, so that no wait is left open. */
  end(): void {
    for (let cpu = 0; cpu < cpus; cpu++) {
      this.preempt(cpu);
      while (this.#running[cpu]) this.sleep(cpu);
      this.#switch(cpu, 0, []);
    }
  }

  #next?: { pid: number; queued: number };

  #pick(cpu: number): number {
    const next = this.#queues[cpu]?.shift();
    if (next) this.#next = next;
    return next?.pid ?? 0;
  }

  #switch(cpu: number, pid: number, flags: NonNullable<Written['flags']>): void {
    const prevPid = this.#running[cpu] ?? 0;
    const queued = pid && this.#next ? this.#next.queued : undefined;
    const runDelay = this.#delay.get(pid) ?? 0;
    this.happenings.push({
      kind: 'switch',
      at: this.#now,
      cpu,
      pid,
      serial: cgroupOf(pid),
      prevPid,
      prevSerial: cgroupOf(prevPid),
      runDelay,
      flags,
      ...(queued === undefined ? {} : { queued }),
    });
    if (queued !== undefined) this.#delay.set(pid, runDelay + this.#now - queued);
    this.#running[cpu] = pid;
  }

  #emit(kind: 'move' | 'wakeup' | 'newWakeup', cpu: number, pid: number): void {
    const runDelay = this.#delay.get(pid) ?? 0;
    this.happenings.push({ kind, at: this.#now, cpu, pid, serial: cgroupOf(pid), runDelay });
  }
}

import type { Cpu, Thread } from './state.ts';
import { constant } from './timeline.ts';

const most = constant('SLEEPERS');
const switches = constant('SLEEPER_SWITCHES');

/** Threads with a wrong stamp that each CPU looks after, as the programs do: so many, for so many switches. */
export class Sleepers {
  readonly #of = new Map<Cpu, { thread: Thread; left: number }[]>();

  add(cpu: Cpu, thread: Thread): void {
    const slots = this.#of.get(cpu) ?? Array.from({ length: most }, () => ({ thread, left: 0 }));
    this.#of.set(cpu, slots);
    const left = Math.min(...slots.map((slot) => slot.left));
    const slot = slots.find((slot) => slot.left === left);
    if (slot) Object.assign(slot, { thread, left: switches });
  }

  /** At a switch of the CPU: those that it finds awake. */
  awake(cpu: Cpu): readonly Thread[] {
    const awake: Thread[] = [];
    for (const slot of this.#of.get(cpu) ?? []) {
      if (slot.left === 0) continue;
      const { state } = slot.thread;
      slot.left--;
      if (state === 'asleep') continue;
      const isHere = slot.thread.cpu === cpu.index;
      if (isHere && state === 'waiting') awake.push(slot.thread);
      if (!isHere || state !== 'left_queued') slot.left = 0;
    }
    return awake;
  }
}

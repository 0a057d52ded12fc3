import { required } from '../../bpf/layout.ts';
import type { SchedulerAbi } from './abi.ts';
import { type CellGains, noGains } from './cell.ts';
import type { CgroupSums } from './cgroup-sums.ts';
import type { WaitClass } from './source.ts';

/** What the cells of one cgroup gained, over the CPUs, until it is added to the cgroup's sums. */
export class SlotGains {
  /** A wait of it has ended. */
  hasWaited = false;
  readonly #all: CellGains;
  #irq = 0;
  readonly #names: readonly (WaitClass | 'stolen')[];
  readonly #stolen: number;
  readonly #other: number;
  #otherCpus = 0;

  constructor({ classes }: Pick<SchedulerAbi, 'classes'>) {
    this.#all = noGains({ classes });
    this.#names = Object.keys(classes).sort((a, b) => (classes[a] ?? 0) - (classes[b] ?? 0)) as WaitClass[];
    this.#stolen = required(classes, 'stolen');
    this.#other = required(classes, 'other');
  }

  /** `irqShare` of what was stolen went to interrupts. */
  add(gains: CellGains, irqShare: number): void {
    const all = this.#all;
    all.wait += gains.wait;
    all.inProgress += gains.inProgress;
    all.run += gains.run;
    all.preemptedBySelf += gains.preemptedBySelf;
    all.preemptedByKernel += gains.preemptedByKernel;
    for (let i = 0; i < all.classes.length; i++)
      all.classes[i] = (all.classes[i] ?? 0) + (gains.classes[i] ?? 0);
    this.#irq += Math.round((gains.classes[this.#stolen] ?? 0) * irqShare);
    if (gains.classes[this.#other]) this.#otherCpus++;
    if (gains.wait > 0 || gains.inProgress < 0) this.hasWaited = true;
  }

  /** Adds all to `sums`, and begins again. */
  moveTo(sums: CgroupSums): void {
    const all = this.#all;
    sums.wait += all.wait;
    sums.inProgress += all.inProgress;
    sums.run += all.run;
    sums.otherCpus += this.#otherCpus;
    sums.preemptedBySelf += all.preemptedBySelf;
    sums.preemptedByKernel += all.preemptedByKernel;
    for (const [i, name] of this.#names.entries()) {
      const time = all.classes[i] ?? 0;
      if (name !== 'stolen') sums.classes[name] += time;
      else {
        sums.classes.irq += this.#irq;
        sums.classes.steal += time - this.#irq;
      }
    }
    all.wait = all.inProgress = all.run = all.preemptedBySelf = all.preemptedByKernel = 0;
    all.classes.fill(0);
    this.#irq = this.#otherCpus = 0;
    this.hasWaited = false;
  }
}

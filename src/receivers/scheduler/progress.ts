import type { BpfObject } from '../../bpf/bpf.ts';
import type { Steps } from './steps.ts';

/** Visited in one step. */
const tasksAtOnce = 1024;

/** Charges the waits in progress up to now, some tasks a step; those of tasks that were not known yet in a second run. */
export class ProgressReader {
  readonly #object: Pick<BpfObject, 'iterateInSteps'>;
  /** By task: 1 if it is to be visited again. */
  readonly #visited = new Uint8Array(tasksAtOnce);

  constructor(object: Pick<BpfObject, 'iterateInSteps'>) {
    this.#object = object;
  }

  *charge(): Steps<void> {
    if (yield* this.#visitAll()) yield* this.#visitAll();
  }

  *#visitAll(): Steps<boolean> {
    let isUnfinished = false;
    for (const count of this.#object.iterateInSteps('on_progress', this.#visited)) {
      isUnfinished ||= this.#visited.subarray(0, count).includes(1);
      yield;
    }
    return isUnfinished;
  }
}

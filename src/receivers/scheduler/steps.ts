import { setImmediate } from 'node:timers/promises';

/** Work of at most some milliseconds between two yields. */
export type Steps<Result> = Generator<void, Result>;

/** One after the other, so many of them in a step. */
export function* performInSteps<Item>(
  items: Iterable<Item>,
  atOnce: number,
  perform: (item: Item) => void,
): Steps<void> {
  let done = 0;
  for (const item of items) {
    if (done > 0 && done % atOnce === 0) yield;
    perform(item);
    done++;
  }
}

/** Other work of the event loop goes on between the steps. */
export async function finishInSteps<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await setImmediate();
  }
}

/** Without a pause. */
export function finishNow<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

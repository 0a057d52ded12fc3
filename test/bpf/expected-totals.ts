import type { Expected, ExpectedPair } from './expected.ts';
import { noTime } from './waiting.ts';

/** What the programs must have added up: by cell, and by `victim<culprit`. An entry is there from its first use on. */
export class ExpectedTotals {
  readonly cells = new Map<bigint, Expected>();
  readonly pairs = new Map<string, ExpectedPair>();

  cell(cell: bigint): Expected {
    const found = this.cells.get(cell) ?? {
      wait: 0,
      run: 0,
      classes: noTime(),
      slack: 0,
      blur: 0,
      mayBeUnknown: false,
      preemptedBySelf: 0,
      preemptedByKernel: 0,
    };
    this.cells.set(cell, found);
    return found;
  }

  pair(victim: bigint, culprit: bigint): ExpectedPair {
    const key = `${victim}<${culprit}`;
    const found = this.pairs.get(key) ?? { other: 0, throttled: 0, preemptions: 0 };
    this.pairs.set(key, found);
    return found;
  }
}

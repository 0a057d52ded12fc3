import { wordsOf } from '../../../../src/bpf/u64.ts';
import { readAbi } from '../../../../src/receivers/scheduler/abi.ts';
import type { FakeObject } from '../../fake-bpf.ts';
import { writeBigint } from './plain-abi.ts';

const waitTime = 1000n;

/** The kernel side of a machine on which one cgroup has waited once more at each reading: the self-test passes. */
export function waitingScheduler(): FakeObject {
  return {
    maps(types) {
      const { cell, classes, histogram } = readAbi(types);
      let waits = 0;
      return {
        cells: {
          copyColumns(into) {
            waits++;
            const words = wordsOf(into.fill(0));
            const total = BigInt(waits) * waitTime;
            for (const [member, value] of [
              [cell.serial, 1n],
              [cell.cgroup, 7n],
              [cell.wait, total],
              [cell.class + (classes.self ?? 0) * 8, total],
            ] as const)
              writeBigint(words, cell.size + member, value);
            return into.length;
          },
        },
        histograms: {
          copyColumns(into) {
            wordsOf(into.fill(0))[(histogram.size + histogram.bucket) >> 2] = waits;
            return into.length;
          },
        },
      };
    },
  };
}

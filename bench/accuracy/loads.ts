import { availableParallelism } from 'node:os';
import { makeCgroup, program, runIn, spin, type TestCgroup } from '../../test/kernel/scheduler-fixture.ts';
import type { QuotaLevels } from './quota-levels.ts';

/** Cgroups made for it and nothing else; `run` resolves when all that runs in them has ended. */
export interface Contention {
  readonly what: string;
  readonly cgroups: Readonly<Record<string, TestCgroup>>;
  readonly levels?: QuotaLevels;
  run(): Promise<unknown>;
}

const cpus = availableParallelism();
const all = (runs: readonly Promise<unknown>[]) => Promise.all(runs);
const onEachCpu = <T>(of: (cpu: number) => T) => Array.from({ length: cpus }, (_, cpu) => of(cpu));

export const accuracyLoads = {
  pingpong(seconds: number): Contention {
    const hog = makeCgroup('hog');
    const pipe = makeCgroup('pipe');
    return {
      what: 'pipe ping-pong beside a thread that computes, on one CPU',
      cgroups: { hog, pipe },
      run: () =>
        all([
          runIn(hog, spin(seconds, 1), 0),
          runIn(pipe, [program('bench/pingpong'), String(seconds), '0']),
        ]),
    };
  },
  messages(seconds: number): Contention {
    const [a, b, c] = [makeCgroup('a'), makeCgroup('b'), makeCgroup('c')];
    const messages = [program('bench/messages'), String(seconds), '40'];
    return {
      what: 'message passing through sockets, 240 tasks in three cgroups',
      cgroups: { a, b, c },
      run: () => all([a, b, c].map((cgroup) => runIn(cgroup, messages))),
    };
  },
  quota(seconds: number): Contention {
    const limited = makeCgroup('limited', { quota: 10 * cpus });
    const free = makeCgroup('free');
    return {
      what: 'threads over their own quota beside others without one',
      cgroups: { limited, free },
      run: () => all([runIn(limited, spin(seconds, 3 * cpus)), runIn(free, spin(seconds, cpus))]),
    };
  },
  nested(seconds: number): Contention {
    const parent = makeCgroup('parent', { quota: 9 * cpus });
    const child = makeCgroup('child', { parent, quota: 6 * cpus });
    const sibling = makeCgroup('sibling', { parent });
    const neighbor = makeCgroup('neighbor');
    return {
      what: 'a quota in a quota, one thread a CPU, beside bursts of a sibling and a neighbor',
      cgroups: { parent, child, sibling, neighbor },
      levels: { child, parent },
      run: () =>
        all([
          ...onEachCpu((cpu) => runIn(child, spin(seconds, 1), cpu)),
          ...onEachCpu((cpu) => runIn(sibling, spin(seconds, 1, 500, 9500), cpu)),
          ...onEachCpu((cpu) => runIn(neighbor, spin(seconds, 1, 3000, 5000), cpu)),
        ]),
    };
  },
  bursty(seconds: number): Contention {
    const steady = makeCgroup('steady');
    const hog = makeCgroup('hog');
    const bursty = makeCgroup('bursty');
    return {
      what: 'bursts beside a hog of two threads and one steady thread, on one CPU',
      cgroups: { steady, hog, bursty },
      run: () =>
        all([
          runIn(steady, spin(seconds, 1), 0),
          runIn(hog, spin(seconds, 2), 0),
          runIn(bursty, spin(seconds, 1, 300, 700), 0),
        ]),
    };
  },
  overload(seconds: number): Contention {
    const [a, b] = [makeCgroup('a'), makeCgroup('b')];
    const crowd = makeCgroup('crowd');
    const stress = 'stress-ng --quiet --fork 2 --pipe 2 --switch 2 --timeout'.split(' ');
    return {
      what: 'fork loop, pipes and switching (stress-ng) beside threads that compute: waits of seconds',
      cgroups: { a, b, crowd },
      run: () =>
        all([...[a, b].map((of) => runIn(of, spin(seconds, 4))), runIn(crowd, [...stress, `${seconds}s`])]),
    };
  },
  crowd(seconds: number): Contention {
    const many = Array.from({ length: 20 }, (_, i) => makeCgroup(`many-${i}`));
    return {
      what: 'twenty cgroups take turns on one CPU, half of them in bursts',
      cgroups: Object.fromEntries(many.slice(0, 3).map((cgroup, i) => [`many-${i}`, cgroup])),
      run: () =>
        all(many.map((cgroup, i) => runIn(cgroup, spin(seconds, 1, ...(i % 2 ? [300, 700] : [])), 0))),
    };
  },
  spinners(seconds: number): Contention {
    const [a, b] = [makeCgroup('a'), makeCgroup('b')];
    return {
      what: '20 threads that compute in each of two equal cgroups',
      cgroups: { a, b },
      run: () => all([a, b].map((of) => runIn(of, spin(seconds, 20)))),
    };
  },
} as const satisfies Readonly<Record<string, (seconds: number) => Contention>>;

export type AccuracyLoadName = keyof typeof accuracyLoads;

import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  makeCgroup,
  program,
  runIn,
  spin,
  type TestCgroup,
  version,
} from '../../../test/kernel/scheduler-fixture.ts';

/** Cgroups made for it and nothing else; `run` resolves when all that runs in them has ended. */
export interface PerfLoad {
  readonly what: string;
  readonly cgroups: Readonly<Record<string, TestCgroup>>;
  /** Name of the one whose quota runs out, of by far the largest weight. */
  readonly limited?: string;
  /** Waits of microseconds, of which perf's stamps are off by a good part. */
  readonly isShownOnly?: boolean;
  run(): Promise<unknown>;
}

const cpus = availableParallelism();
const all = (runs: readonly Promise<unknown>[]) => Promise.all(runs);
const onEachCpu = <T>(of: (cpu: number) => T) => Array.from({ length: cpus }, (_, cpu) => of(cpu));
const nice = (by: number, command: readonly string[]) => ['nice', '-n', String(by), ...command];
/** Durations of short processes in seconds. */
const shortRuns = [0.1, 0.2, 0.4, 0.8];
/** A turn of the ping-pong that is judged: long beside the 0.3 µs by which perf's stamps differ from the scheduler's clock. */
const workMicros = 50;

function giveLargestWeight({ directory }: TestCgroup): void {
  const [file, weight] = version === 2 ? ['cpu.weight', '10000'] : ['cpu.shares', '262144'];
  writeFileSync(join(directory, file), weight);
}

export const perfLoads = {
  spinners(seconds: number): PerfLoad {
    const [a, b] = [makeCgroup('a'), makeCgroup('b')];
    return {
      what: 'three threads a CPU that compute in each of two equal cgroups',
      cgroups: { a, b },
      run: () => all([a, b].map((of) => runIn(of, spin(seconds, 3 * cpus)))),
    };
  },
  pingpong: (seconds: number) => pingPong(seconds, String(workMicros)),
  messages(seconds: number): PerfLoad {
    const [a, b, c] = [makeCgroup('a'), makeCgroup('b'), makeCgroup('c')];
    return {
      what: 'message passing through sockets, six senders and receivers in each of three cgroups',
      cgroups: { a, b, c },
      run: () => all([a, b, c].map((of) => runIn(of, [program('bench/messages'), String(seconds), '3']))),
    };
  },
  quota(seconds: number): PerfLoad {
    const limited = makeCgroup('limited', { quota: 30 * cpus });
    giveLargestWeight(limited);
    const neighbor = makeCgroup('neighbor');
    return {
      what: 'a thread of a large weight on each CPU over its quota beside bursts of another cgroup',
      cgroups: { limited, neighbor },
      limited: 'limited',
      run: () =>
        all([
          ...onEachCpu((cpu) => runIn(limited, spin(seconds, 1), cpu)),
          ...onEachCpu((cpu) => runIn(neighbor, spin(seconds, 1, 8000, 12_000), cpu)),
        ]),
    };
  },
  crowd(seconds: number): PerfLoad {
    const crowd = Array.from({ length: 16 }, (_, i) => makeCgroup(`crowd-${i}`));
    const row = async (of: TestCgroup, i: number) => {
      const each = shortRuns[i % shortRuns.length] ?? seconds;
      for (let left = seconds; left > 0; left -= each) await runIn(of, spin(each, 1), i % cpus);
    };
    return {
      what: 'sixteen cgroups of short processes, one after the other',
      cgroups: Object.fromEntries(crowd.map((of, i) => [`crowd-${i}`, of])),
      run: () => all(crowd.map(row)),
    };
  },
  nice(seconds: number): PerfLoad {
    const [mild, eager, pipe] = [makeCgroup('mild'), makeCgroup('eager'), makeCgroup('pipe')];
    const wakers = [program('bench/messages'), String(seconds), '2'];
    return {
      what: 'wakers and woken of several nice levels beside threads that compute, in three cgroups',
      cgroups: { mild, eager, pipe },
      run: () =>
        all([
          runIn(mild, nice(10, spin(seconds, cpus))),
          runIn(mild, spin(seconds, 2, 2000, 3000)),
          runIn(eager, nice(-5, spin(seconds, cpus, 4000, 4000))),
          runIn(pipe, nice(5, wakers)),
          runIn(pipe, wakers),
        ]),
    };
  },
  rapid: (seconds: number) => ({ ...pingPong(seconds), isShownOnly: true }),
} as const satisfies Readonly<Record<string, (seconds: number) => PerfLoad>>;

function pingPong(seconds: number, ...work: readonly string[]): PerfLoad {
  const [hog, pipe] = [makeCgroup('hog'), makeCgroup('pipe')];
  const command = [program('bench/pingpong'), String(seconds), '0', ...work];
  return {
    what: `a pipe ping-pong ${work.length ? 'with some work a turn' : 'of nothing but switches'} beside a thread that computes, on one CPU`,
    cgroups: { hog, pipe },
    run: () => all([runIn(hog, spin(seconds, 1), 0), runIn(pipe, command)]),
  };
}

export type PerfLoadName = keyof typeof perfLoads;

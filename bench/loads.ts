import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { makeCgroups } from './cgroups.ts';
import { startNode } from './kubernetes-node.ts';

/** Something that makes the scheduler work; its program prints one number, more is better. */
export interface Load {
  readonly what: string;
  /** What has to be there for all trials; resolves with what removes it. */
  readonly surround?: () => Promise<() => Promise<void>>;
  /** Program and arguments; `release` after it has ended. */
  start(seconds: number): { readonly command: readonly string[]; release(): void };
}

const program = (name: string) => fileURLToPath(new URL(`../build/bench/${name}`, import.meta.url));
const cpus = availableParallelism();
const nothingToRelease = () => undefined;
const mixedCgroups = 4;
/** In each cgroup: many threads that run seldom, as on a node full of pods. */
const threadsPerCpu = 25;

export const loads = {
  pingpong: {
    what: 'hot: two processes on one CPU that only switch',
    start: (seconds) => ({
      command: [program('pingpong'), String(seconds), String(cpus - 1)],
      release: nothingToRelease,
    }),
  },
  mixed: {
    what: 'cold: threads of four cgroups that compute over memory and sleep',
    start(seconds) {
      const cgroups = makeCgroups(mixedCgroups);
      return {
        command: [program('mixed'), String(seconds), String(cpus * threadsPerCpu), ...cgroups.directories],
        release: cgroups.remove,
      };
    },
  },
  messages: {
    what: 'message passing: more senders and receivers than CPUs',
    start: (seconds) => ({
      command: [program('messages'), String(seconds), String(cpus * 4)],
      release: nothingToRelease,
    }),
  },
  node: {
    what: 'cold: a real Kubernetes node, its daemons and nine containers',
    surround: startNode,
    start: (seconds) => ({
      command: ['sh', '-c', `sleep ${seconds}; echo 0`],
      release: nothingToRelease,
    }),
  },
} as const satisfies Readonly<Record<string, Load>>;

export type LoadName = keyof typeof loads;
export const isLoad = (name: string): name is LoadName => Object.hasOwn(loads, name);

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pairsFor, workloadsFor } from '../../src/receivers/scheduler/sizes.ts';
import { dimensionsFor, schedulerSpec } from '../../src/receivers/scheduler/spec.ts';
import { milliseconds } from '../../src/telemetry/units.ts';
import { type Lines, readLines } from './facts.ts';

export interface Node {
  readonly cpus: number;
  /** CPUs that share a last-level cache. */
  readonly cache: number;
  readonly cgroups: number;
  readonly threads: number;
}

export const nodes = {
  2: { cpus: 2, cache: 2, cgroups: 20, threads: 400 },
  64: { cpus: 64, cache: 16, cgroups: 500, threads: 12_000 },
  256: { cpus: 256, cache: 16, cgroups: 2000, threads: 50_000 },
} as const satisfies Readonly<Record<string, Node>>;

/** The agent's programs, with the sizes and constants it gives them. */
export function simulate(node: Node, switches: number): Lines {
  const { cpus, cache, cgroups, threads } = node;
  const maxWorkloads = workloadsFor({ cpus, cgroups });
  const size = dimensionsFor({ cpus, cacheCpus: cache, workloads: maxWorkloads });
  const options = {
    ...{ minWait: milliseconds(5), sample: 1000, eventRate: 5 },
    ...{ maxWorkloads, maxPairs: pairsFor(maxWorkloads), threads },
  };
  const { constants = {}, maxEntries = {} } = schedulerSpec(options, size, true);
  const words: string[] = [];
  for (const [name, value] of Object.entries(constants)) words.push(`${name}=${value}`);
  for (const [name, entries] of Object.entries(maxEntries)) words.push(`${name}:${entries}`);
  return run('node', { node, switches, words });
}

/** The technique of the runqlat tools on the same node. */
export function simulateRunqlat(node: Node, switches: number): Lines {
  return run('node-runqlat', { node, switches, words: [] });
}

interface Run {
  readonly node: Node;
  readonly switches: number;
  readonly words: readonly string[];
}

function run(name: string, { node: { cpus, cache, cgroups, threads }, switches, words }: Run): Lines {
  const program = fileURLToPath(new URL(`../../build/bench/${name}`, import.meta.url));
  const all = [...[cpus, cache, cgroups, threads, switches].map(String), ...words];
  return readLines(execFileSync(program, all, { encoding: 'utf8', maxBuffer: 1 << 24 }));
}

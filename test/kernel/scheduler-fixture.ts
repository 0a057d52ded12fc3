import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BpfHost } from '../../src/bpf/bpf.ts';
import { createBpfHost } from '../../src/bpf/host.ts';
import { loadNative } from '../../src/bpf/native.ts';
import { findCpuHierarchy, readMountinfo } from '../../src/cgroup/hierarchy.ts';
import { followLifecycle } from '../../src/cgroup/lifecycle.ts';
import { type CgroupRegistry, openRegistry, type RegistryOptions } from '../../src/cgroup/registry.ts';
import { scanCgroups } from '../../src/cgroup/scan.ts';
import { Serials } from '../../src/cgroup/serials.ts';
import {
  type LiveOptions,
  type LiveSource,
  openLiveScheduler,
} from '../../src/receivers/scheduler/live-scheduler.ts';
import { pairsFor } from '../../src/receivers/scheduler/sizes.ts';
import {
  type CgroupReading,
  type PairReading,
  type SchedulerReading,
  type SchedulerSource,
  type WaitClass,
  type WaitEvent,
  waitClasses,
} from '../../src/receivers/scheduler/source.ts';
import { finishNow } from '../../src/receivers/scheduler/steps.ts';
import {
  type CgroupId,
  cgroupId,
  milliseconds,
  seconds,
  type UnixNanoseconds,
} from '../../src/telemetry/units.ts';

export const native = loadNative();
export const bpf = createBpfHost({ load: () => native });

const hierarchy = findCpuHierarchy(readMountinfo());
if (!hierarchy) throw new Error('cannot test: no cgroup hierarchy with the cpu controller is mounted');
export const { mountPoint, version } = hierarchy;

export const program = (name: string) => fileURLToPath(new URL(`../../build/${name}`, import.meta.url));

export const openCgroups = (options: Partial<RegistryOptions> = {}): CgroupRegistry =>
  openRegistry({
    maxCgroups: 16_384,
    keepRemoved: seconds(600),
    scan: () => scanCgroups(hierarchy),
    monotonic: () => bpf.monotonic(),
    now: () => (BigInt(Date.now()) * 1_000_000n) as UnixNanoseconds,
    known: () => {},
    lose: () => {},
    ...options,
  });

/** Names and serial numbers of the cgroups, from now on and until `close`. */
export function followCgroups(options: Partial<RegistryOptions> = {}) {
  const registry = openCgroups(options);
  const serials = new Serials(16_384);
  const lost: Record<string, number> = {};
  const lifecycle = followLifecycle(bpf, {
    ...{ registry, serials },
    lose: (reason, by) => {
      lost[reason] = (lost[reason] ?? 0) + by;
    },
  });
  return { registry, serials: () => serials, lost, ...lifecycle };
}

export interface TestSource extends LiveSource {
  /** Without a pause. */
  read(): SchedulerReading;
}

/** The cgroups are followed as long as the scheduler is attached. */
export function openScheduler(
  { host = bpf, ...options }: Partial<LiveOptions> & { readonly host?: BpfHost } = {},
  cgroups = followCgroups(),
): TestSource {
  const defaults = {
    ...{ minWait: milliseconds(5), sample: 0, eventRate: 5, maxWorkloads: 512, maxPairs: pairsFor(512) },
  };
  try {
    const source = openLiveScheduler(host, { ...defaults, ...options }, cgroups);
    finishNow(source.reading()); // waits from before belong to no reading
    return {
      histogramScale: source.histogramScale,
      describe: () => source.describe(),
      drain: () => source.drain(),
      reading: () => source.reading(),
      read: () => finishNow(source.reading()),
      lastSwitches: () => source.lastSwitches(),
      measureCost: () => source.measureCost(),
      close() {
        source.close();
        cgroups.close();
      },
    };
  } catch (error) {
    cgroups.close();
    throw error;
  }
}

export interface TestCgroup {
  readonly id: CgroupId;
  readonly path: string;
  readonly directory: string;
  /** Files through which a process enters. */
  readonly procs: readonly string[];
  /** CPU time of its tasks so far, ns, as the kernel accounts it. */
  ran(): number;
  /** From cpu.stat of this cgroup, ns: throttled by its own quota. */
  throttled(): number;
  /** From cpu.stat.local, ns: by its own quota or one above. */
  throttledLocally(): number;
}

const made: string[] = [];

const cpuacct = join(mountPoint, '../cpuacct');

/** v1 may keep CPU time in a hierarchy of its own: there the same directories are made. */
function cpuTime(path: string): number {
  if (version === 2) {
    const text = readFileSync(join(mountPoint, path, 'cpu.stat'), 'utf8');
    return Number(/^usage_usec (\d+)$/m.exec(text)?.[1]) * 1000;
  }
  return Number(
    readFileSync(join(existsSync(cpuacct) ? cpuacct : mountPoint, path, 'cpuacct.usage'), 'utf8'),
  );
}

export interface CgroupOptions {
  /** ms of CPU a 100 ms. */
  readonly quota?: number;
  /** The least weight there is. */
  readonly weak?: boolean;
  /** Of cgroup version 2, where 100 is usual. */
  readonly weight?: number;
  readonly parent?: TestCgroup;
}

/** A child cgroup, removed by `removeCgroups`. */
export function makeCgroup(name: string, of: CgroupOptions = {}): TestCgroup {
  const path = `${of.parent?.path ?? ''}/${of.parent ? name : `earshot-test-${process.pid}-${name}`}`;
  const directory = join(mountPoint, path);
  if (version === 2) writeFileSync(join(mountPoint, of.parent?.path ?? '', 'cgroup.subtree_control'), '+cpu');
  mkdirSync(directory);
  made.push(directory);
  const accounting = version === 1 && existsSync(cpuacct) ? join(cpuacct, path) : undefined;
  if (accounting && !existsSync(accounting)) {
    mkdirSync(accounting);
    made.push(accounting);
  }
  if (of.quota !== undefined) limitCpu({ directory }, of.quota);
  if (of.weak) writeWeight(directory, { 1: 2, 2: 1 });
  else if (of.weight !== undefined) weigh({ directory }, of.weight);
  return {
    id: cgroupId(statSync(directory, { bigint: true }).ino),
    path,
    directory,
    procs: [directory, accounting].filter((of) => of !== undefined).map((of) => join(of, 'cgroup.procs')),
    ran: () => cpuTime(path),
    throttled: () => statistic(join(directory, 'cpu.stat')),
    throttledLocally: () => statistic(join(directory, 'cpu.stat.local')),
  };
}

/** ms of CPU a 100 ms. */
export function limitCpu({ directory }: Pick<TestCgroup, 'directory'>, quota: number): void {
  if (version === 2) writeFileSync(join(directory, 'cpu.max'), `${Math.round(quota * 1000)} 100000`);
  else {
    writeFileSync(join(directory, 'cpu.cfs_period_us'), '100000');
    writeFileSync(join(directory, 'cpu.cfs_quota_us'), String(Math.round(quota * 1000)));
  }
}

/** Of cgroup version 2, where 100 is usual. */
export const weigh = ({ directory }: Pick<TestCgroup, 'directory'>, weight: number): void =>
  writeWeight(directory, { 1: Math.round((weight * 1024) / 100), 2: Math.round(weight) });

const writeWeight = (directory: string, value: Readonly<Record<typeof version, number>>) =>
  writeFileSync(join(directory, version === 2 ? 'cpu.weight' : 'cpu.shares'), String(value[version]));

/** Whether a cgroup below the root has them: on v2 the root never does. */
export const hasLocalStatistics = probe((directory) => existsSync(join(directory, 'cpu.stat.local')));

function probe(look: (directory: string) => boolean): boolean {
  const first = made.length;
  const { directory } = makeCgroup('probe');
  try {
    return look(directory);
  } finally {
    for (const each of made.splice(first)) rmdirSync(each);
  }
}

function statistic(file: string): number {
  const text = readFileSync(file, 'utf8');
  const ns = /^throttled_time (\d+)$/m.exec(text)?.[1];
  return ns === undefined
    ? Number(/^throttled_usec (\d+)$/m.exec(text)?.[1] ?? Number.NaN) * 1000
    : Number(ns);
}

/** Innermost first. */
export async function removeCgroups(): Promise<void> {
  for (const directory of made.splice(0).reverse()) await removeCgroup(directory);
}

/** Before `removeCgroups`; its tasks have to end. */
export async function removeEarly({ directory }: TestCgroup): Promise<void> {
  await removeCgroup(directory);
  made.splice(made.indexOf(directory), 1);
}

/** Waits until it is free: it is busy for a moment after its last task has ended. */
export async function removeCgroup(directory: string | Buffer): Promise<void> {
  for (let attempt = 0; ; attempt++)
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === 50) throw error;
      await sleep(20);
    }
}

export interface Load {
  readonly pid: number;
  /** What it printed. */
  readonly ended: Promise<string>;
  signal(name: NodeJS.Signals): void;
}

/**
 * Starts a command inside a cgroup, on one CPU if it is given: before it enters, so that all the cgroup runs is there, and
 * again then: before 6.2 a task that enters a cgroup with the cpuset controller may use all its CPUs.
 */
export function startIn(cgroup: TestCgroup, command: readonly string[], cpu?: number): Load {
  const pin = cpu === undefined ? [] : ['taskset', '-c', String(cpu)];
  const script = `${cgroup.procs.map((file) => `echo $$ > ${file} && `).join('')}exec "$@"`;
  const [program = '', ...args] = [...pin, 'sh', '-c', script, 'sh', ...pin, ...command];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`cannot run ${command[0]}: exit ${code}`)),
    );
  });
  return { pid: child.pid ?? 0, ended, signal: (name) => void child.kill(name) };
}

/** Resolves when it has ended. */
export const runIn = (...of: Parameters<typeof startIn>): Promise<string> => startIn(...of).ended;

/** Ends a load that obeys SIGTERM, also a stopped one. */
export async function endLoad({ signal, ended }: Load): Promise<void> {
  signal('SIGCONT');
  signal('SIGTERM');
  await ended;
}

/** A test is ended before that, s. */
export const longestLoad = 180;

/** One thread spins on a CPU from before `others` begin until all of them have ended, however long that takes. */
export async function outlast(
  cgroup: TestCgroup,
  cpu: number,
  others: () => Promise<unknown>,
): Promise<void> {
  const load = startIn(cgroup, spin(longestLoad, 1), cpu);
  while (cgroup.ran() < 0.2e9) await sleep(20);
  await others();
  await endLoad(load);
}

export const spin = (seconds: number, threads: number, ...burst: readonly number[]) => [
  program('test/spin'),
  ...[seconds, threads, ...burst].map(String),
];

const noBlame = () => ({ other: 0, throttled: 0, last: 0, preemptions: 0 });

/** The source's readings of a time span, checked for contradictions. */
export class Account {
  readonly cgroups = new Map<
    CgroupReading['cgroup'],
    { wait: number; completed: number; run: number; waits: number; classes: Record<WaitClass, number> }
  >();
  readonly pairs = new Map<string, { other: number; throttled: number; last: number; preemptions: number }>();
  readonly drops: Record<string, number> = {};
  readonly waits: WaitEvent[] = [];

  add(source: SchedulerSource): void {
    this.waits.push(...source.drain());
    const reading = finishNow(source.reading());
    for (const cgroup of reading.cgroups) this.#addCgroup(cgroup);
    for (const pair of reading.pairs) this.#addPair(pair);
    for (const [reason, count] of Object.entries(reading.drops))
      this.drops[reason] = (this.drops[reason] ?? 0) + count;
  }

  of({ id }: TestCgroup) {
    const found = this.cgroups.get(id);
    if (!found)
      throw new Error(
        `nothing was reported of cgroup ${id}, but of ${[...this.cgroups.keys()]}; ${JSON.stringify(this.drops)}`,
      );
    return found;
  }

  pair(victim: TestCgroup, culprit: TestCgroup) {
    return this.pairs.get(`${victim.id} ${culprit.id}`) ?? noBlame();
  }

  /** Sum over all culprits of a victim. */
  blamed(victim: TestCgroup, kind: 'other' | 'throttled' | 'last' | 'preemptions'): number {
    let sum = 0;
    for (const [key, pair] of this.pairs) if (key.startsWith(`${victim.id} `)) sum += pair[kind];
    return sum;
  }

  #addCgroup(reading: CgroupReading): void {
    const parts = waitClasses.reduce((sum, name) => sum + reading.classes[name], 0);
    if (parts !== reading.wait)
      throw new Error(`classes of ${reading.cgroup} sum to ${parts}, not ${reading.wait}`);
    let of = this.cgroups.get(reading.cgroup);
    if (!of) {
      of = {
        wait: 0,
        completed: 0,
        run: 0,
        waits: 0,
        classes: Object.fromEntries(waitClasses.map((name) => [name, 0])) as never,
      };
      this.cgroups.set(reading.cgroup, of);
    }
    of.wait += reading.wait;
    of.completed += reading.completed;
    of.run += reading.run;
    of.waits += reading.zeroCount + [...reading.buckets.values()].reduce((a, b) => a + b, 0);
    for (const name of waitClasses) of.classes[name] += reading.classes[name];
  }

  #addPair(reading: PairReading): void {
    const key = `${reading.victim} ${reading.culprit}`;
    const pair = this.pairs.get(key) ?? noBlame();
    pair.other += reading.other;
    pair.throttled += reading.throttled;
    pair.last += reading.last;
    pair.preemptions += reading.preemptions;
    this.pairs.set(key, pair);
  }
}

/** Reads each 200 ms while `load` runs, as an agent does, and once more at its end. */
export async function account(source: SchedulerSource, load: () => Promise<unknown>): Promise<Account> {
  const total = new Account();
  source.drain();
  finishNow(source.reading()); // what was before does not count
  const timer = setInterval(() => total.add(source), 200);
  try {
    await load();
  } finally {
    clearInterval(timer);
  }
  await sleep(20);
  total.add(source);
  return total;
}

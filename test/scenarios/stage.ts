import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import { type Agent, startAgent } from '../e2e/agent.ts';
import {
  type CgroupOptions,
  endLoad,
  type Load,
  longestLoad,
  makeCgroup,
  removeCgroups,
  spin,
  startIn,
  type TestCgroup,
} from '../kernel/scheduler-fixture.ts';
import type { ReceivedMetrics } from '../lab/otlp-decode.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';
import type { Course } from './judge.ts';
import { Production, type Runs } from './production.ts';
import { findingsIn } from './reported.ts';
import type { Reported } from './scenario.ts';

interface Started {
  readonly load: Load;
  readonly cgroup: TestCgroup;
}

/** When the tasks of a cgroup got the CPU first, ns since 1970, as far as looking at it now and then tells. */
interface Onset {
  /** When they had not run yet. */
  readonly after: bigint;
  readonly hasRun: boolean;
}

/** What came of a scenario. */
export interface Recorded extends Course {
  /** Findings that name what else this machine does, which is no part of the scenario. */
  readonly ofMachine: number;
  /** Loads that failed. */
  readonly failures: readonly string[];
  /** What the machine left out of it, for which it proves nothing; none: it was produced. */
  readonly lacks: readonly string[];
  /** Received since the last load began; `seconds`: of so long. */
  readonly metrics: { readonly all: readonly ReceivedMetrics[]; readonly seconds: number };
}

interface StageOptions {
  readonly isBeside: boolean;
  readonly scheduler?: string;
}

/** An agent whose findings and metrics are collected, and the cgroups and loads of one scenario after the other. */
export class Stage {
  readonly #agent: Agent;
  readonly #receiver: OtlpReceiver;
  readonly #isBeside: boolean;
  #scenario = 0;
  /** Of the scenario, and of what makes it work on the other CPU. */
  #own: TestCgroup | undefined;
  #clients: TestCgroup | undefined;
  #production = new Production();
  #started: Started[] = [];
  readonly #onsets = new Map<TestCgroup, Onset>();
  /** Loads that are no part of it. */
  #others: Load[] = [];
  #failures: string[] = [];
  #folders: string[] = [];
  readonly #windowEnds: bigint[] = [];
  #requestsRead = 0;

  private constructor(agent: Agent, receiver: OtlpReceiver, isBeside: boolean) {
    this.#agent = agent;
    this.#receiver = receiver;
    this.#isBeside = isBeside;
  }

  /** `isBeside`: other load runs all the time; `scheduler`: what else the receiver is configured with. */
  static async open({ isBeside, scheduler = '' }: StageOptions): Promise<Stage> {
    const receiver = await startOtlpReceiver();
    const agent = startAgent(`receivers:
  scheduler: {interval: 1s, ${scheduler}}
  cgroup: {interval: 1s}
processors:
  workload: {sources: []}
  contention:
connectors:
  noisy_neighbor:
exporters:
  otlp_grpc: {temporality: delta, endpoint: "http://${receiver.endpoint}"}
service:
  pipelines:
    metrics: {receivers: [scheduler], processors: [workload, contention], exporters: [noisy_neighbor, otlp_grpc]}
    metrics/quotas: {receivers: [cgroup], exporters: [noisy_neighbor]}
    logs: {receivers: [noisy_neighbor], exporters: [otlp_grpc]}
`);
    await agent.logged('Everything is ready');
    return new Stage(agent, receiver, isBeside);
  }

  /** Begins a scenario, all of whose cgroups together have a weight. */
  async begin(weight: number): Promise<void> {
    this.#scenario++;
    this.#own = makeCgroup(String(this.#scenario), { weight });
    this.#clients = makeCgroup(`${this.#scenario}-clients`, { weight });
    this.#production = new Production();
    if (!this.#isBeside) return;
    // neither changes what a scenario's own loads may have: one is on another CPU, one has next to no weight
    const full = makeCgroup('full', { parent: this.#clients });
    const weak = makeCgroup(`${this.#scenario}-weak`, { weak: true });
    this.#keep(startIn(full, spin(longestLoad, 1), 1), undefined);
    this.#keep(startIn(weak, spin(longestLoad, 2), 0), undefined);
    await this.windows(1);
  }

  cgroup(name: string, of: CgroupOptions = {}): TestCgroup {
    const parent = of.parent ?? this.#own;
    return makeCgroup(name, { ...of, ...(parent && { parent }) });
  }

  /** Runs a command in a cgroup on the first CPU. */
  run(cgroup: TestCgroup, command: readonly string[], cpu = 0): Load {
    // it enters on any CPU: on the given one the scenario's weight would keep it waiting outside
    const load = startIn(cgroup, ['taskset', '-c', String(cpu), ...command]);
    this.#keep(load, cgroup);
    return load;
  }

  /** Threads that compute all the time. */
  hog = (cgroup: TestCgroup, threads = 1) => this.run(cgroup, spin(longestLoad, threads));

  /** A thread that computes and sleeps in turn, µs. */
  bursts = (cgroup: TestCgroup, run: number, pause: number, threads = 1) =>
    this.run(cgroup, spin(longestLoad, threads, run, pause));

  /** A command that is no part of the scenario, on the second CPU: it makes the others work. */
  client(command: readonly string[]): void {
    const parent = this.#clients;
    this.run(makeCgroup(`client-${this.#started.length}`, parent ? { parent } : {}), command, 1);
  }

  /** Without so much CPU time from now on, as a part of one CPU, the scenario is not produced. */
  requires = (of: Runs, least: number) => this.#production.require(of, least);

  /** Resolves when it takes such a part of a CPU, or does not within a time in which a load can begin. */
  async reaches(of: Runs, part: number): Promise<void> {
    for (let attempt = 0, before = of.ran(), ran = 0; attempt < 40 && ran < part * 0.25e9; attempt++) {
      await sleep(250);
      ran = of.ran() - before;
      before += ran;
    }
  }

  /** A folder that lasts as long as the scenario. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'earshot-scenario-'));
    this.#folders.push(folder);
    return folder;
  }

  #keep(load: Load, cgroup: TestCgroup | undefined): void {
    load.ended.catch((error: Error) => {
      if (this.#started.some((started) => started.load === load)) this.#failures.push(error.message);
    });
    if (!cgroup) return void this.#others.push(load);
    this.#started.push({ load, cgroup });
    if (!this.#onsets.has(cgroup)) this.#onsets.set(cgroup, { after: nowNanoseconds(), hasRun: false });
  }

  /** Resolves when all loads run, as the kernel says, and the agent has reported so many windows since. */
  async windows(count: number): Promise<void> {
    for (let attempt = 0; !this.#allRun() && attempt < longestStart * 50; attempt++) await sleep(20);
    const now = nowNanoseconds();
    await this.#until(() => this.#ends().filter((end) => end > now).length >= count);
  }

  #allRun(): boolean {
    const now = nowNanoseconds();
    let allRun = true;
    for (const [cgroup, { after, hasRun }] of this.#onsets) {
      if (hasRun) continue;
      const runs = cgroup.ran() > 0;
      this.#onsets.set(cgroup, { after: runs ? after : now, hasRun: runs });
      allRun &&= runs;
    }
    return allRun;
  }

  async #until(isReported: () => boolean): Promise<void> {
    let ends = this.#ends().length;
    for (let idle = 0; !isReported(); idle++) {
      if (idle === longestReport * 50) throw new Error(`nothing was reported for ${longestReport} s`);
      await sleep(20);
      if (this.#ends().length === ends) continue;
      ends = this.#ends().length;
      idle = 0;
    }
  }

  /** What the scenario has come to by now, once the agent has reported it. */
  async record(): Promise<Recorded> {
    const onset = this.#onset();
    const lacks = this.#production.lacks();
    const now = nowNanoseconds();
    await this.#until(() => this.#ends().some((end) => end >= now));
    const ends = [...this.#ends()];
    const own = findingsIn(this.#receiver.logs()).filter(({ victim }) => victim.startsWith(this.#path('')));
    const isOfMachine = ({ verdict, culprit }: Reported) =>
      verdict === 'host_steal' || (culprit !== undefined && !culprit.startsWith(testPath));
    const idle = [...this.#onsets].filter(([, { hasRun }]) => !hasRun);
    return {
      reported: own.filter((finding) => !isOfMachine(finding)),
      ofMachine: own.filter((finding) => finding.state === 'begin' && isOfMachine(finding)).length,
      windows: ends,
      onsetOf: () => onset,
      failures: this.#failures,
      lacks: [...lacks, ...idle.map(([{ path }]) => `nothing ran in ${path}`)],
      metrics: {
        all: this.#batches().filter((batch) => (endOf(batch) ?? 0n) > onset),
        seconds: ends.filter((end) => end > onset).length,
      },
    };
  }

  #batches = () => this.#receiver.metrics().flatMap(({ resources }) => resources);

  /** Of the windows that have been reported, ns since 1970, in order. */
  #ends(): readonly bigint[] {
    const requests = this.#receiver.metrics();
    for (const { resources } of requests.slice(this.#requestsRead))
      for (const end of resources.map(endOf))
        if (end !== undefined && end > (this.#windowEnds.at(-1) ?? 0n)) this.#windowEnds.push(end);
    this.#requestsRead = requests.length;
    return this.#windowEnds;
  }

  /** When the last of the scenario's cgroups got the CPU first. */
  #onset(): bigint {
    let latest = 0n;
    for (const [{ path }, { after }] of this.#onsets)
      if (path.startsWith(this.#path('')) && after > latest) latest = after;
    return latest;
  }

  #path = (name: string) => `${testPath}${this.#scenario}/${name}`;

  /** Ends the scenario: its loads, its cgroups. */
  async clear(): Promise<void> {
    const loads = [...this.#started.map(({ load }) => load), ...this.#others];
    this.#started = [];
    this.#others = [];
    this.#onsets.clear();
    this.#failures = [];
    await Promise.allSettled(loads.map(endLoad));
    await removeCgroups();
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true });
  }

  async close(): Promise<void> {
    await this.clear();
    await this.#agent.stop();
    await this.#receiver.close();
  }
}

const testPath = `/earshot-test-${process.pid}-`;

/** Seconds in which a busy machine lets an agent report a window. */
const longestReport = 20;

/** Seconds in which a busy machine lets a load begin. */
const longestStart = 10;

const nowNanoseconds = () => BigInt(Date.now()) * 1_000_000n;

function endOf({ metrics }: ReceivedMetrics): bigint | undefined {
  return metrics.find(({ name }) => name === waitMetrics.runTime.name)?.points[0]?.time;
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { findingAttributes, findingEventName } from '../../src/telemetry/attributes/finding.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
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
import type { Reported } from './scenario.ts';

interface Started {
  readonly load: Load;
  readonly cgroup: TestCgroup;
  /** ns since 1970. */
  readonly at: bigint;
}

/** What came of a scenario. */
export interface Recorded extends Course {
  /** Findings that name what else this machine does, which is no part of the scenario. */
  readonly ofMachine: number;
  /** Loads that failed or did nothing. */
  readonly failures: readonly string[];
  /** Received since the last load began; `seconds`: of so long. */
  readonly metrics: { readonly all: readonly ReceivedMetrics[]; readonly seconds: number };
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
  #started: Started[] = [];
  /** Loads that are no part of it. */
  #others: Load[] = [];
  #failures: string[] = [];
  #folders: string[] = [];

  private constructor(agent: Agent, receiver: OtlpReceiver, isBeside: boolean) {
    this.#agent = agent;
    this.#receiver = receiver;
    this.#isBeside = isBeside;
  }

  /** `isBeside`: other load runs all the time. */
  static async open(isBeside: boolean): Promise<Stage> {
    const receiver = await startOtlpReceiver();
    const agent = startAgent(`receivers:
  scheduler: {interval: 1s}
  cgroup: {interval: 1s}
processors:
  workload: {sources: []}
  contention:
connectors:
  noisy_neighbor:
exporters:
  otlp_grpc: {endpoint: "http://${receiver.endpoint}"}
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
    if (cgroup) this.#started.push({ load, cgroup, at: nowNanoseconds() });
    else this.#others.push(load);
  }

  /** Windows of the agent. */
  windows = (count: number) => sleep(count * 1000);

  /** What the scenario has come to by now, once the agent has reported it. */
  async record(): Promise<Recorded> {
    const onset = this.#onset();
    const now = nowNanoseconds();
    for (let attempt = 0; !this.#batches().some((batch) => (endOf(batch) ?? 0n) >= now); attempt++) {
      if (attempt === longestReport * 10) throw new Error(`nothing was reported for ${longestReport} s`);
      await sleep(100);
    }
    const batches = this.#batches();
    const ends = [...new Set(batches.map(endOf).filter((end) => end !== undefined))].sort();
    const since = batches.filter((batch) => (endOf(batch) ?? 0n) > onset);
    const own = this.#reported().filter(({ victim }) => victim.startsWith(this.#path('')));
    const isOfMachine = ({ verdict, culprit }: Reported) =>
      verdict === 'host_steal' || (culprit !== undefined && !culprit.startsWith(testPath));
    const idle = this.#started.filter(({ cgroup }) => cgroup.ran() === 0);
    return {
      reported: own.filter((finding) => !isOfMachine(finding)),
      ofMachine: own.filter((finding) => finding.state === 'begin' && isOfMachine(finding)).length,
      windows: ends,
      onsetOf: () => onset,
      failures: [...this.#failures, ...idle.map(({ cgroup }) => `nothing ran in ${cgroup.path}`)],
      metrics: { all: since, seconds: ends.filter((end) => end > onset).length },
    };
  }

  #batches = () => this.#receiver.metrics().flatMap(({ resources }) => resources);

  /** When the last of the scenario's cgroups got its first load. */
  #onset(): bigint {
    const first = new Map<string, bigint>();
    for (const { cgroup, at } of this.#started)
      if (cgroup.path.startsWith(this.#path('')) && !first.has(cgroup.path)) first.set(cgroup.path, at);
    return [...first.values()].reduce((latest, at) => (at > latest ? at : latest), 0n);
  }

  #path = (name: string) => `${testPath}${this.#scenario}/${name}`;

  #reported(): readonly Reported[] {
    return this.#receiver.logs().flatMap(({ resources }) =>
      resources.flatMap(({ resource, records }) =>
        records
          .filter(({ eventName }) => eventName === findingEventName)
          .map(({ time, attributes, body }) => ({
            time,
            state: String(attributes[findingAttributes.state.key]),
            victim: String(resource[resourceAttributes.cgroupPath.key]),
            culprit: attributes[culpritAttributes.cgroupPath.key]?.toString(),
            verdict: String(attributes[findingAttributes.verdict.key]),
            share: Number(attributes[findingAttributes.share.key]),
            others: othersOf(attributes[findingAttributes.otherVerdicts.key]),
            trend: attributes[findingAttributes.trend.key]?.toString(),
            body: String(body),
          })),
      ),
    );
  }

  /** Ends the scenario: its loads, its cgroups. */
  async clear(): Promise<void> {
    const loads = [...this.#started.map(({ load }) => load), ...this.#others];
    this.#started = [];
    this.#others = [];
    this.#failures = [];
    await Promise.allSettled(loads.map(endLoad));
    await removeCgroups();
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true });
    await this.windows(1);
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

const nowNanoseconds = () => BigInt(Date.now()) * 1_000_000n;

/** As `verdict part`. */
const othersOf = (texts: unknown) =>
  (Array.isArray(texts) ? texts : []).map((text) => {
    const [verdict = '', share] = String(text).split(' ');
    return { verdict, share: Number(share) };
  });

function endOf({ metrics }: ReceivedMetrics): bigint | undefined {
  return metrics.find(({ name }) => name === waitMetrics.runTime.name)?.points[0]?.time;
}

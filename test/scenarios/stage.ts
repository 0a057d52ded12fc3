import { setTimeout as sleep } from 'node:timers/promises';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { findingAttributes, findingEventName } from '../../src/telemetry/attributes/finding.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { type Agent, startAgent } from '../e2e/agent.ts';
import {
  endLoad,
  type Load,
  longestLoad,
  makeCgroup,
  removeCgroups,
  spin,
  startIn,
  type TestCgroup,
} from '../kernel/scheduler-fixture.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';

/** A finding as the agent exported it. */
export interface Reported {
  readonly state: string;
  /** Path of the victim's cgroup, and of the culprit's. */
  readonly victim: string;
  readonly culprit: string | undefined;
  readonly verdict: string;
  readonly body: string;
}

/** An agent whose findings are collected, and the cgroups and loads of one scenario after the other. */
export class Stage {
  readonly #agent: Agent;
  readonly #receiver: OtlpReceiver;
  #loads: Load[] = [];
  #taken = 0;

  private constructor(agent: Agent, receiver: OtlpReceiver) {
    this.#agent = agent;
    this.#receiver = receiver;
  }

  static async open(): Promise<Stage> {
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
    metrics: {receivers: [scheduler], processors: [workload, contention], exporters: [noisy_neighbor]}
    metrics/quotas: {receivers: [cgroup], exporters: [noisy_neighbor]}
    logs: {receivers: [noisy_neighbor], exporters: [otlp_grpc]}
`);
    await agent.logged('Everything is ready');
    return new Stage(agent, receiver);
  }

  /** Runs a command in a cgroup on the first CPU. */
  run(cgroup: TestCgroup, command: readonly string[]): Load {
    const load = startIn(cgroup, command, 0);
    load.ended.catch(() => {}); // a command that is ended by a signal has failed
    this.#loads.push(load);
    return load;
  }

  /** Threads that compute all the time. */
  hog = (cgroup: TestCgroup, threads = 1) => this.run(cgroup, spin(longestLoad, threads));

  /** A thread that computes and sleeps in turn, µs. */
  bursts = (cgroup: TestCgroup, run: number, pause: number, threads = 1) =>
    this.run(cgroup, spin(longestLoad, threads, run, pause));

  cgroup = makeCgroup;

  /** What was reported since the call before. */
  take(): readonly Reported[] {
    const all = this.#receiver.logs().flatMap(({ resources }) =>
      resources.flatMap(({ resource, records }) =>
        records
          .filter(({ eventName }) => eventName === findingEventName)
          .map(({ attributes, body }) => ({
            state: String(attributes[findingAttributes.state.key]),
            victim: String(resource[resourceAttributes.cgroupPath.key]),
            culprit: attributes[culpritAttributes.cgroupPath.key]?.toString(),
            verdict: String(attributes[findingAttributes.verdict.key]),
            body: String(body),
          })),
      ),
    );
    const news = all.slice(this.#taken);
    this.#taken = all.length;
    return news;
  }

  /** Windows of the agent. */
  windows = (count: number) => sleep(count * 1000);

  /** Ends the scenario: its loads, its cgroups, its findings. */
  async clear(): Promise<void> {
    const loads = this.#loads;
    this.#loads = [];
    await Promise.allSettled(loads.map(endLoad));
    await removeCgroups();
    await this.windows(4);
    this.take();
  }

  async close(): Promise<void> {
    await this.clear();
    await this.#agent.stop();
    await this.#receiver.close();
  }
}

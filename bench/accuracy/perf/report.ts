import { fileURLToPath } from 'node:url';
import { schedulerCounters } from '../../../src/receivers/scheduler/emits.ts';
import { culpritAttributes } from '../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../src/telemetry/attributes/wait.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import { startAgent } from '../../../test/e2e/agent.ts';
import type { ReceivedMetrics } from '../../../test/lab/otlp-decode.ts';
import { startOtlpReceiver } from '../../../test/lab/otlp-receiver.ts';
import { sumBy, total } from '../../../test/lab/otlp-sums.ts';

/** What the agent has sent of one cgroup, all intervals together. Times in ns. */
export interface Reported {
  readonly waits: number;
  readonly run: number;
  readonly causes: ReadonlyMap<string, number>;
  /** Time of other cgroups by their path. */
  readonly culprits: ReadonlyMap<string, number>;
}

export interface RunningAgent {
  /** Ends the agent; what it has sent of each cgroup, by path. */
  finish(): Promise<Report>;
  close(): Promise<void>;
}

export interface Report {
  of(path: string): Reported;
  /** Losses that the agent itself has counted, by reason. */
  readonly losses: Readonly<Record<string, number>>;
  /** What it notes that is no loss, by reason. */
  readonly notes: Readonly<Record<string, number>>;
}

/** Without it all types are stripped at each start. */
const compileCache = fileURLToPath(new URL('../../../build/compile-cache', import.meta.url));

/** The agent as users start it, with a backend of its own. */
export async function startReporting(): Promise<RunningAgent> {
  const backend = await startOtlpReceiver({ maxBytes: 64 * 2 ** 20 });
  const agent = startAgent(
    `
receivers:
  scheduler: {interval: 1s, max_culprits: 100, measure_cost: 0s}
  agent: {interval: 1s}
processors:
  workload: {sources: []}
  contention:
exporters:
  otlp_grpc: {endpoint: "http://${backend.endpoint}", temporality: delta}
service:
  pipelines:
    metrics: {receivers: [scheduler, agent], processors: [workload, contention], exporters: [otlp_grpc]}
`,
    [],
    { NODE_COMPILE_CACHE: compileCache },
  );
  const close = async () => {
    await agent.stop('SIGKILL');
    await backend.close();
  };
  try {
    await agent.logged('Everything is ready');
  } catch (error) {
    await close();
    throw error;
  }
  return {
    close,
    async finish() {
      const code = await agent.stop();
      if (code !== 0) throw new Error(`cannot measure: the agent ended with ${code}:\n${agent.errors()}`);
      const all = backend.metrics().flatMap(({ resources }) => resources);
      const ofPath = Map.groupBy(all, ({ resource }) => resource[resourceAttributes.cgroupPath.key]);
      return {
        of: (path) => reportedOf(ofPath.get(path) ?? []),
        losses: byReason(all, schedulerCounters.kernelDropped.name),
        notes: byReason(all, schedulerCounters.kernelNoted.name),
      };
    },
  };
}

function reportedOf(resources: readonly ReceivedMetrics[]): Reported {
  const byCause = (metric: string) => inNanoseconds(sumBy(resources, metric, waitAttributes.cause.key));
  const culprits = new Map<string, number>();
  for (const { metrics } of resources)
    for (const { name, points } of metrics)
      if (name === waitMetrics.blameTime.name)
        for (const { attributes, value = 0 } of points) {
          if (String(attributes[waitAttributes.cause.key]).startsWith('throttled')) continue;
          const path = String(
            attributes[culpritAttributes.cgroupPath.key] ?? attributes[culpritAttributes.cgroupId.key],
          );
          culprits.set(path, (culprits.get(path) ?? 0) + value * 1e9);
        }
  return {
    waits: countOf(resources),
    run: total(byCause(waitMetrics.runTime.name)),
    causes: byCause(waitMetrics.waitTime.name),
    culprits,
  };
}

function byReason(received: readonly ReceivedMetrics[], counter: string): Readonly<Record<string, number>> {
  return Object.fromEntries(sumBy(received, counter, 'reason'));
}

function countOf(resources: readonly ReceivedMetrics[]): number {
  let count = 0;
  for (const { metrics } of resources)
    for (const { name, points } of metrics)
      if (name === waitMetrics.waitDuration.name)
        for (const { histogram } of points) count += histogram?.count ?? 0;
  return count;
}

function inNanoseconds(seconds: ReadonlyMap<unknown, number>): Map<string, number> {
  return new Map([...seconds].map(([key, value]) => [String(key), value * 1e9]));
}

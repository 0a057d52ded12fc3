import type { Host, ReceiverComponent } from '../component.ts';
import { duration } from '../config/schema/duration.ts';
import { Type } from '../config/schema/type.ts';
import { type OwnProcess, processMetrics, watchOwnProcess } from '../machine/own-process.ts';
import type { Batch } from '../telemetry/batch.ts';
import { type Counter, counterKey } from '../telemetry/counters.ts';
import { resourceMetrics } from '../telemetry/metrics/build.ts';
import { metricsOfCounters } from '../telemetry/metrics/of-counters.ts';

const config = Type.Object({
  interval: duration({ default: '10s', minimum: '100ms', description: 'Time between two readings.' }),
});

export const agent: ReceiverComponent<typeof config> = {
  kind: 'receiver',
  type: 'agent',
  summary: 'Metrics of the agent itself: throughput, losses with their reasons, own cost.',
  stability: { metrics: 'beta' },
  config,
  emits: { counters: Object.values(processMetrics) },
  async open({ interval }, host) {
    const ownProcess = watchOwnProcess();
    return {
      pulls: [{ name: 'agent', every: interval, collect: createReading(host, ownProcess) }],
      async close() {
        ownProcess.close();
      },
    };
  },
};

function createReading(host: Host, ownProcess: OwnProcess): () => readonly Batch[] {
  const sinceLast = createDifference();
  let start = host.clock.now();
  return () => {
    const interval = { start, end: host.clock.now() };
    start = interval.end;
    const readings = [...host.counters.read(), ...ownProcess.read()];
    const metrics = metricsOfCounters(readings, interval, sinceLast);
    return [{ signal: 'metrics', resourceMetrics: [resourceMetrics(host.ownResource, metrics)] }];
  };
}

/** The growth of a counter since the call before. */
function createDifference(): (counter: Counter) => number {
  const before = new Map<string, number>();
  return (counter) => {
    const key = counterKey(counter);
    const growth = counter.value - (before.get(key) ?? 0);
    before.set(key, counter.value);
    return growth;
  };
}

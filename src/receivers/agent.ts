import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Host, ReceiverComponent } from '../component.ts';
import { duration } from '../config/schema/duration.ts';
import { Type } from '../config/schema/type.ts';
import { resourceAttributes } from '../telemetry/attributes/resource.ts';
import type { Batch } from '../telemetry/batch.ts';
import { type Counter, counterKey } from '../telemetry/counters.ts';
import { type CounterMetric, counter, level } from '../telemetry/emits.ts';
import {
  gauge,
  type Interval,
  type Point,
  resource,
  resourceMetrics,
  sum,
} from '../telemetry/metrics/build.ts';
import { milliseconds, toMilliseconds } from '../telemetry/units.ts';
import { version } from '../version.ts';

/** How often the event loop is sampled: each sample wakes the process up. */
const resolution = milliseconds(100);

const config = Type.Object({
  interval: duration({ default: '10s', minimum: '100ms', description: 'Time between two readings.' }),
});

const processMetrics = {
  cpuTime: counter({
    name: 'otelcol_process_cpu_seconds',
    unit: 's',
    meaning: 'CPU time of the agent, user and system.',
    isLoss: false,
  }),
  uptime: level({ name: 'otelcol_process_uptime', unit: 's', meaning: 'Time since the agent started.' }),
  memory: level({
    name: 'otelcol_process_memory_rss',
    unit: 'By',
    meaning: 'Resident memory of the agent.',
  }),
  eventLoopDelay: level({
    name: 'earshot.agent.event_loop.delay.p99',
    unit: 's',
    meaning: 'Delay of the event loop behind its timers, 99th percentile of the interval.',
  }),
} as const;

type EventLoopDelay = ReturnType<typeof monitorEventLoopDelay>;

export const agent: ReceiverComponent<typeof config> = {
  kind: 'receiver',
  type: 'agent',
  summary: 'Metrics of the agent itself: throughput, losses with their reasons, own cost.',
  stability: { metrics: 'beta' },
  config,
  emits: { counters: Object.values(processMetrics) },
  async open({ interval }, host) {
    const eventLoop = monitorEventLoopDelay({ resolution: toMilliseconds(resolution) });
    eventLoop.enable();
    return {
      pulls: [{ name: 'agent', every: interval, collect: createReading(host, eventLoop) }],
      async close() {
        eventLoop.disable();
      },
    };
  },
};

function createReading(host: Host, eventLoop: EventLoopDelay): () => readonly Batch[] {
  const of = resource({
    [resourceAttributes.serviceName.key]: 'earshot',
    [resourceAttributes.serviceVersion.key]: version,
    [resourceAttributes.serviceInstanceId.key]: randomUUID(),
    [resourceAttributes.hostName.key]: host.machine.name,
  });
  const sinceLast = createDifference();
  let start = host.clock.now();
  return () => {
    const interval = { start, end: host.clock.now() };
    start = interval.end;
    const readings = [...host.counters.read(), ...readProcess(eventLoop)];
    eventLoop.reset();
    const metrics = [...Map.groupBy(readings, ({ metric }) => metric)].map(([metric, counters]) =>
      metricOf(metric, counters, { interval, sinceLast }),
    );
    return [{ signal: 'metrics', resourceMetrics: [resourceMetrics(of, metrics)] }];
  };
}

function readProcess(eventLoop: EventLoopDelay): readonly Counter[] {
  const { cpuTime, uptime, memory, eventLoopDelay } = processMetrics;
  const reading = (metric: CounterMetric, value: number, attributes = {}) => ({ metric, attributes, value });
  const { user, system } = process.cpuUsage();
  return [
    reading(cpuTime, user / 1e6, { 'cpu.mode': 'user' }),
    reading(cpuTime, system / 1e6, { 'cpu.mode': 'system' }),
    reading(uptime, process.uptime()),
    reading(memory, process.memoryUsage.rss()),
    // The histogram records the time between two samples.
    reading(eventLoopDelay, Math.max(0, eventLoop.percentile(99) - resolution) / 1e9),
  ];
}

function metricOf(
  { kind, ...instrument }: CounterMetric,
  counters: readonly Counter[],
  of: { readonly interval: Interval; readonly sinceLast: (counter: Counter) => number },
) {
  const points = (value: (counter: Counter) => number): Point[] =>
    counters.map((counter) => ({ value: value(counter), attributes: counter.attributes }));
  return kind === 'gauge'
    ? gauge(
        { ...instrument, kind },
        of.interval,
        points(({ value }) => value),
      )
    : sum({ ...instrument, kind }, of.interval, points(of.sinceLast));
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

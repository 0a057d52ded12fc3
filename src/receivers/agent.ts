import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions';
import { Type } from 'typebox';
import type { Host, ReceiverComponent } from '../component.ts';
import { duration } from '../config/schema/duration.ts';
import { type AgentMetric, agentMetricByName, agentMetrics } from '../telemetry/agent.ts';
import type { Batch } from '../telemetry/batch.ts';
import type { Counter } from '../telemetry/counters.ts';
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

type EventLoopDelay = ReturnType<typeof monitorEventLoopDelay>;

export const agent: ReceiverComponent<typeof config> = {
  kind: 'receiver',
  type: 'agent',
  summary: 'What the agent says of itself: what went through it, what it lost and why, what it costs.',
  signals: ['metrics'],
  config,
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
    [ATTR_SERVICE_NAME]: 'earshot',
    [ATTR_SERVICE_VERSION]: version,
    [ATTR_SERVICE_INSTANCE_ID]: randomUUID(),
    'host.name': host.machine.name,
  });
  const sinceLast = createDifference();
  let start = host.clock.now();
  return () => {
    const interval = { start, end: host.clock.now() };
    start = interval.end;
    const readings = [...host.counters.read(), ...readProcess(eventLoop)];
    eventLoop.reset();
    const metrics = [...Map.groupBy(readings, ({ name }) => name)].map(([name, counters]) =>
      metricOf(name, counters, interval, sinceLast),
    );
    return [{ signal: 'metrics', resourceMetrics: [resourceMetrics(of, metrics)] }];
  };
}

function readProcess(eventLoop: EventLoopDelay): readonly Counter[] {
  const reading = (metric: AgentMetric, value: number, attributes = {}) => ({
    name: metric.name,
    attributes,
    value,
  });
  const { user, system } = process.cpuUsage();
  return [
    reading(agentMetrics.cpuTime, user / 1e6, { 'cpu.mode': 'user' }),
    reading(agentMetrics.cpuTime, system / 1e6, { 'cpu.mode': 'system' }),
    reading(agentMetrics.uptime, process.uptime()),
    reading(agentMetrics.memory, process.memoryUsage.rss()),
    // What is recorded is the time between two samples.
    reading(agentMetrics.eventLoopDelay, Math.max(0, eventLoop.percentile(99) - resolution) / 1e9),
  ];
}

function metricOf(
  name: string,
  counters: readonly Counter[],
  interval: Interval,
  sinceLast: (counter: Counter) => number,
) {
  const { kind, unit, description } = agentMetricByName.get(name) ?? {
    kind: 'sum',
    unit: '1',
    description: '',
  };
  const described = { name, unit, description, attributes: [] };
  const points = (value: (counter: Counter) => number): Point[] =>
    counters.map((counter) => ({ value: value(counter), attributes: counter.attributes }));
  return kind === 'gauge'
    ? gauge(
        { ...described, kind },
        interval,
        points(({ value }) => value),
      )
    : sum({ ...described, kind: 'sum' }, interval, points(sinceLast));
}

/** What a counter grew by since it was asked for before. */
function createDifference(): (counter: Counter) => number {
  const before = new Map<string, number>();
  return ({ name, attributes, value }) => {
    const key = JSON.stringify([name, attributes]);
    const grown = value - (before.get(key) ?? 0);
    before.set(key, value);
    return grown;
  };
}

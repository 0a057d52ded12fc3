import type { Signal } from './batch.ts';
import { counterMeaning, counterNames, type MetricKind } from './vocabulary.ts';

/** What the agent says of itself: the Collector's names where it has one, so that its dashboards work. */
export interface AgentMetric {
  readonly name: string;
  /** A gauge is the level of its counter, a sum what was added to it. */
  readonly kind: MetricKind;
  readonly unit: string;
  readonly description: string;
}

const noun = { metrics: 'metric_points', logs: 'log_records' } as const;
const unit = { metrics: '{datapoint}', logs: '{record}' } as const;

/** A metric of which there is one for data points and one for log records. */
const perSignal = (prefix: string, description: string) => {
  const metric = (signal: Signal): AgentMetric => ({
    name: `${prefix}_${noun[signal]}`,
    kind: 'sum',
    unit: unit[signal],
    description,
  });
  return { metrics: metric('metrics'), logs: metric('logs') } as const;
};

const one = (name: string, unit: string, description: string, kind: MetricKind = 'sum'): AgentMetric => ({
  name,
  kind,
  unit,
  description,
});

export const agentMetrics = {
  receiverAccepted: perSignal('otelcol_receiver_accepted', 'Items a receiver handed to its pipelines.'),
  processorIncoming: one('otelcol_processor_incoming_items', '{item}', 'Items that came to a processor.'),
  processorOutgoing: one(
    'otelcol_processor_outgoing_items',
    '{item}',
    'Items that went on from a processor.',
  ),
  exporterSent: perSignal('otelcol_exporter_sent', 'Items the destination accepted.'),
  exporterSendFailed: perSignal(
    'otelcol_exporter_send_failed',
    'Items lost because the destination did not take them, by reason.',
  ),
  exporterEnqueueFailed: perSignal(
    'otelcol_exporter_enqueue_failed',
    'Items lost before the sending queue, by reason.',
  ),
  queueSize: one('otelcol_exporter_queue_size', '{request}', 'Requests waiting or being sent.', 'gauge'),
  queueCapacity: one(
    'otelcol_exporter_queue_capacity',
    '{request}',
    'Requests the queue has room for.',
    'gauge',
  ),
  itemsDropped: one(
    'earshot.agent.items.dropped',
    '{item}',
    'Items lost because a component of the agent failed, by component and reason.',
  ),
  collectSkipped: one(
    'earshot.agent.collect.skipped',
    '{collect}',
    'Collections left out because the one before took longer than the interval.',
  ),
  collectErrors: one('earshot.agent.collect.errors', '{collect}', 'Collections that failed.'),
  taskSkipped: one(
    'earshot.agent.task.skipped',
    '{run}',
    'Runs of a task left out because the one before took longer than the interval.',
  ),
  taskErrors: one('earshot.agent.task.errors', '{run}', 'Runs of a task that failed.'),
  cgroupsKnown: one(
    'earshot.agent.cgroups.known',
    '{cgroup}',
    'Names of cgroups that are known, by state: `living`, or `removed` and kept for data that is late.',
    'gauge',
  ),
  bpfRuns: one(
    'earshot.agent.bpf.runs',
    '{run}',
    'Runs of each BPF program, over all CPUs, while its cost was measured.',
  ),
  bpfRunTime: one(
    'earshot.agent.bpf.run_time',
    's',
    'Time in each BPF program, over all CPUs, while its cost was measured.',
  ),
  bpfMeanRunTime: one(
    'earshot.agent.bpf.run_time.mean',
    's',
    'Time a run of each BPF program took when its cost was measured last; of `on_switch`, what is added to a context switch.',
    'gauge',
  ),
  bpfShare: one(
    'earshot.agent.bpf.cpu_share',
    '1',
    'Time in each BPF program per time, when its cost was measured last: 1 is one CPU, 0.01 a hundredth of one.',
    'gauge',
  ),
  cpuTime: one('otelcol_process_cpu_seconds', 's', 'CPU time of the agent, user and system.'),
  uptime: one('otelcol_process_uptime', 's', 'Time since the agent started.', 'gauge'),
  memory: one('otelcol_process_memory_rss', 'By', 'Resident memory of the agent.', 'gauge'),
  eventLoopDelay: one(
    'earshot.agent.event_loop.delay.p99',
    's',
    'How late the event loop came to what was due, 99th percentile of the interval.',
    'gauge',
  ),
} as const;

/** Every metric of the agent itself, by name: those above and what the components count. */
export const agentMetricByName: ReadonlyMap<string, AgentMetric> = new Map(
  [
    ...Object.values(agentMetrics).flatMap((entry) => ('name' in entry ? [entry] : Object.values(entry))),
    ...Object.values(counterNames).map((name) => one(name, '1', counterMeaning[name])),
  ].map((metric) => [metric.name, metric]),
);

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Counter } from '../telemetry/counters.ts';
import { type CounterMetric, counter, level } from '../telemetry/emits.ts';
import { milliseconds, toMilliseconds } from '../telemetry/units.ts';

/** How often the event loop is sampled: each sample wakes the process up. */
const resolution = milliseconds(100);

export const processMetrics = {
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

/** What this process costs. */
export interface OwnProcess {
  /** Totals, and levels; the delay of the event loop is that since the reading before. */
  read(): readonly Counter[];
  close(): void;
}

export function watchOwnProcess(): OwnProcess {
  const eventLoop = monitorEventLoopDelay({ resolution: toMilliseconds(resolution) });
  eventLoop.enable();
  const { cpuTime, uptime, memory, eventLoopDelay } = processMetrics;
  const reading = (metric: CounterMetric, value: number, attributes = {}) => ({ metric, attributes, value });
  return {
    read() {
      const { user, system } = process.cpuUsage();
      // The histogram records the time between two samples.
      const delay = Math.max(0, eventLoop.percentile(99) - resolution) / 1e9;
      eventLoop.reset();
      return [
        reading(cpuTime, user / 1e6, { 'cpu.mode': 'user' }),
        reading(cpuTime, system / 1e6, { 'cpu.mode': 'system' }),
        reading(uptime, process.uptime()),
        reading(memory, process.memoryUsage.rss()),
        reading(eventLoopDelay, delay),
      ];
    },
    close() {
      eventLoop.disable();
    },
  };
}

import type { CostMeasurement } from '../../bpf/cost.ts';
import type { Host } from '../../component.ts';
import type { CounterMetric } from '../../telemetry/emits.ts';
import type { MonotonicNanoseconds, Nanoseconds } from '../../telemetry/units.ts';
import { toSeconds } from '../../telemetry/units.ts';
import { schedulerCounters } from './emits.ts';
import type { SchedulerSource } from './source.ts';

export interface CostMeter {
  /** To be called with each reading: a measurement lasts from one to the next. */
  advance(at: MonotonicNanoseconds): void;
  close(): void;
}

/**
 * What the BPF programs cost, as counters of the agent. Measuring makes each of their runs longer, so it is done at
 * start and then over one interval in each `every`; never, if that is 0, and no more, once it has failed.
 */
export function costMeter(
  source: Pick<SchedulerSource, 'measureCost'>,
  { every, host }: { readonly every: Nanoseconds; readonly host: Pick<Host, 'id' | 'counters' | 'log'> },
): CostMeter {
  const levels = new Map<string, number>();
  let measurement: CostMeasurement | undefined;
  let due: bigint | undefined = every > 0 ? 0n : undefined;

  function begin(at: MonotonicNanoseconds): void {
    try {
      measurement = source.measureCost();
      due = at + BigInt(every);
    } catch (error) {
      due = undefined;
      const reason = error instanceof Error ? error.message : String(error);
      host.log.info({ reason }, 'What the BPF programs cost is not measured.');
    }
  }

  function end({ end: finish }: CostMeasurement): void {
    measurement = undefined;
    const { programs, elapsed } = finish();
    for (const { name: program, runs, runTime } of programs) {
      const attributes = { component: host.id, program };
      host.counters.add(schedulerCounters.bpfRuns, runs, attributes);
      host.counters.add(schedulerCounters.bpfRunTime, toSeconds(runTime), attributes);
      if (runs) setLevel(schedulerCounters.bpfMeanRunTime, toSeconds(runTime) / runs, attributes);
      setLevel(schedulerCounters.bpfShare, runTime / elapsed, attributes);
    }
  }

  /** A level is what was added to its counter. */
  function setLevel(
    metric: CounterMetric,
    level: number,
    attributes: Readonly<Record<string, string>>,
  ): void {
    const key = `${metric.name} ${attributes.program}`;
    host.counters.add(metric, level - (levels.get(key) ?? 0), attributes);
    levels.set(key, level);
  }

  return {
    advance(at) {
      if (measurement) end(measurement);
      else if (due !== undefined && at >= due) begin(at);
    },
    close() {
      due = undefined;
      if (measurement) end(measurement);
    },
  };
}

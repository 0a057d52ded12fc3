import { signalNames } from '../telemetry/batch.ts';
import type { Counter } from '../telemetry/counters.ts';
import { logFields } from '../telemetry/health.ts';
import { lossesSinceLast } from '../telemetry/losses-since-last.ts';
import { signals } from '../telemetry/signals.ts';
import { seconds } from '../telemetry/units.ts';
import { type Schedule, startSchedule } from './schedule.ts';
import type { World } from './world.ts';

/** Logs what components of pipelines lose: a line a minute for each that lost something meanwhile. */
export interface LossLog {
  start(): void;
  /** A last line for each, with all that it lost. */
  stop(): Promise<void>;
}

export function createLossLog({ counters, log, clock }: Pick<World, 'counters' | 'log' | 'clock'>): LossLog {
  const losses = lossesSinceLast(counters);
  let schedule: Schedule | undefined;

  function report(lost: readonly Counter[], sentence: string): void {
    for (const [name, own] of Map.groupBy(lost, nameOf)) {
      const [, kind, id] = pattern.exec(name) ?? [];
      if (id === undefined) continue;
      log.error({ ...logFields({ kind: kind as Kind, id }), lost: bySignalAndReason(own) }, sentence);
    }
  }

  return {
    start() {
      schedule = startSchedule(
        {
          every: seconds(60),
          run: async () => report(losses(), 'Data was lost in the last minute.'),
          onSkipped() {}, // the next line has what was lost meanwhile
        },
        clock,
      );
    },
    async stop() {
      await schedule?.stop();
      report(lossesSinceLast(counters)(), 'Data was lost since the agent started.');
    },
  };
}

type Kind = 'processor' | 'connector' | 'exporter';

/** Sources count their own losses, which are no items of a pipeline yet. */
const pattern = /^(processor|connector|exporter) (.*)$/s;

/** The sender and the exporter itself count by `exporter`, the runtime by `component`; empty: another counter. */
function nameOf({ attributes: { exporter, component } }: Counter): string {
  return exporter === undefined ? (component ?? '') : `exporter ${exporter}`;
}

/** `{metrics: {queue_full: 12}}`: items. */
function bySignalAndReason(lost: readonly Counter[]) {
  const sums: Record<string, Record<string, number>> = {};
  for (const counter of lost) {
    const { reason = 'unknown' } = counter.attributes;
    const signal = signalOf(counter);
    const byReason = sums[signal] ?? {};
    sums[signal] = { ...byReason, [reason]: (byReason[reason] ?? 0) + counter.value };
  }
  return sums;
}

/** By its attribute or by the unit, which is that of the items of one signal. */
function signalOf({ metric, attributes }: Counter): string {
  return (
    attributes.signal ?? signalNames.find((signal) => signals[signal].item.unit === metric.unit) ?? 'unknown'
  );
}

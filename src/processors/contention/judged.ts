import type { Attributes } from '@opentelemetry/api';
import type { SumMetricData } from '@opentelemetry/sdk-metrics';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { type Interval, sum } from '../../telemetry/metrics/build.ts';
import { judgedMetrics } from '../../telemetry/metrics/wait.ts';
import { nanoseconds, toSeconds } from '../../telemetry/units.ts';
import type { Rival } from './party.ts';

/** A culprit that could be compared with its victim: what of the blame is excess, ns; it was entitled to the rest. */
export interface Judged {
  readonly rival: Rival;
  readonly excess: number;
}

export const excessTime = (judged: readonly Judged[], interval: Interval): SumMetricData =>
  sum(
    judgedMetrics.excessTime,
    interval,
    judged.flatMap(({ rival, excess }) => pointOf(excess, rival.attributes)),
  );

export function entitledTime(judged: readonly Judged[], interval: Interval): SumMetricData {
  const byCause = new Map<unknown, number>();
  for (const { rival, excess } of judged)
    byCause.set(rival.cause, (byCause.get(rival.cause) ?? 0) + rival.blame - excess);
  const points = [...byCause].flatMap(([cause, time]) =>
    pointOf(time, { [waitAttributes.cause.key]: String(cause) }),
  );
  return sum(judgedMetrics.entitledTime, interval, points);
}

export const offenceTime = (time: number, interval: Interval): SumMetricData =>
  sum(judgedMetrics.offenceTime, interval, pointOf(time, {}));

/** None of nothing. */
const pointOf = (time: number, attributes: Attributes) =>
  time > 0 ? [{ value: toSeconds(nanoseconds(time)), attributes }] : [];

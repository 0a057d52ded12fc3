import type { Attributes } from '@opentelemetry/api';
import type { SumMetricData } from '@opentelemetry/sdk-metrics';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import { type Interval, type Point, sum } from '../../telemetry/metrics/build.ts';
import { judgedMetrics } from '../../telemetry/metrics/wait.ts';
import { nanoseconds, toSeconds } from '../../telemetry/units.ts';
import type { Rival } from './party.ts';

/** The culprits that could be compared with their victim: each was entitled to what of its blame is no excess. */
export interface Judged {
  readonly rivals: readonly Rival[];
  /** Of each, ns. */
  readonly excess: readonly number[];
}

export function excessTime({ rivals, excess }: Judged, interval: Interval): SumMetricData {
  const points: Point[] = [];
  for (let i = 0; i < rivals.length; i++) {
    const [rival, time = 0] = [rivals[i], excess[i]];
    if (rival && !rival.isOwn && time > 0) points.push(pointOf(time, rival.attributes));
  }
  return sum(judgedMetrics.excessTime, interval, points);
}

export function entitledTime({ rivals, excess }: Judged, interval: Interval): SumMetricData {
  const byCause = new Map<unknown, number>();
  for (let i = 0; i < rivals.length; i++) {
    const rival = rivals[i];
    if (!rival || rival.isOwn) continue;
    byCause.set(rival.cause, (byCause.get(rival.cause) ?? 0) + rival.blame - (excess[i] ?? 0));
  }
  const points: Point[] = [];
  for (const [cause, time] of byCause)
    if (time > 0) points.push(pointOf(time, { [waitAttributes.cause.key]: String(cause) }));
  return sum(judgedMetrics.entitledTime, interval, points);
}

export const offenceTime = (time: number, interval: Interval): SumMetricData =>
  sum(judgedMetrics.offenceTime, interval, time > 0 ? [pointOf(time, {})] : []);

const pointOf = (time: number, attributes: Attributes): Point => ({
  value: toSeconds(nanoseconds(time)),
  attributes,
});

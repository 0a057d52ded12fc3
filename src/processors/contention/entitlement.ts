import type { DataPoint, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Interval } from '../../telemetry/metrics/build.ts';
import { findSum } from '../../telemetry/metrics/find.ts';
import type { MetricsBatch } from '../../telemetry/metrics/metrics.ts';
import { judgedMetrics, waitMetrics } from '../../telemetry/metrics/wait.ts';
import { unixTime } from '../../telemetry/units.ts';
import { mapChanged } from '../../telemetry/visit.ts';
import { domainOf } from './domain.ts';
import type { UnjudgedReason } from './emits.ts';
import { excessOf } from './excess.ts';
import { entitledTime, excessTime, type Judged, offenceTime } from './judged.ts';
import { type KnownWeights, metricsOf, Parties } from './parties.ts';
import type { Party, Rival } from './party.ts';

export interface EntitlementOptions extends KnownWeights {
  /** Called once for each reason of a reading with the blame, ns, that cannot be divided. */
  leave(reason: UnjudgedReason, blame: number): void;
}

type Leave = EntitlementOptions['leave'];

/**
 * To a reading whose waits have causes: each victim's blame divided into the part to which its culprits were entitled and
 * the excess of each, and each culprit's offence.
 */
export function divideBlame(batch: MetricsBatch, options: EntitlementOptions): MetricsBatch {
  const blames = blamesIn(batch);
  const [first] = blames.values();
  if (first === undefined) return batch;
  const interval = intervalOf(first);
  const parties = new Parties(batch.resourceMetrics, options);
  const unjudged = new Map<UnjudgedReason, number>();
  const leave: Leave = (reason, time) => void unjudged.set(reason, (unjudged.get(reason) ?? 0) + time);
  for (const points of blames.values()) parties.enter(points);
  parties.complete();
  const divided = new Map<ResourceMetrics, readonly MetricData[]>();
  for (const [of, points] of blames) {
    const culprits = parties.rivalsIn(points, (time) => leave('not_reported', time));
    const victim = parties.of(of);
    const judged = victim && judge(victim, culprits, { interval, leave });
    if (judged) divided.set(of, [excessTime(judged, interval), entitledTime(judged, interval)]);
  }
  for (const [reason, time] of unjudged) options.leave(reason, time);
  const resourceMetrics = mapChanged(batch.resourceMetrics, (of) =>
    withMetrics(of, [...(divided.get(of) ?? []), offenceTime(takeOffence(parties.of(of)), interval)]),
  );
  return resourceMetrics === batch.resourceMetrics ? batch : { ...batch, resourceMetrics };
}

function judge(
  victim: Party,
  culprits: readonly Rival[],
  { interval, leave }: { readonly interval: Interval; readonly leave: Leave },
): Judged | undefined {
  if (culprits.length === 0) return undefined;
  const domain = domainOf(victim, culprits, (reason, { blame, isOwn }) => {
    if (!isOwn) leave(reason, blame);
  });
  if (!domain) return undefined;
  const { rivals } = domain;
  const excess = excessOf(domain, Number(interval.end - interval.start));
  for (let i = 0; i < rivals.length; i++) {
    const rival = rivals[i];
    if (rival && !rival.isOwn) rival.party.offence += excess[i] ?? 0;
  }
  return { rivals, excess };
}

/** On one resource, should there be several of a party. */
function takeOffence(party: Party | undefined): number {
  const offence = party?.offence ?? 0;
  if (party) party.offence = 0;
  return offence;
}

/** Of a reading that is divided already none. */
function blamesIn({
  resourceMetrics,
}: MetricsBatch): ReadonlyMap<ResourceMetrics, readonly DataPoint<number>[]> {
  const blames = new Map<ResourceMetrics, readonly DataPoint<number>[]>();
  for (const of of resourceMetrics) {
    const metrics = metricsOf(of);
    if (findSum(metrics, judgedMetrics.excessTime) || findSum(metrics, judgedMetrics.entitledTime))
      return new Map();
    const points = findSum(metrics, waitMetrics.blameTime)?.dataPoints ?? [];
    if (points.length > 0) blames.set(of, points);
  }
  return blames;
}

/** All points of a reading have the same. */
function intervalOf([point]: readonly DataPoint<number>[]): Interval {
  return { start: unixTime(point?.startTime ?? [0, 0]), end: unixTime(point?.endTime ?? [0, 0]) };
}

function withMetrics(of: ResourceMetrics, added: readonly MetricData[]): ResourceMetrics {
  const metrics = added.filter(({ dataPoints }) => dataPoints.length > 0);
  const [first, ...others] = of.scopeMetrics;
  if (metrics.length === 0 || first === undefined) return of;
  return { ...of, scopeMetrics: [{ ...first, metrics: [...first.metrics, ...metrics] }, ...others] };
}

import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { culpritAttributes } from '../../telemetry/attributes/culprit.ts';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import {
  exponentialHistogram,
  type Interval,
  type Point,
  resourceMetrics,
  sum,
} from '../../telemetry/metrics/build.ts';
import { histogramOf } from '../../telemetry/metrics/histogram.ts';
import { waitMetrics } from '../../telemetry/metrics/wait.ts';
import { nanoseconds, toSeconds } from '../../telemetry/units.ts';
import { type Blame, type BlameOptions, blameOf } from './blame.ts';
import { noSums, readingOf } from './cgroup-sums.ts';
import { type LastRunner, lastRunnersOf } from './last-runners.ts';
import { type CgroupReading, type PairReading, type SchedulerReading, waitClasses } from './source.ts';
import type { Steps } from './steps.ts';
import { groupByVictim, pairsAtOnce } from './victims.ts';

export interface SchedulerMetricsOptions extends BlameOptions {
  readonly interval: Interval;
  readonly histogramScale: number;
  readonly resourceOf: (cgroup: CgroupReading['cgroup']) => Resource;
  readonly isWanted: (cgroup: CgroupReading['cgroup']) => boolean;
}

/** Of which metrics are made in one step, or of fewer with many pairs: 1 to 4 ms (`bench/reading.ts`). */
const cgroupsAtOnce = 64;

/**
 * A reading as metrics, one resource a cgroup; those that neither waited nor ran are left out. One that is preempted and
 * waits on has a pair before it has totals.
 */
export function* schedulerMetrics(
  reading: SchedulerReading,
  options: SchedulerMetricsOptions,
): Steps<ResourceMetrics[]> {
  const pairs = yield* groupByVictim(reading.pairs);
  const read = new Set(reading.cgroups.map(({ cgroup }) => cgroup));
  const waiting = [...pairs.keys()].filter((victim) => !read.has(victim));
  const cgroups = [...reading.cgroups, ...waiting.map((victim) => readingOf(victim, noSums()))];
  const all: ResourceMetrics[] = [];
  let done = 1;
  for (const cgroup of cgroups) {
    if (done >= 1) {
      yield;
      done = 0;
    }
    const ofVictim = pairs.get(cgroup.cgroup) ?? [];
    done += 1 / cgroupsAtOnce + ofVictim.length / pairsAtOnce;
    if (!options.isWanted(cgroup.cgroup)) continue;
    const metrics = cgroupMetrics(cgroup, ofVictim, options);
    if (metrics) all.push(metrics);
  }
  return all;
}

function cgroupMetrics(
  of: CgroupReading,
  pairs: readonly PairReading[],
  options: SchedulerMetricsOptions,
): ResourceMetrics | undefined {
  const blames = blameOf(of, pairs, options);
  const { interval } = options;
  const all: (MetricData | undefined)[] = [
    waits(of, options),
    some(sum(waitMetrics.waitTime, interval, waitPoints(of))),
    some(sum(waitMetrics.blameTime, interval, blamePoints(blames))),
    some(
      sum(waitMetrics.lastRunnerTime, interval, lastRunnerPoints(lastRunnersOf(pairs, options.maxCulprits))),
    ),
    some(sum(waitMetrics.preemptions, interval, preemptionPoints(of, blames))),
    some(sum(waitMetrics.runTime, interval, of.run ? [{ value: toSeconds(of.run) }] : [])),
  ];
  const present = all.filter((metric) => metric !== undefined);
  return present.length ? resourceMetrics(options.resourceOf(of.cgroup), present) : undefined;
}

function some<M extends MetricData>(metric: M): M | undefined {
  return metric.dataPoints.length ? metric : undefined;
}

function waits(
  of: CgroupReading,
  { interval, histogramScale }: SchedulerMetricsOptions,
): MetricData | undefined {
  const { buckets, zeroCount } = of;
  const value = histogramOf({ scale: histogramScale, buckets, zeroCount, sum: toSeconds(of.completed) });
  return value.count ? exponentialHistogram(waitMetrics.waitDuration, interval, [{ value }]) : undefined;
}

function waitPoints(of: CgroupReading): Point[] {
  return waitClasses
    .filter((name) => of.classes[name] !== 0)
    .map((name) => ({
      value: toSeconds(of.classes[name]),
      attributes: { [waitAttributes.class.key]: name },
    }));
}

function blamePoints(blames: readonly Blame[]): Point[] {
  return blames.flatMap(({ culprit, other, throttled }) =>
    (
      [
        ['other', other],
        ['throttled', throttled],
      ] as const
    )
      .filter(([, time]) => time !== 0)
      .map(([waitClass, time]) => ({
        value: toSeconds(nanoseconds(time)),
        attributes: blameAttributes(waitClass, culprit),
      })),
  );
}

function lastRunnerPoints(lastRunners: readonly LastRunner[]): Point[] {
  return lastRunners.map(({ culprit, time }) => ({
    value: toSeconds(nanoseconds(time)),
    attributes: { [culpritAttributes.cgroupId.key]: String(culprit) },
  }));
}

function preemptionPoints(of: CgroupReading, blames: readonly Blame[]): Point[] {
  const points: Point[] = blames
    .filter(({ preemptions }) => preemptions !== 0)
    .map(({ culprit, preemptions }) => ({
      value: preemptions,
      attributes: blameAttributes('other', culprit),
    }));
  if (of.preemptedBySelf)
    points.push({ value: of.preemptedBySelf, attributes: { [waitAttributes.class.key]: 'self' } });
  if (of.preemptedByKernel)
    points.push({ value: of.preemptedByKernel, attributes: { [waitAttributes.class.key]: 'kernel' } });
  return points;
}

function blameAttributes(waitClass: string, culprit: Blame['culprit']): Attributes {
  return { [waitAttributes.class.key]: waitClass, [culpritAttributes.cgroupId.key]: String(culprit) };
}

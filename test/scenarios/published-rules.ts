import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../src/telemetry/attributes/wait.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import type { ReceivedMetrics, ReceivedPoint } from '../lab/otlp-decode.ts';

/**
 * Rules by which others name a culprit, over the same metrics. Both take the 99th percentile of run-queue latency as the
 * sign that something is wrong. None has published its threshold: twelve times the usual value that Netflix gives, 83.4 µs.
 */
export interface Named {
  /** Of the victim's completed waits, seconds, at most this long. */
  readonly p99: number;
  /**
   * After which the victim waited longest: a cgroup, or itself, which is what the metric leaves of all its waits (Netflix,
   * kguardian, runqslower). Kernel threads are in that rest too: about them this is no answer.
   */
  readonly lastRunner: string | undefined;
  /** What pushed the victim off the CPU most often (Datadog; Netflix's `sched.switch.out`). */
  readonly preemptor: string | undefined;
}

/** Seconds. */
const highLatency = 0.001;
/** Foreign preemptions a second, below which nothing has risen. */
const fewPreemptions = 1;

/** What ran instead, where that was no other cgroup. */
export const kernelThreads = 'kernel threads';
export const itself = 'itself';

/** By what was received of `seconds` of the victim, a cgroup's path. */
export function publishedRules(all: readonly ReceivedMetrics[], victim: string, seconds: number): Named {
  const metrics = all
    .filter(({ resource }) => resource[resourceAttributes.cgroupPath.key] === victim)
    .flatMap((of) => of.metrics);
  const pointsOf = ({ name }: { readonly name: string }) =>
    metrics.filter((metric) => metric.name === name).flatMap(({ points }) => points);
  const lastRunners = sumsBy(pointsOf(waitMetrics.lastRunnerTime), culpritOf);
  const waited = pointsOf(waitMetrics.waitDuration).reduce(
    (sum, { histogram }) => sum + (histogram?.sum ?? 0),
    0,
  );
  lastRunners.set(itself, waited - [...lastRunners.values()].reduce((sum, time) => sum + time, 0));
  const p99 = quantileOf(pointsOf(waitMetrics.waitDuration), 0.99);
  const preemptors = sumsBy(pointsOf(waitMetrics.preemptions), preemptorOf);
  const foreign = [...preemptors]
    .filter(([name]) => name !== itself)
    .reduce((sum, [, count]) => sum + count, 0);
  const isHigh = p99 >= highLatency;
  return {
    p99,
    lastRunner: isHigh ? largest(lastRunners) : undefined,
    preemptor: isHigh && foreign >= fewPreemptions * seconds ? largest(preemptors) : undefined,
  };
}

const culpritOf = ({ attributes }: ReceivedPoint) =>
  String(attributes[culpritAttributes.cgroupPath.key] ?? attributes[culpritAttributes.cgroupId.key]);

function preemptorOf(point: ReceivedPoint): string {
  switch (point.attributes[waitAttributes.cause.key]) {
    case 'self':
      return itself;
    case 'kernel':
      return kernelThreads;
    default:
      return culpritOf(point);
  }
}

function sumsBy(points: readonly ReceivedPoint[], nameOf: (point: ReceivedPoint) => string) {
  const sums = new Map<string, number>();
  for (const point of points) sums.set(nameOf(point), (sums.get(nameOf(point)) ?? 0) + Number(point.value));
  return sums;
}

function largest(sums: ReadonlyMap<string, number>): string | undefined {
  return [...sums].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** Upper bound of the bucket in which it lies; 0: there are no points. */
function quantileOf(points: readonly ReceivedPoint[], q: number): number {
  const counts = new Map<number, number>();
  let total = 0;
  for (const { histogram } of points) {
    if (!histogram) continue;
    total += histogram.count;
    for (const [index, count] of histogram.bucketCounts.entries()) {
      const bound = 2 ** ((histogram.offset + index + 1) / 2 ** histogram.scale);
      counts.set(bound, (counts.get(bound) ?? 0) + count);
    }
  }
  let above = 0;
  for (const [bound, count] of [...counts].sort(([a], [b]) => b - a)) {
    above += count;
    if (count > 0 && above > (1 - q) * total) return bound;
  }
  return 0;
}

import type { Attributes } from '@opentelemetry/api';
import {
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import { Type } from 'typebox';
import { quotaLevel } from '../cgroup/path/quota-level.ts';
import type { ProcessorComponent } from '../component.ts';
import { culpritAttributes } from '../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../telemetry/attributes/resource.ts';
import { type Cause, waitAttributes, waitPart } from '../telemetry/attributes/wait.ts';
import { workloadAttributes } from '../telemetry/attributes/workload.ts';
import type { Batch } from '../telemetry/batch.ts';
import { mergePoints } from '../telemetry/metrics/merge.ts';
import { waitMetrics } from '../telemetry/metrics/wait.ts';

/** Names the cause of each part of a wait from the relation of victim and culprit. Goes after `workload`. */
export const contention: ProcessorComponent = {
  kind: 'processor',
  type: 'contention',
  summary:
    'Names the cause of every part of a wait: self, sibling, neighbor, system, kernel, throttled and so on.',
  signals: ['metrics', 'logs'],
  config: Type.Object({}, { additionalProperties: false }),
  emits: { attributes: [waitAttributes.cause, waitAttributes.quotaLevel] },
  async open() {
    return { process: nameCauses, close: async () => {} };
  },
};

function nameCauses(batch: Batch): Batch {
  if (batch.signal === 'metrics')
    return { signal: 'metrics', resourceMetrics: batch.resourceMetrics.map(nameMetricCauses) };
  return {
    signal: 'logs',
    records: batch.records.map((record) => {
      const cause = mainCause(record.resource.attributes, record.attributes);
      return cause ? { ...record, attributes: withCause(record.attributes, cause) } : record;
    }),
  };
}

/** Classes whose cause does not depend on the culprit. */
const plainCauses = ['self', 'kernel', 'idle', 'irq', 'steal', 'unknown'] as const satisfies readonly Cause[];

/** The cause of time of a class that `culprit` took from `victim`; a culprit without attributes is unknown. */
export function causeOf(waitClass: unknown, victim: Attributes, culprit: Attributes): Cause {
  if (waitClass === 'other') return contenderCause(victim, culprit);
  if (waitClass === 'throttled') return quotaCause(victim, culprit);
  return plainCauses.find((cause) => cause === waitClass) ?? 'unknown';
}

function contenderCause(victim: Attributes, culprit: Attributes): Cause {
  if (
    isSame(victim[workloadAttributes.containerId.key], culprit[culpritAttributes.containerId.key]) ||
    isSameService(victim, culprit)
  )
    return 'self';
  if (isSame(victim[workloadAttributes.podUid.key], culprit[culpritAttributes.podUid.key])) return 'sibling';
  switch (culprit[culpritAttributes.kind.key]) {
    case 'container':
    case 'pod':
    case 'cgroup':
      return 'neighbor';
    case 'kernel':
      return 'kernel';
    case 'service':
    case 'user':
    case 'scope':
    case 'slice':
    case 'root':
      return 'system';
    default:
      return 'unknown';
  }
}

/** Only of services are cgroups below described by their unit; units of two users may have the same name. */
function isSameService(victim: Attributes, culprit: Attributes): boolean {
  return (
    culprit[culpritAttributes.kind.key] === 'service' &&
    isSame(victim[workloadAttributes.unit.key], culprit[culpritAttributes.unit.key])
  );
}

/** The workload's own limit, or one above it that others share. */
function quotaCause(victim: Attributes, owner: Attributes): Cause {
  const ownerPath = owner[culpritAttributes.cgroupPath.key];
  if (typeof ownerPath !== 'string') return 'unknown';
  const isOwn =
    ownerPath === victim[resourceAttributes.cgroupPath.key] ||
    isSame(victim[workloadAttributes.containerId.key], owner[culpritAttributes.containerId.key]) ||
    isSame(victim[workloadAttributes.podUid.key], owner[culpritAttributes.podUid.key]) ||
    isSame(victim[workloadAttributes.unit.key], owner[culpritAttributes.unit.key]);
  return isOwn ? 'throttled' : 'throttled_ancestor';
}

function isSame(a: unknown, b: unknown): boolean {
  return a !== undefined && a === b;
}

function nameMetricCauses(of: ResourceMetrics): ResourceMetrics {
  const victim = of.resource.attributes;
  return {
    resource: of.resource,
    scopeMetrics: of.scopeMetrics.map(({ scope, metrics: all }) => {
      const blame =
        find(all, waitMetrics.blameTime.name)?.dataPoints.map((point) => judge(point, victim)) ?? [];
      return { scope, metrics: all.map((metric) => nameIn(metric, victim, blame)) };
    }),
  };
}

/** A point whose class has become a cause; one without a class stays as it is. */
interface Judged {
  readonly waitClass: unknown;
  readonly point: DataPoint<number>;
}

function judge(point: DataPoint<number>, victim: Attributes): Judged {
  const { [waitAttributes.class.key]: waitClass, ...others } = point.attributes;
  if (waitClass === undefined) return { waitClass, point };
  const cause = causeOf(waitClass, victim, others);
  return { waitClass, point: { ...point, attributes: withCause(others, cause) } };
}

/** Of a quota also which level of the hierarchy has it: the culprit is the cgroup that holds it. */
function withCause(attributes: Attributes, cause: Cause): Attributes {
  const path = attributes[culpritAttributes.cgroupPath.key];
  const isQuota = cause === 'throttled' || cause === 'throttled_ancestor';
  return {
    ...attributes,
    [waitAttributes.cause.key]: cause,
    ...(isQuota && typeof path === 'string' && { [waitAttributes.quotaLevel.key]: quotaLevel(path) }),
  };
}

function nameIn(metric: MetricData, victim: Attributes, blame: readonly Judged[]): MetricData {
  if (metric.dataPointType !== DataPointType.SUM) return metric;
  switch (metric.descriptor.name) {
    // two classes of one culprit may have one cause: then they are one point
    case waitMetrics.blameTime.name:
      return mergePoints({ ...metric, dataPoints: blame.map(({ point }) => point) });
    case waitMetrics.preemptions.name:
      return mergePoints({
        ...metric,
        dataPoints: metric.dataPoints.map((point) => judge(point, victim).point),
      });
    case waitMetrics.waitTime.name:
      return { ...metric, dataPoints: splitByCause(metric, blame) };
    default:
      return metric;
  }
}

/** Time of others and of quotas is divided as the blame for it is; time without a culprit stays unknown. */
function splitByCause(wait: SumMetricData, blame: readonly Judged[]): DataPoint<number>[] {
  const plain: DataPoint<number>[] = [];
  const byCause = new Map<Cause, number>();
  const add = (cause: Cause, value: number) => byCause.set(cause, (byCause.get(cause) ?? 0) + value);
  for (const point of wait.dataPoints) {
    const waitClass = point.attributes[waitAttributes.class.key];
    let unnamed = point.value;
    if (waitClass === undefined) plain.push(point);
    else if (waitClass === 'other' || waitClass === 'throttled') {
      for (const blamed of blame) {
        if (blamed.waitClass !== waitClass) continue;
        add(blamed.point.attributes[waitAttributes.cause.key] as Cause, blamed.point.value);
        unnamed -= blamed.point.value;
      }
      if (unnamed > halfNanosecond) add('unknown', unnamed);
    } else add(causeOf(waitClass, {}, {}), unnamed);
  }
  const [first] = wait.dataPoints;
  if (!first) return [];
  const named = [...byCause].map(([cause, value]) => ({
    ...first,
    attributes: { [waitAttributes.cause.key]: cause },
    value,
  }));
  return [...plain, ...named];
}

/** Less is what is left of subtracting seconds from seconds. */
const halfNanosecond = 0.5e-9;

function find(all: readonly MetricData[], name: string): SumMetricData | undefined {
  return all.find(
    (metric): metric is SumMetricData =>
      metric.dataPointType === DataPointType.SUM && metric.descriptor.name === name,
  );
}

/** Of a single wait: the cause of its largest part. */
function mainCause(victim: Attributes, wait: Attributes): Cause | undefined {
  let longest = 0;
  let main: string | undefined;
  for (const waitClass of ['other', 'throttled', ...plainCauses]) {
    const part = wait[waitPart(waitClass)];
    if (typeof part === 'number' && part > longest) {
      longest = part;
      main = waitClass;
    }
  }
  return main === undefined ? undefined : causeOf(main, victim, wait);
}

import type { Attributes } from '@opentelemetry/api';
import type { RecordedEvent, RecordedInterval, RecordedMetrics } from '../src/receivers/replay/recording.ts';
import { culpritAttributes, lastRunnerAttributes } from '../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../src/telemetry/attributes/resource.ts';
import { type Batch, bySignal } from '../src/telemetry/batch.ts';
import type { Interval } from '../src/telemetry/metrics/build.ts';
import { nanoseconds, unixTime } from '../src/telemetry/units.ts';

/** The path of a cgroup id on the machine that is recorded. */
export type PathOf = (id: string) => string | undefined;

/** What was emitted in an interval, as a recording keeps it. */
export function recordInterval(
  batches: readonly Batch[],
  { start, end, pathOf }: Interval & { readonly pathOf: PathOf },
): RecordedInterval {
  const metrics: RecordedMetrics[] = [];
  const events: RecordedEvent[] = [];
  for (const batch of batches)
    bySignal(batch, {
      metrics({ resourceMetrics }) {
        for (const { resource, scopeMetrics } of resourceMetrics)
          metrics.push({
            resource: withPaths(elsewhere(resource.attributes), pathOf),
            metrics: scopeMetrics
              .flatMap((scope) => scope.metrics)
              .map((metric) => ({
                ...metric,
                dataPoints: metric.dataPoints.map(({ attributes, value }) => ({
                  attributes: withPaths(attributes, pathOf),
                  value,
                })),
              })),
          });
      },
      logs({ records }) {
        for (const { eventName: name = '', resource, attributes, hrTime } of records)
          events.push({
            name,
            resource: withPaths(elsewhere(resource.attributes), pathOf),
            attributes: withPaths(attributes, pathOf),
            age: nanoseconds(Number(end - unixTime(hrTime))),
          });
      },
    });
  return { span: nanoseconds(Number(end - start)), metrics, events };
}

/** Paths of the cgroups that an interval names, and of those above them. */
export function pathsIn({ metrics }: Pick<RecordedInterval, 'metrics'>): ReadonlySet<string> {
  const paths = new Set<string>();
  const add = (path: unknown) => {
    if (typeof path !== 'string') return;
    for (let at = path; at.length > 1 && !paths.has(at); at = at.slice(0, at.lastIndexOf('/'))) paths.add(at);
  };
  for (const { resource, metrics: of } of metrics) {
    add(resource[resourceAttributes.cgroupPath.key]);
    for (const { dataPoints } of of)
      for (const { attributes } of dataPoints) add(attributes[culpritAttributes.cgroupPath.key]);
  }
  return paths;
}

/** Without the attributes of the node: a replay is on another one. */
function elsewhere(of: Attributes): Attributes {
  const {
    [resourceAttributes.hostName.key]: _,
    [resourceAttributes.serviceInstanceId.key]: __,
    ...rest
  } = of;
  return rest;
}

/** An id that is no number (`kernel`, `other`) means the same everywhere. */
const isOfMachine = (id: unknown): id is string => typeof id === 'string' && /^\d+$/.test(id);

const replacements = [
  { id: resourceAttributes.cgroupId.key, path: resourceAttributes.cgroupPath.key },
  { id: culpritAttributes.cgroupId.key, path: culpritAttributes.cgroupPath.key },
  { id: lastRunnerAttributes.cgroupId.key, path: lastRunnerAttributes.name.key },
];

function withPaths(of: Attributes, pathOf: PathOf): Attributes {
  const replaced: Attributes = { ...of };
  for (const keys of replacements) {
    const id = of[keys.id];
    if (!isOfMachine(id)) continue;
    const path = pathOf(id);
    if (path === undefined) replaced[keys.id] = `recorded ${id}`;
    else {
      delete replaced[keys.id];
      replaced[keys.path] = path;
    }
  }
  return replaced;
}

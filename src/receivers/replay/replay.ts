import type { Attributes } from '@opentelemetry/api';
import type { MetricData } from '@opentelemetry/sdk-metrics';
import { recordedWeights } from '../../cgroup/recorded-weights.ts';
import type { ReceiverComponent } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import type { Batch } from '../../telemetry/batch.ts';
import { event } from '../../telemetry/logs.ts';
import { resource, resourceMetrics } from '../../telemetry/metrics/build.ts';
import { hrTime, type UnixNanoseconds } from '../../telemetry/units.ts';
import { type RecordedInterval, type RecordedMetric, type Recording, readRecording } from './recording.ts';

const config = Type.Object(
  {
    file: Type.String({
      minLength: 1,
      description: 'The recording, as `scripts/record.ts` makes it; relative to the working directory.',
    }),
    interval: duration({
      default: '5s',
      minimum: '100ms',
      description: 'How often the next interval of the recording is emitted.',
    }),
  },
  { additionalProperties: false },
);

/** Emits a recording over and over, as if it happened now on this node. */
export const replay: ReceiverComponent<typeof config> = {
  kind: 'receiver',
  type: 'replay',
  summary: 'A recording of another machine, over and over; each resource is marked as recorded.',
  stability: { metrics: 'development', logs: 'development' },
  config,
  emits: { attributes: [resourceAttributes.recording] },
  async open({ file, interval: every }, host) {
    const recording = await readRecording(file);
    const { title, weights, intervals } = recording;
    const withdraw = (await host.use(recordedWeights)).provide(title, new Map(Object.entries(weights)));
    host.log.warn({ recording: title }, 'Replaying a recording: nothing here is about this node.');
    const batches = batchesFrom(recording, host.machine.name);
    let next = 0;
    const collect = () => {
      const interval = intervals[next++ % intervals.length];
      return interval ? batches(interval, host.clock.now()) : []; // a recording has at least one
    };
    return { pulls: [{ name: 'intervals', every, collect }], close: async () => withdraw() };
  },
};

/** The batches of an interval of a recording, as if it ended at a time on a node. */
export function batchesFrom({ title }: Pick<Recording, 'title'>, node: string) {
  const resourceOf = (attributes: Attributes) => {
    const of = attributes[resourceAttributes.cgroupPath.key] ?? attributes[resourceAttributes.cgroupId.key];
    return resource({
      [resourceAttributes.hostName.key]: node,
      ...attributes,
      [resourceAttributes.serviceInstanceId.key]: `${node}:${of}`,
      [resourceAttributes.recording.key]: title,
    });
  };
  return (interval: RecordedInterval, end: UnixNanoseconds) => batchesOf(interval, { end, resourceOf });
}

interface Replayed {
  readonly end: UnixNanoseconds;
  resourceOf(attributes: Attributes): ReturnType<typeof resource>;
}

function batchesOf({ span, metrics, events }: RecordedInterval, of: Replayed): readonly Batch[] {
  const times = { startTime: hrTime((of.end - BigInt(span)) as UnixNanoseconds), endTime: hrTime(of.end) };
  const batches: Batch[] = [];
  if (metrics.length)
    batches.push({
      signal: 'metrics',
      resourceMetrics: metrics.map((recorded) =>
        resourceMetrics(
          of.resourceOf(recorded.resource),
          recorded.metrics.map((metric) => at(metric, times)),
        ),
      ),
    });
  if (events.length)
    batches.push({
      signal: 'logs',
      records: events.map(({ name, resource: attributesOf, attributes, age }) =>
        event(
          { name },
          {
            resource: of.resourceOf(attributesOf),
            at: (of.end - BigInt(age)) as UnixNanoseconds,
            observed: of.end,
            attributes,
          },
        ),
      ),
    });
  return batches;
}

/** The kind of value goes with the kind of metric, as recorded. */
function at(metric: RecordedMetric, times: Pick<MetricData['dataPoints'][number], 'startTime' | 'endTime'>) {
  return { ...metric, dataPoints: metric.dataPoints.map((point) => ({ ...point, ...times })) } as MetricData;
}

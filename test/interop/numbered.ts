import { SpanKind, SpanStatusCode, TraceFlags, ValueType } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import type { Batch } from '../../src/telemetry/batch.ts';
import { event } from '../../src/telemetry/logs.ts';
import { resource, resourceMetrics, scope } from '../../src/telemetry/metrics/build.ts';
import type { Span } from '../../src/telemetry/spans.ts';
import { hrTime, type UnixNanoseconds } from '../../src/telemetry/units.ts';
import type { Arrived } from './otlp-file.ts';

/**
 * Items that differ in their numbers, as the agent sends them and as they must arrive. The second is written by hand and not
 * computed from the first.
 */

const begin = 1_700_000_000_123_456_789n;
const second = 1_000_000_000n;
const startOf = (n: number) => begin + BigInt(n) * second;
const endOf = (n: number) => startOf(n + 1);

const common = {
  'service.name': 'interop',
  'service.instance.id': 'a "quoted" \u{1f680} name',
  pid: 42,
  on: true,
};
const place = (n: number) => ({ ...common, shard: n % 3 });

export type NumberedSignal = 'metrics' | 'logs' | 'traces';

export const numberedBatch = (signal: NumberedSignal, from: number, count: number): Batch =>
  makers[signal](Array.from({ length: count }, (_, at) => from + at));

const makers: Readonly<Record<NumberedSignal, (numbers: readonly number[]) => Batch>> = {
  metrics: (numbers) => ({
    signal: 'metrics',
    resourceMetrics: numbers.map((n) => resourceMetrics(resource(place(n)), [metricOf(n)])),
  }),
  logs: (numbers) => ({
    signal: 'logs',
    records: numbers.map((n) =>
      event(
        { name: 'interop.event' },
        {
          ...{
            resource: resource(place(n)),
            body: `line ${n}`,
            attributes: { n, list: ['x', 'y'], half: n + 0.5 },
          },
          ...{ at: startOf(n) as UnixNanoseconds, observed: endOf(n) as UnixNanoseconds },
        },
      ),
    ),
  }),
  traces: (numbers) => ({ signal: 'traces', spans: numbers.map(spanOf) }),
};

const traceIdOf = (n: number) => n.toString(16).padStart(32, 'a');
const spanIdOf = (n: number) => n.toString(16).padStart(16, 'b');

const spanOf = (n: number): Span => ({
  ...{ name: `call ${n}`, kind: SpanKind.CLIENT, ended: true, duration: [1, 0] },
  spanContext: () => ({ traceId: traceIdOf(n), spanId: spanIdOf(n), traceFlags: TraceFlags.SAMPLED }),
  ...{ startTime: hrTime(startOf(n) as UnixNanoseconds), endTime: hrTime(endOf(n) as UnixNanoseconds) },
  status: { code: SpanStatusCode.ERROR, message: 'no' },
  attributes: { n },
  ...{ links: [], events: [], droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  ...{ resource: resource(place(n)), instrumentationScope: scope },
});

const buckets = [3, 0, 0, 0, 0, 5];

function metricOf(n: number): MetricData {
  const of = (name: string, unit: string, value: unknown, more: object) =>
    ({
      descriptor: { name, unit, description: 'Says "what" it is.', valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.DELTA,
      dataPoints: [
        {
          ...{ attributes: { n }, value },
          ...{
            startTime: hrTime(startOf(n) as UnixNanoseconds),
            endTime: hrTime(endOf(n) as UnixNanoseconds),
          },
        },
      ],
      ...more,
    }) as unknown as MetricData;
  switch (n % 4) {
    case 0:
      return of('interop.time', 's', n + 0.25, { dataPointType: DataPointType.SUM, isMonotonic: true });
    case 1:
      return of('interop.level', '1', -n, { dataPointType: DataPointType.GAUGE });
    case 2: {
      const value = {
        ...{
          count: 9 + n,
          sum: n + 0.5,
          scale: 2,
          zeroCount: 1 + n,
          positive: { offset: -3, bucketCounts: buckets },
        },
        ...{ negative: { offset: 0, bucketCounts: [] }, max: 7.5 },
      };
      return of('interop.wait', 's', value, { dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM });
    }
    default: {
      const value = { count: 6 + n, sum: 1.5, buckets: { boundaries: [0.5, 10], counts: [1, 2, 3 + n] } };
      return of('interop.size', 'By', value, { dataPointType: DataPointType.HISTOGRAM });
    }
  }
}

/** What must arrive of an item. */
export const expected = (signal: NumberedSignal, n: number): Arrived => ({
  resource: place(n),
  scope: scope.name,
  ...contents[signal](n),
});

const contents: Readonly<Record<NumberedSignal, (n: number) => Omit<Arrived, 'resource' | 'scope'>>> = {
  metrics: (n) => ({
    ...{ attributes: { n }, times: [`${startOf(n)}`, `${endOf(n)}`] },
    content: {
      ...{ description: 'Says "what" it is.' },
      ...[
        { name: 'interop.time', unit: 's', kind: 'sum', temporality: 1, isMonotonic: true, value: n + 0.25 },
        { name: 'interop.level', unit: '1', kind: 'gauge', value: -n },
        {
          ...{ name: 'interop.wait', unit: 's', kind: 'exponentialHistogram', temporality: 1 },
          ...{
            count: 9 + n,
            sum: n + 0.5,
            max: 7.5,
            scale: 2,
            zeroCount: 1 + n,
            offset: -3,
            positive: buckets,
          },
        },
        {
          ...{ name: 'interop.size', unit: 'By', kind: 'histogram', temporality: 1 },
          ...{ count: 6 + n, sum: 1.5, bounds: [0.5, 10], counts: [1, 2, 3 + n] },
        },
      ][n % 4],
    },
  }),
  logs: (n) => ({
    ...{ attributes: { n, list: ['x', 'y'], half: n + 0.5 }, times: [`${startOf(n)}`, `${endOf(n)}`] },
    content: { name: 'interop.event', body: `line ${n}`, severity: 9, severityText: 'INFO' },
  }),
  traces: (n) => ({
    ...{ attributes: { n }, times: [`${startOf(n)}`, `${endOf(n)}`] },
    content: { name: `call ${n}`, kind: 3, ids: [traceIdOf(n), spanIdOf(n)], status: [2, 'no'] },
  }),
};

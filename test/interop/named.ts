import { ValueType } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import type { Batch } from '../../src/telemetry/batch.ts';
import { resource, resourceMetrics } from '../../src/telemetry/metrics/build.ts';
import { hrTime, type UnixNanoseconds } from '../../src/telemetry/units.ts';

/** Metrics whose names and labels Prometheus has to translate, and histograms of waits. Deltas of now. */

const names = [
  'http.requests.total',
  '2xx',
  'a__b',
  'size.bytes',
  'ratio.of.x',
  'rate.per.second',
  'dotted.name-with_all',
];
const units = ['', 's', 'By', '1', '{request}', 'By/s', '%', 'foo!'];

const target = {
  ...{ 'service.name': 'checkout', 'service.namespace': 'shop', 'service.instance.id': 'pod-1' },
  ...{ 'k8s.pod.name': 'checkout "1"', 'deployment.environment.name': 'test' },
};

const attributes = {
  'http.route': '/cart/{id}\n',
  _private: 'x',
  '9lives': 9,
  'a-b': 1.5,
  'a.c': true,
  list: ['x', 'y'],
};

/** A second each, the last of them not long ago. */
const begin = BigInt(Date.now()) * 1_000_000n - 10_000_000_000n;
const at = (second: number) => hrTime((begin + BigInt(second) * 1_000_000_000n) as UnixNanoseconds);
const timesOf = (batch: number) => ({ startTime: at(batch), endTime: at(batch + 1) });

function metricOf(
  name: string,
  unit: string,
  points: readonly (readonly [object, unknown])[],
  batch: number,
  more: object,
) {
  return {
    descriptor: { name, unit, description: `What "${name}"\nis.`, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPoints: points.map(([own, value]) => ({ ...timesOf(batch), value, attributes: own })),
    ...more,
  } as unknown as MetricData;
}

const kinds = {
  counter: { dataPointType: DataPointType.SUM, isMonotonic: true },
  sum: { dataPointType: DataPointType.SUM, isMonotonic: false },
  gauge: { dataPointType: DataPointType.GAUGE },
} as const;

/** Each name with one kind for each unit, each unit with a name of its own: names must not be equal. */
export function namesBatch(batch: number): Batch {
  const metrics = names.flatMap((name, nameAt) =>
    units.flatMap((unit, unitAt) =>
      Object.entries(kinds).map(([kind, more], kindAt) =>
        metricOf(
          `${name}.${kind}${unitAt}`,
          unit,
          [[attributes, nameAt + unitAt + kindAt + 0.5]],
          batch,
          more,
        ),
      ),
    ),
  );
  // a last word that is a suffix already
  const suffixed = names.map((name, at) =>
    metricOf(name, `${units[at]}`, [[{ n: 1 }, at]], batch, kinds.counter),
  );
  const explicit = metricOf(
    ...(['interop.size', 'By'] as const),
    [[{ n: 1 }, { count: 6, sum: 1.5, buckets: { boundaries: [0.5, 10], counts: [1, 2, 3] } }]],
    ...([batch, { dataPointType: DataPointType.HISTOGRAM }] as const),
  );
  return {
    signal: 'metrics',
    resourceMetrics: [resourceMetrics(resource(target), [...metrics, ...suffixed, explicit])],
  };
}

const empty = (count: number): readonly number[] => new Array(count).fill(0);

/** Of all resolutions that the agent has and Prometheus takes, with gaps. */
export const waits = [
  { scale: 2, zeroCount: 0, offset: -96, counts: [1, 0, 0, 5, ...empty(20), 7, 1] },
  { scale: 0, zeroCount: 3, offset: -30, counts: [2, 4, 8] },
  { scale: 8, zeroCount: 1, offset: 12, counts: [1, 1, 0, 0, 1] },
  { scale: -4, zeroCount: 0, offset: -2, counts: [1, 2, 3] },
  { scale: 3, zeroCount: 2, offset: 0, counts: [] },
].map((wait, at) => ({
  ...wait,
  count: wait.zeroCount + wait.counts.reduce((sum, count) => sum + count, 0),
  sum: at + 0.125,
}));

export function waitsBatch(batch: number): Batch {
  const points = waits.map(({ offset, counts, ...wait }, n) => {
    const value = {
      ...wait,
      positive: { offset, bucketCounts: counts },
      negative: { offset: 0, bucketCounts: [] },
    };
    return [{ n }, value] as const;
  });
  const more = { dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM };
  const metric = metricOf('interop.wait', 's', points, batch, more);
  return { signal: 'metrics', resourceMetrics: [resourceMetrics(resource(target), [metric])] };
}

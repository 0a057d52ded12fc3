import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { credentials } from '@grpc/grpc-js';
import type { Attributes } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { AggregationTemporality, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import {
  exponentialHistogram,
  gauge,
  resource,
  resourceMetrics,
  sum,
} from '../../../../src/telemetry/metrics/build.ts';
import { sendAll } from '../otlp-fixture.ts';
import { interval, setUp } from './otlp-grpc-fixture.ts';

const attributes: Attributes = { text: 'Größe \u{1f600}', flag: true, whole: 7, part: 0.5, list: ['a', 'b'] };
const instrument = { name: 'test', unit: 's', meaning: 'A test.' } as const;
const histogram = {
  ...{ count: 3, sum: 6.5, min: 0.5, max: 4, scale: 2, zeroCount: 0 },
  positive: { offset: -4, bucketCounts: [1, 0, 2] },
  negative: { offset: 0, bucketCounts: [] },
};
const described = resource({ 'service.name': 'web', 'k8s.pod.uid': 'a-b', 'process.pid': 12 });
const whole = (temporality: AggregationTemporality): ResourceMetrics => {
  const of = resourceMetrics(described, [
    sum({ ...instrument, kind: 'sum' }, interval(), [{ value: 1.5, attributes }, { value: 0 }]),
    gauge({ ...instrument, name: 'level', kind: 'gauge' }, interval(), [{ value: -3, attributes }]),
    exponentialHistogram({ ...instrument, name: 'spread', kind: 'exponential_histogram' }, interval(), [
      { value: histogram, attributes },
    ]),
  ]);
  const metrics = (of.scopeMetrics[0]?.metrics ?? []).map(
    (metric): MetricData => ({ ...metric, aggregationTemporality: temporality }),
  );
  return { resource: of.resource, scopeMetrics: of.scopeMetrics.map((scope) => ({ ...scope, metrics })) };
};

async function sentByOfficial(t: TestContext, endpoint: string, metrics: ResourceMetrics): Promise<void> {
  const official = new OTLPMetricExporter({
    url: `http://${endpoint}`,
    credentials: credentials.createInsecure(),
  });
  t.after(() => official.shutdown());
  await new Promise<void>((resolve, reject) => {
    official.export(metrics, ({ error }) => (error ? reject(error) : resolve()));
  });
}

for (const [name, temporality] of [
  ['delta', AggregationTemporality.DELTA],
  ['cumulative', AggregationTemporality.CUMULATIVE],
] as const)
  test(`for one resource the request is byte for byte that of the official exporter, ${name}`, async (t) => {
    const { exporter, receiver } = await setUp(t, { settings: { temporality: name } });
    const batch = { signal: 'metrics', resourceMetrics: [whole(AggregationTemporality.DELTA)] } as const;
    assert.deepEqual(await sendAll(exporter, batch), [{ kind: 'accepted' }]);
    await sentByOfficial(t, receiver.endpoint, whole(temporality));
    const [ours, theirs] = receiver.metrics().map(({ body }) => Buffer.from(body));
    assert.ok(ours && ours.length > 100);
    assert.deepEqual(ours, theirs);
  });

test('another value is another request', async (t) => {
  const { receiver } = await setUp(t);
  await sentByOfficial(t, receiver.endpoint, whole(AggregationTemporality.DELTA));
  await sentByOfficial(t, receiver.endpoint, whole(AggregationTemporality.CUMULATIVE));
  const [one, other] = receiver.metrics().map(({ body }) => Buffer.from(body));
  assert.notDeepEqual(one, other);
});

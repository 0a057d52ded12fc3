import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregationTemporality, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';
import { deliveryCounters } from '../../../src/delivery/emits.ts';
import { agent } from '../../../src/receivers/agent.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { fakeHost } from '../fake-host.ts';

async function opened() {
  const { host } = fakeHost('agent');
  const receiver = await agent.open({ interval: seconds(10) }, host);
  const [pull] = receiver.pulls ?? [];
  assert.ok(pull);
  async function collect() {
    const [batch] = (await pull?.collect()) ?? [];
    assert.ok(batch?.signal === 'metrics');
    const [of] = batch.resourceMetrics;
    const metrics = new Map(of?.scopeMetrics[0]?.metrics.map((metric) => [metric.descriptor.name, metric]));
    return { resource: of?.resource.attributes ?? {}, metrics };
  }
  return { host, receiver, pull, collect };
}

const values = (metric: MetricData | undefined) =>
  metric?.dataPoints.map(({ value, attributes }) => [value, attributes] as const);

test('a counter is emitted as its growth since the reading before', async () => {
  const { host, receiver, collect } = await opened();
  const counter = deliveryCounters.sent.metrics;
  host.counters.add(counter, 5, { exporter: 'a' });
  assert.deepEqual(values((await collect()).metrics.get(counter.name)), [[5, { exporter: 'a' }]]);
  host.counters.add(counter, 2, { exporter: 'a' });
  host.counters.add(counter, 1, { exporter: 'b' });
  const metric = (await collect()).metrics.get(counter.name);
  assert.deepEqual(values(metric), [
    [2, { exporter: 'a' }],
    [1, { exporter: 'b' }],
  ]);
  assert.equal(metric?.dataPointType, DataPointType.SUM);
  assert.equal(metric?.aggregationTemporality, AggregationTemporality.DELTA);
  assert.equal(metric?.descriptor.unit, '{datapoint}');
  assert.deepEqual(
    values((await collect()).metrics.get(counter.name))?.map(([value]) => value),
    [0, 0],
  );
  await receiver.close();
});

test('a level is emitted as it is', async () => {
  const { host, receiver, collect } = await opened();
  const counter = deliveryCounters.queueSize;
  host.counters.add(counter, 3, { exporter: 'a' });
  await collect();
  host.counters.add(counter, -1, { exporter: 'a' });
  const metric = (await collect()).metrics.get(counter.name);
  assert.deepEqual(values(metric), [[2, { exporter: 'a' }]]);
  assert.equal(metric?.dataPointType, DataPointType.GAUGE);
  await receiver.close();
});

test('metrics of the agent include its own cost, on a resource of its own', async () => {
  const { host, receiver, pull, collect } = await opened();
  assert.equal(pull.every, seconds(10));
  const first = await collect();
  const second = await collect();
  assert.deepEqual(first.resource, host.ownResource.attributes);
  assert.equal(first.resource['service.instance.id'], second.resource['service.instance.id']);
  const cpu = values(second.metrics.get('otelcol_process_cpu_seconds')) ?? [];
  assert.deepEqual(
    cpu.map(([, attributes]) => attributes['cpu.mode']),
    ['user', 'system'],
  );
  for (const [value] of cpu) assert.ok(Number(value) >= 0);
  const [rss] = values(second.metrics.get('otelcol_process_memory_rss')) ?? [];
  assert.ok(Number(rss?.[0]) > 1e6);
  const [delay] = values(second.metrics.get('earshot.agent.event_loop.delay.p99')) ?? [];
  assert.ok(Number(delay?.[0]) >= 0);
  await receiver.close();
});

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import type { OwnMetricsConfig } from '../../../src/config/schema/telemetry.ts';
import { deliveryCounters } from '../../../src/delivery/emits.ts';
import { systemClock } from '../../../src/machine/clock.ts';
import { createOwnTelemetry } from '../../../src/own-telemetry/own-telemetry.ts';
import { runtimeCounters } from '../../../src/runtime/emits.ts';
import { milliseconds, seconds } from '../../../src/telemetry/units.ts';
import { freePorts } from '../../lab/free-ports.ts';
import { startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { fakeWorld } from '../runtime/fake-world.ts';

process.env.no_grpc_proxy = '127.0.0.1,localhost';

const prometheus = (port: number, without = false): OwnMetricsConfig['readers'] => [
  {
    pull: {
      exporter: {
        prometheus: {
          ...{ host: 'localhost', port },
          ...{ without_scope_info: without, without_target_info: without },
        },
      },
    },
  },
];

const otlp = (endpoint: string, interval = milliseconds(100)): OwnMetricsConfig['readers'] => [
  {
    periodic: {
      interval,
      exporter: {
        otlp: {
          ...{
            protocol: 'grpc',
            endpoint,
            headers: { 'x-key': 'k' },
            compression: 'gzip',
            timeout: seconds(5),
          },
        },
      },
    },
  },
];

async function opened(
  t: TestContext,
  readers: OwnMetricsConfig['readers'],
  level: OwnMetricsConfig['level'] = 'normal',
) {
  const world = { ...fakeWorld(), clock: systemClock };
  world.counters.add(deliveryCounters.sent.metrics, 5, { exporter: 'a' });
  world.counters.add(deliveryCounters.queueSize, 2, { exporter: 'a' });
  world.counters.add(runtimeCounters.itemsDropped, 1, { reason: 'error' });
  const telemetry = createOwnTelemetry(world);
  await telemetry.apply({ level, readers });
  t.after(() => telemetry.close());
  return { ...world, telemetry };
}

test('Prometheus scrapes totals with type, resource and scope', async (t) => {
  const [port = 0] = await freePorts(1);
  const { counters } = await opened(t, prometheus(port));
  const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const first = await scrape();
  assert.match(first, /^target_info\{service_name="earshot"\} 1$/m);
  assert.match(first, /^# TYPE otelcol_exporter_sent_metric_points_total counter$/m);
  assert.match(
    first,
    /^otelcol_exporter_sent_metric_points_total\{exporter="a",otel_scope_name="earshot",otel_scope_version="[^"]+"\} 5$/m,
  );
  assert.match(first, /^otelcol_exporter_queue_size\{exporter="a",.*\} 2$/m);
  assert.match(first, /^otelcol_process_memory_rss\{.*\} \d{7,}$/m);
  counters.add(deliveryCounters.sent.metrics, 2, { exporter: 'a' });
  assert.match(await scrape(), /^otelcol_exporter_sent_metric_points_total\{exporter="a",.*\} 7$/m);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
});

test('scope and resource can be left out; `basic` has the names of the Collector alone', async (t) => {
  const [port = 0] = await freePorts(1);
  await opened(t, prometheus(port, true), 'basic');
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(text, /^otelcol_exporter_sent_metric_points_total\{exporter="a"\} 5$/m);
  assert.doesNotMatch(text, /target_info|otel_scope|earshot/);
});

test('level `none` opens no reader', async (t) => {
  const [port = 0] = await freePorts(1);
  await opened(t, prometheus(port), 'none');
  await assert.rejects(fetch(`http://127.0.0.1:${port}/metrics`));
});

test('a port that is taken is refused with what to do, and nothing stays open', async (t) => {
  const [port = 0] = await freePorts(1);
  await opened(t, prometheus(port));
  const [other = 0] = await freePorts(1);
  await assert.rejects(opened(t, [...prometheus(other), ...prometheus(port)]), {
    message: `cannot listen at localhost:${port}: another process listens there; set another endpoint`,
  });
  await assert.rejects(fetch(`http://127.0.0.1:${other}/metrics`));
});

test('a periodic reader sends totals with the resource, and once more at the end', async (t) => {
  const receiver = await startOtlpReceiver();
  t.after(() => receiver.close());
  const { telemetry, counters } = await opened(t, otlp(`http://${receiver.endpoint}`, seconds(3600)));
  assert.equal(receiver.metrics().length, 0);
  counters.add(deliveryCounters.sent.metrics, 3, { exporter: 'a' });
  await telemetry.close();
  await telemetry.close();
  const sent = receiver.metrics();
  const last = sent.at(-1);
  assert.equal(last?.headers['x-key'], 'k');
  const text = inspect(last?.resources, { depth: Number.POSITIVE_INFINITY });
  assert.match(text, /'service\.name'/);
  assert.match(text, /otelcol_exporter_sent_metric_points/);
  assert.equal(sent.length, 1);
  assert.match(text, /asInt: 8\b|value: 8\b/);
});

test('a destination that does not answer is told in the health, and does not hold up the end', async (t) => {
  const [port = 0] = await freePorts(1);
  const { telemetry, health } = await opened(t, otlp(`http://127.0.0.1:${port}`));
  while (health.list.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(health.list[0]?.subject.id, 'telemetry');
  const began = performance.now();
  await telemetry.close();
  assert.ok(performance.now() - began < 4000);
});

test('other readers take the place of the former, with totals since the same start', async (t) => {
  const [one = 0, other = 0] = await freePorts(2);
  const { telemetry, counters } = await opened(t, prometheus(one));
  await telemetry.apply({ level: 'normal', readers: prometheus(other) });
  await assert.rejects(fetch(`http://127.0.0.1:${one}/metrics`));
  counters.add(deliveryCounters.sent.metrics, 2, { exporter: 'a' });
  const text = await (await fetch(`http://127.0.0.1:${other}/metrics`)).text();
  assert.match(text, /^otelcol_exporter_sent_metric_points_total\{.*exporter="a".*\} 7$/m);
  await telemetry.apply({ level: 'none', readers: prometheus(other) });
  await assert.rejects(fetch(`http://127.0.0.1:${other}/metrics`));
});

test('where a reader cannot listen the former go on', async (t) => {
  const [port = 0, taken = 0] = await freePorts(2);
  const holder = createServer().listen(taken, 'localhost');
  t.after(() => holder.close());
  await new Promise((resolve) => holder.once('listening', resolve));
  const { telemetry } = await opened(t, prometheus(port));
  await assert.rejects(
    telemetry.apply({ level: 'normal', readers: prometheus(taken) }),
    /another process listens/,
  );
  assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { waitEvent } from '../../../../src/receivers/scheduler/emits.ts';
import { eventAttributes } from '../../../../src/telemetry/attributes/event.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import {
  exponentialHistogram,
  gauge,
  resourceMetrics,
  sum,
} from '../../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../../src/telemetry/metrics/histogram.ts';
import { waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { milliseconds, seconds } from '../../../../src/telemetry/units.ts';
import { version } from '../../../../src/version.ts';
import { batchWith, interval as spanInterval } from '../../batch-with.ts';
import { sendAll } from '../otlp-fixture.ts';
import {
  interval,
  numbered,
  one,
  opening,
  runBatch,
  type Settings,
  setUp,
  workload,
} from './otlp-grpc-fixture.ts';

test('200 workloads go out in one request and arrive whole', async (t) => {
  const { receiver, exporter } = await setUp(t);
  assert.deepEqual(await sendAll(exporter, runBatch(numbered(200))), [{ kind: 'accepted' }]);
  const [request, ...further] = receiver.metrics();
  assert.equal(further.length, 0);
  assert.deepEqual(
    request?.resources.map(({ resource: of }) => of[resourceAttributes.serviceInstanceId.key]),
    numbered(200),
  );
});

test('every kind of metric arrives as it was, in the words of the protocol', async (t) => {
  const { receiver, exporter } = await setUp(t, { settings: { temporality: 'delta' } });
  const histogram = histogramOf({
    scale: 2,
    buckets: new Map([
      [-20, 3],
      [-18, 5_000_000_000],
    ]),
    zeroCount: 2,
    sum: 0.75,
    max: 0.06,
  });
  const score = { ...waitMetrics.runTime, name: 'earshot.test', kind: 'gauge' } as const;
  await sendAll(exporter, {
    signal: 'metrics',
    resourceMetrics: [
      resourceMetrics(workload('a'), [
        exponentialHistogram(waitMetrics.waitDuration, interval(), [{ value: histogram }]),
        sum(waitMetrics.preemptions, interval(), [
          { value: 7, attributes: { [waitAttributes.cause.key]: 'neighbor' } },
        ]),
        gauge(score, interval(), [{ value: 0.5 }]),
      ]),
    ],
  });
  const times = { start: interval().start, time: interval().end };
  assert.deepEqual(receiver.metrics()[0]?.resources[0]?.metrics, [
    {
      name: 'earshot.wait.duration',
      unit: 's',
      description: waitMetrics.waitDuration.meaning,
      temporality: 'delta',
      isMonotonic: undefined,
      points: [
        {
          attributes: {},
          ...times,
          histogram: {
            count: 5_000_000_005,
            sum: 0.75,
            scale: 2,
            zeroCount: 2,
            offset: -20,
            bucketCounts: [3, 0, 5_000_000_000],
            max: 0.06,
          },
        },
      ],
    },
    {
      name: 'earshot.preemptions',
      unit: '{preemption}',
      description: waitMetrics.preemptions.meaning,
      temporality: 'delta',
      isMonotonic: true,
      points: [{ attributes: { 'earshot.cause': 'neighbor' }, ...times, value: 7 }],
    },
    {
      name: 'earshot.test',
      unit: 's',
      description: score.meaning,
      temporality: undefined,
      isMonotonic: undefined,
      points: [{ attributes: {}, ...times, value: 0.5 }],
    },
  ]);
});

test('events arrive as OpenTelemetry events: name, both times, severity, attributes, resource', async (t) => {
  const { receiver, exporter } = await setUp(t);
  const { start, end } = interval();
  const record = event(waitEvent, {
    resource: workload('a'),
    at: start,
    observed: end,
    attributes: {
      [eventAttributes.duration.key]: 0.25,
      [eventAttributes.weight.key]: 3,
      [eventAttributes.migrated.key]: true,
    },
  });
  assert.deepEqual(await sendAll(exporter, { signal: 'logs', records: [record] }), [{ kind: 'accepted' }]);
  assert.deepEqual(receiver.logs()[0]?.resources, [
    {
      resource: { [resourceAttributes.serviceInstanceId.key]: 'a' },
      records: [
        {
          eventName: 'earshot.wait',
          time: start,
          observed: end,
          severityNumber: 9,
          body: undefined,
          attributes: { 'earshot.wait.duration': 0.25, 'earshot.weight': 3, 'earshot.migrated': true },
        },
      ],
    },
  ]);
});

test('spans arrive with ids, times, kind, status, attributes and resource', async (t) => {
  const { receiver, exporter } = await setUp(t);
  const batch = batchWith('traces', { a: ['first', 'second'], b: ['third'] });
  assert.deepEqual(await sendAll(exporter, batch), [{ kind: 'accepted' }]);
  const span = (label: string) => ({
    name: 'test',
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    parentSpanId: '',
    kind: 2,
    start: spanInterval.start,
    end: spanInterval.end,
    status: 1,
    attributes: { label },
  });
  assert.deepEqual(receiver.traces()[0]?.resources, [
    { resource: { name: 'a' }, spans: [span('first'), span('second')] },
    { resource: { name: 'b' }, spans: [span('third')] },
  ]);
});

test('spans that the destination rejects are counted as such', async (t) => {
  const { receiver, exporter } = await setUp(t);
  receiver.answer({ kind: 'partial', rejected: 2, message: 'too old' });
  const [outcome] = await sendAll(exporter, batchWith('traces', { a: ['1', '2', '3'] }));
  assert.deepEqual(outcome, {
    kind: 'partial',
    rejected: 2,
    reason: `${receiver.endpoint} rejected 2: too old`,
  });
});

test('profiles cannot be encoded', async (t) => {
  const { exporter } = await setUp(t);
  assert.throws(
    () => exporter.encode(batchWith('profiles', { a: ['1'] })),
    /cannot encode profiles: OTLP has no stable protocol/,
  );
});

test('nothing is encoded for a batch without points or records', async (t) => {
  const { exporter } = await setUp(t);
  const withoutPoints = [resourceMetrics(workload('a'), [sum(waitMetrics.runTime, interval(), [])])];
  assert.deepEqual(exporter.encode({ signal: 'metrics', resourceMetrics: [] }), []);
  assert.deepEqual(exporter.encode({ signal: 'metrics', resourceMetrics: withoutPoints }), []);
  assert.deepEqual(exporter.encode({ signal: 'logs', records: [] }), []);
});

test('a batch too large for one request is split, and each part arrives once', async (t) => {
  const { receiver, exporter } = await setUp(t);
  const ids = numbered(30).map((id) => id.padEnd(200_000, '.'));
  const payloads = exporter.encode(runBatch(ids));
  assert.ok(payloads.length > 1);
  assert.equal(
    payloads.reduce((items, payload) => items + payload.items, 0),
    30,
  );
  for (const payload of payloads) {
    assert.ok(payload.bytes.length <= 2 * 1024 * 1024);
    const attempt = { abort: new AbortController().signal, timeout: seconds(0) };
    assert.deepEqual(await exporter.send(payload, attempt), { kind: 'accepted' });
  }
  const arrived = receiver.metrics().flatMap(({ resources }) => resources);
  assert.deepEqual(
    arrived.map(({ resource: of }) => of[resourceAttributes.serviceInstanceId.key]),
    ids,
  );
});

test('a single resource too large goes alone', async (t) => {
  const { exporter } = await setUp(t);
  const payloads = exporter.encode(runBatch(['small', 'x'.repeat(3_000_000), 'small too']));
  assert.deepEqual(
    payloads.map(({ items }) => items),
    [1, 1, 1],
  );
});

test('many events of one workload are split as well', async (t) => {
  const { exporter } = await setUp(t);
  const { start: at, end: observed } = interval();
  const of = workload('a');
  const records = numbered(300).map((id) =>
    event(waitEvent, { resource: of, at, observed, attributes: { name: id.padEnd(10_000, '.') } }),
  );
  const payloads = exporter.encode({ signal: 'logs', records });
  assert.deepEqual(
    payloads.map(({ items }) => items),
    [150, 150],
  );
});

test('cumulative temporality is the default', async (t) => {
  const { receiver, exporter } = await setUp(t);
  for (const n of [0, 1]) await sendAll(exporter, runBatch(['a'], n));
  const metric = receiver.metrics()[1]?.resources[0]?.metrics[0];
  assert.equal(metric?.temporality, 'cumulative');
  assert.deepEqual(metric?.points, [
    { attributes: {}, start: interval(0).start, time: interval(1).end, value: 3 },
  ]);
});

test('temporality delta sends deltas unchanged', async (t) => {
  const { receiver, exporter } = await setUp(t, { settings: { temporality: 'delta' } });
  for (const n of [0, 1]) await sendAll(exporter, runBatch(['a'], n));
  assert.deepEqual(receiver.metrics()[1]?.resources[0]?.metrics[0]?.points, [
    { attributes: {}, start: interval(1).start, time: interval(1).end, value: 1.5 },
  ]);
});

test('requests carry the configured headers and the user agent; a header value is never logged', async (t) => {
  const { receiver, exporter, logged } = await setUp(t, { settings: { headers: { 'X-Api-Key': 's3cret' } } });
  await sendAll(exporter, one);
  const headers = receiver.metrics()[0]?.headers;
  assert.equal(headers?.['x-api-key'], 's3cret');
  assert.match(headers?.['user-agent'] ?? '', new RegExp(`^earshot/${version.replaceAll('.', '\\.')} `));
  assert.ok(!logged.join('').includes('s3cret'));
});

/** An HTTP/2 server below gRPC: what goes over the wire before any library has unpacked it. It never answers. */
async function openWire(t: TestContext, settings: Partial<Settings>, timeout = seconds(0)) {
  const server = http2.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const exporter = await opening({
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...settings,
  });
  const abort = new AbortController();
  const session = once(server, 'session') as Promise<[http2.ServerHttp2Session]>;
  const stream = once(server, 'stream') as Promise<[http2.ServerHttp2Stream, http2.IncomingHttpHeaders]>;
  const sending = sendAll(exporter, one, abort.signal, timeout);
  t.after(async () => {
    abort.abort();
    await sending;
    await exporter.close();
    server.close();
  });
  return { session: (await session)[0], headers: (await stream)[1] };
}

test('requests are compressed by default', async (t) => {
  assert.equal((await openWire(t, {})).headers['grpc-encoding'], 'gzip');
  assert.notEqual((await openWire(t, { compression: 'none' })).headers['grpc-encoding'], 'gzip');
});

test('the server is told how long an answer is waited for', async (t) => {
  assert.match(`${(await openWire(t, {}, seconds(5))).headers['grpc-timeout']}`, /^(4\d{3}|5000)m$|^5S$/);
  assert.equal((await openWire(t, {})).headers['grpc-timeout'], undefined);
});

test('a silent connection is probed where keepalive says so', async (t) => {
  const keepalive = { time: milliseconds(10), timeout: seconds(10), permit_without_stream: false };
  const { session } = await openWire(t, { keepalive });
  await once(session, 'ping');
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import type { Static } from 'typebox';
import type { Exporter, Outcome } from '../../src/component.ts';
import { otlpGrpc } from '../../src/exporters/otlp-grpc/otlp-grpc.ts';
import type { Batch } from '../../src/telemetry/batch.ts';
import {
  event,
  exponentialHistogram,
  gauge,
  type Interval,
  resource,
  resourceMetrics,
  sum,
} from '../../src/telemetry/build.ts';
import { histogramOf } from '../../src/telemetry/histogram.ts';
import { milliseconds, seconds, type UnixNanoseconds } from '../../src/telemetry/units.ts';
import { attributes, events, metrics } from '../../src/telemetry/vocabulary.ts';
import { version } from '../../src/version.ts';
import { type Answer, startOtlpReceiver } from '../otlp-receiver.ts';
import { fakeHost } from './fake-host.ts';

// A proxy in the environment is not what is tested here.
process.env.no_grpc_proxy = '127.0.0.1,localhost';

type Settings = Static<typeof otlpGrpc.config>;

const tlsOff = { insecure: true, insecure_skip_verify: false };
const tlsOn = { insecure: false, insecure_skip_verify: false };
const defaults: Omit<Settings, 'endpoint'> = {
  compression: 'gzip',
  headers: {},
  tls: tlsOff,
  temporality: 'cumulative',
  cumulative: { max_stale: seconds(600), max_streams: 1000 },
  timeout: seconds(5),
  sending_queue: { enabled: true, num_consumers: 10, queue_size: 1000, max_bytes: 1_000_000 },
  retry_on_failure: {
    enabled: true,
    initial_interval: seconds(5),
    randomization_factor: 0.5,
    multiplier: 1.5,
    max_interval: seconds(30),
    max_elapsed_time: seconds(300),
  },
};

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
const tlsServer = { key: readFileSync(fixture('key.pem')), cert: readFileSync(fixture('cert.pem')) };

async function setUp(
  t: TestContext,
  {
    settings = {},
    server = {},
  }: { settings?: Partial<Settings>; server?: Parameters<typeof startOtlpReceiver>[0] } = {},
) {
  const receiver = await startOtlpReceiver(server);
  const { host, logged } = fakeHost('otlp_grpc');
  const exporter = await otlpGrpc.open({ ...defaults, endpoint: receiver.endpoint, ...settings }, host);
  t.after(async () => {
    await exporter.close();
    await receiver.close();
  });
  return { receiver, exporter, logged };
}

async function sendAll(exporter: Exporter, batch: Batch, abort = new AbortController().signal) {
  const outcomes: Outcome[] = [];
  for (const payload of exporter.encode(batch)) outcomes.push(await exporter.send(payload, abort));
  return outcomes;
}

const interval = (n = 0): Interval => ({
  start: (1_700_000_000_000_000_001n + BigInt(n) * 10_000_000_000n) as UnixNanoseconds,
  end: (1_700_000_010_000_000_001n + BigInt(n) * 10_000_000_000n) as UnixNanoseconds,
});
const workload = (id: string) => resource({ [attributes.serviceInstanceId]: id });
const runBatch = (ids: readonly string[], n = 0): Batch => ({
  signal: 'metrics',
  resourceMetrics: ids.map((id) =>
    resourceMetrics(workload(id), [sum(metrics.runTime, interval(n), [{ value: 1.5 }])]),
  ),
});
const one = runBatch(['a']);
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `workload-${n}`);

test('200 workloads go out in one request and arrive whole', async (t) => {
  const { receiver, exporter } = await setUp(t);
  assert.deepEqual(await sendAll(exporter, runBatch(numbered(200))), [{ kind: 'accepted' }]);
  const [request, ...further] = receiver.metrics();
  assert.equal(further.length, 0);
  assert.deepEqual(
    request?.resources.map(({ resource: of }) => of[attributes.serviceInstanceId]),
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
  const score = { ...metrics.runTime, name: 'earshot.test', kind: 'gauge' } as const;
  await sendAll(exporter, {
    signal: 'metrics',
    resourceMetrics: [
      resourceMetrics(workload('a'), [
        exponentialHistogram(metrics.waitDuration, interval(), [{ value: histogram }]),
        sum(metrics.preemptions, interval(), [{ value: 7, attributes: { [attributes.cause]: 'neighbor' } }]),
        gauge(score, interval(), [{ value: 0.5 }]),
      ]),
    ],
  });
  const times = { start: interval().start, time: interval().end };
  assert.deepEqual(receiver.metrics()[0]?.resources[0]?.metrics, [
    {
      name: 'earshot.wait.duration',
      unit: 's',
      description: metrics.waitDuration.description,
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
      description: metrics.preemptions.description,
      temporality: 'delta',
      isMonotonic: true,
      points: [{ attributes: { 'earshot.cause': 'neighbor' }, ...times, value: 7 }],
    },
    {
      name: 'earshot.test',
      unit: 's',
      description: score.description,
      temporality: undefined,
      isMonotonic: undefined,
      points: [{ attributes: {}, ...times, value: 0.5 }],
    },
  ]);
});

test('events arrive as OpenTelemetry events: name, both times, severity, attributes, resource', async (t) => {
  const { receiver, exporter } = await setUp(t);
  const { start, end } = interval();
  const record = event(events.wait, {
    resource: workload('a'),
    at: start,
    observed: end,
    attributes: { [attributes.waitDuration]: 0.25, [attributes.weight]: 3, [attributes.migrated]: true },
  });
  assert.deepEqual(await sendAll(exporter, { signal: 'logs', records: [record] }), [{ kind: 'accepted' }]);
  assert.deepEqual(receiver.logs()[0]?.resources, [
    {
      resource: { [attributes.serviceInstanceId]: 'a' },
      records: [
        {
          eventName: 'earshot.wait',
          time: start,
          observed: end,
          severityNumber: 9,
          attributes: { 'earshot.wait.duration': 0.25, 'earshot.weight': 3, 'earshot.migrated': true },
        },
      ],
    },
  ]);
});

test('nothing is encoded for a batch without points or records', async (t) => {
  const { exporter } = await setUp(t);
  const withoutPoints = [resourceMetrics(workload('a'), [sum(metrics.runTime, interval(), [])])];
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
    assert.deepEqual(await exporter.send(payload, new AbortController().signal), { kind: 'accepted' });
  }
  const arrived = receiver.metrics().flatMap(({ resources }) => resources);
  assert.deepEqual(
    arrived.map(({ resource: of }) => of[attributes.serviceInstanceId]),
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
    event(events.wait, { resource: of, at, observed, attributes: { name: id.padEnd(10_000, '.') } }),
  );
  const payloads = exporter.encode({ signal: 'logs', records });
  assert.deepEqual(
    payloads.map(({ items }) => items),
    [150, 150],
  );
});

test('totals since the beginning are the default', async (t) => {
  const { receiver, exporter } = await setUp(t);
  for (const n of [0, 1]) await sendAll(exporter, runBatch(['a'], n));
  const metric = receiver.metrics()[1]?.resources[0]?.metrics[0];
  assert.equal(metric?.temporality, 'cumulative');
  assert.deepEqual(metric?.points, [
    { attributes: {}, start: interval(0).start, time: interval(1).end, value: 3 },
  ]);
});

test('deltas go out as they are where the destination wants them', async (t) => {
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
async function openWire(t: TestContext, settings: Partial<Settings>) {
  const server = http2.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const exporter = await opening({
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...settings,
  });
  const abort = new AbortController();
  const session = once(server, 'session') as Promise<[http2.ServerHttp2Session]>;
  const stream = once(server, 'stream') as Promise<[http2.ServerHttp2Stream, http2.IncomingHttpHeaders]>;
  const sending = sendAll(exporter, one, abort.signal);
  t.after(async () => {
    abort.abort();
    await sending;
    await exporter.close();
    server.close();
  });
  return { session: (await session)[0], headers: (await stream)[1] };
}

test('requests are compressed unless told otherwise', async (t) => {
  assert.equal((await openWire(t, {})).headers['grpc-encoding'], 'gzip');
  assert.notEqual((await openWire(t, { compression: 'none' })).headers['grpc-encoding'], 'gzip');
});

test('a silent connection is probed where keepalive says so', async (t) => {
  const keepalive = { time: milliseconds(10), timeout: seconds(10), permit_without_stream: false };
  const { session } = await openWire(t, { keepalive });
  await once(session, 'ping');
});

async function outcomeOf(t: TestContext, answer: Answer): Promise<Outcome | undefined> {
  const { receiver, exporter } = await setUp(t);
  receiver.answer(answer);
  return (await sendAll(exporter, one))[0];
}

const codes = Object.entries(status).filter(
  (entry): entry is [string, status] => typeof entry[1] === 'number',
);
const retryable = ['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'OUT_OF_RANGE', 'UNAVAILABLE', 'DATA_LOSS'];
for (const [name, code] of codes.filter(([, code]) => code !== status.OK)) {
  const expected = retryable.includes(name) ? 'retry' : 'refused';
  test(`${name} means ${expected}`, async (t) => {
    const outcome = await outcomeOf(t, { kind: 'fail', code, message: 'because' });
    assert.equal(outcome?.kind, expected);
    assert.match('reason' in outcome ? outcome.reason : '', /^127\.0\.0\.1:\d+ .*because/);
  });
}

test('a server that says when to come back is waited for, also when it is merely exhausted', async (t) => {
  for (const code of [status.UNAVAILABLE, status.RESOURCE_EXHAUSTED]) {
    const outcome = await outcomeOf(t, { kind: 'fail', code, message: 'busy', retryAfterMs: 7250 });
    assert.ok(outcome?.kind === 'retry');
    assert.equal(outcome.after, milliseconds(7250));
  }
});

test('retry information does not make a final refusal retryable', async (t) => {
  const outcome = await outcomeOf(t, {
    kind: 'fail',
    code: status.INVALID_ARGUMENT,
    message: 'no',
    retryAfterMs: 1,
  });
  assert.equal(outcome?.kind, 'refused');
});

test('partial success tells how much was rejected and why', async (t) => {
  const outcome = await outcomeOf(t, { kind: 'partial', rejected: 7, message: 'out of order' });
  assert.ok(outcome?.kind === 'partial');
  assert.equal(outcome.rejected, 7);
  assert.match(outcome.reason, /out of order/);
});

test('a warning without rejections is logged, and everything counts as accepted', async (t) => {
  const { receiver, exporter, logged } = await setUp(t);
  receiver.answer({ kind: 'partial', rejected: 0, message: 'old protocol' });
  assert.deepEqual(await sendAll(exporter, one), [{ kind: 'accepted' }]);
  assert.match(logged.join(''), /old protocol/);
});

test('partial success is understood for events as well', async (t) => {
  const { receiver, exporter } = await setUp(t);
  receiver.answer({ kind: 'partial', rejected: 1, message: 'too old' });
  const { start: at, end: observed } = interval();
  const record = event(events.wait, { resource: workload('a'), at, observed, attributes: {} });
  const [outcome] = await sendAll(exporter, { signal: 'logs', records: [record] });
  assert.deepEqual(outcome?.kind === 'partial' && outcome.rejected, 1);
});

test('an answer that is no OTLP is refused, and the reason says so', async (t) => {
  const outcome = await outcomeOf(t, { kind: 'garbage' });
  assert.equal(outcome?.kind, 'refused');
  assert.match('reason' in outcome ? outcome.reason : '', /not OTLP/);
});

test('a request above the limit of the server is refused for good', async (t) => {
  const { exporter } = await setUp(t, { server: { maxBytes: 1000 } });
  const [outcome] = await sendAll(exporter, runBatch(['x'.repeat(2000)]));
  assert.equal(outcome?.kind, 'refused');
  assert.match('reason' in outcome ? outcome.reason : '', /RESOURCE_EXHAUSTED.* larger than 1000$/);
});

test('no answer before the runtime gives up: retry, and the call is cancelled', async (t) => {
  const { receiver, exporter } = await setUp(t);
  receiver.answer({ kind: 'never' });
  const abort = new AbortController();
  const sending = sendAll(exporter, one, abort.signal);
  await receiver.until(() => receiver.metrics().length === 1);
  abort.abort();
  const [outcome] = await sending;
  assert.deepEqual(outcome, { kind: 'retry', reason: `${receiver.endpoint} did not answer in time` });
});

test('given up already: nothing is sent', async (t) => {
  const { receiver, exporter } = await setUp(t);
  const [outcome] = await sendAll(exporter, one, AbortSignal.abort());
  assert.equal(outcome?.kind, 'retry');
  assert.equal(receiver.metrics().length, 0);
});

const reasonOf = async (exporter: Exporter) => {
  const [outcome] = await sendAll(exporter, one);
  return outcome && 'reason' in outcome ? `${outcome.kind}: ${outcome.reason}` : outcome?.kind;
};

test('an endpoint that is down: retry, with a reason a person understands', async (t) => {
  const { receiver, exporter } = await setUp(t);
  await receiver.close();
  assert.equal(
    await reasonOf(exporter),
    `retry: cannot reach ${receiver.endpoint}: connection refused; is anything listening there?`,
  );
});

test('a host that does not exist', async (t) => {
  const { exporter } = await setUp(t, { settings: { endpoint: 'no-such-host.invalid:4317' } });
  assert.equal(await reasonOf(exporter), 'retry: cannot reach no-such-host.invalid:4317: no such host');
});

test('a server of something else: the reason names the usual ports', async (t) => {
  const server = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { exporter } = await setUp(t, {
    settings: { endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}` },
  });
  assert.match((await reasonOf(exporter)) ?? '', /^retry: .* does not speak gRPC; .* 4318, .* 4317$/);
});

test('TLS with the authority of the server', async (t) => {
  const { exporter } = await setUp(t, {
    server: { tls: tlsServer },
    settings: { tls: { ...tlsOn, ca_file: fixture('cert.pem') } },
  });
  assert.equal(await reasonOf(exporter), 'accepted');
});

test('an untrusted certificate: the reason names tls::ca_file, insecure_skip_verify accepts it', async (t) => {
  const strict = await setUp(t, { server: { tls: tlsServer }, settings: { tls: tlsOn } });
  assert.match((await reasonOf(strict.exporter)) ?? '', /^retry: .* not trusted; tls::ca_file /);
  const lax = await setUp(t, {
    server: { tls: tlsServer },
    settings: { tls: { ...tlsOn, insecure_skip_verify: true } },
  });
  assert.equal(await reasonOf(lax.exporter), 'accepted');
});

test('the name expected in the certificate can be another', async (t) => {
  const settings = (server_name_override: string) => ({
    tls: { ...tlsOn, ca_file: fixture('cert.pem'), server_name_override },
  });
  const right = await setUp(t, { server: { tls: tlsServer }, settings: settings('localhost') });
  assert.equal(await reasonOf(right.exporter), 'accepted');
  const wrong = await setUp(t, { server: { tls: tlsServer }, settings: settings('elsewhere') });
  assert.match((await reasonOf(wrong.exporter)) ?? '', /^retry: .* tls::server_name_override /);
});

test('plaintext to a TLS server, and TLS to a plaintext one: both reasons name tls::insecure', async (t) => {
  const plain = await setUp(t, { server: { tls: tlsServer }, settings: { tls: tlsOff } });
  assert.match(
    (await reasonOf(plain.exporter)) ?? '',
    /^retry: .* expects TLS, tls::insecure must be false$/,
  );
  const tls = await setUp(t, { settings: { tls: tlsOn } });
  assert.match(
    (await reasonOf(tls.exporter)) ?? '',
    /^retry: .* not speak TLS; .* set tls::insecure to true$/,
  );
});

test('a scheme decides over TLS, whatever tls::insecure says', async (t) => {
  const { receiver } = await setUp(t);
  const http = await setUp(t, { settings: { endpoint: `http://${receiver.endpoint}/`, tls: tlsOn } });
  assert.equal(await reasonOf(http.exporter), 'accepted');
  const https = await setUp(t, { settings: { endpoint: `https://${receiver.endpoint}`, tls: tlsOff } });
  assert.match((await reasonOf(https.exporter)) ?? '', /does not speak TLS/);
});

const opening = (settings: Partial<Settings>) =>
  otlpGrpc.open({ ...defaults, endpoint: '127.0.0.1:1', ...settings }, fakeHost('otlp_grpc').host);

test('an endpoint that cannot be one is refused at the start', async () => {
  await assert.rejects(opening({ endpoint: ' ' }), /requires a non-empty "endpoint"/);
});

const problemsOf = (settings: Partial<Settings>) =>
  otlpGrpc
    .check?.({ ...defaults, endpoint: 'a:4317', ...settings })
    .map(({ path, message }) => `${path.join('::')}: ${message}`);

test('an endpoint is a host and a port, with or without a scheme', () => {
  for (const endpoint of ['a:1', 'http://a.b:4317/', 'https://[::1]:4317', 'dns:///a:1', 'unix:///run/otlp'])
    assert.deepEqual(problemsOf({ endpoint }), [], endpoint);
  for (const [endpoint, expected] of [
    [' ', /^endpoint: requires a non-empty "endpoint"$/],
    ['http://a:4317/v1/metrics', /^endpoint: OTLP over gRPC has no path/],
    ['https://a/v1/metrics', /^endpoint: OTLP over gRPC has no path/],
    ['localhost', /^endpoint: has no port: add one, as host:4317$/],
    ['https://a.b', /^endpoint: has no port: add one, as https:\/\/host:4317$/],
    ['::1:4317', /^endpoint: is not host:port; an IPv6 address goes in brackets/],
    ['a:99999', /^endpoint: port must be from 1 to 65535$/],
    ['ftp://a:1', /^endpoint: scheme is not supported/],
  ] as const) {
    const problems = problemsOf({ endpoint }) ?? [];
    assert.equal(problems.length, 1, endpoint);
    assert.match(problems[0] ?? '', expected);
  }
});

test('what TLS needs is checked where TLS is used', () => {
  const certOnly = { cert_file: fixture('cert.pem'), ca_file: '/no/such.pem' };
  assert.deepEqual(problemsOf({ tls: { ...tlsOn, ...certOnly } }), [
    'tls::ca_file: cannot read the file: no such file',
    'tls::cert_file: needs key_file too: both, or neither',
  ]);
  assert.deepEqual(problemsOf({ tls: { ...tlsOn, key_file: fixture('key.pem') } }), [
    'tls::key_file: needs cert_file too: both, or neither',
  ]);
  assert.deepEqual(problemsOf({ tls: { ...tlsOff, ...certOnly } }), []);
});

test('a header that gRPC cannot carry is a problem, told without its value', () => {
  const problems = problemsOf({ headers: { good: 'a', authorization: 's3cret\n', 'x=s3cret': '' } });
  const message = 'name or value of a header has a character that gRPC does not carry';
  assert.deepEqual(problems, [`headers::authorization: ${message}`, `headers: ${message}`]);
});

test('a request cannot be too old before it is tried a second time', () => {
  const retrying = (change: Partial<Settings['retry_on_failure']>) =>
    problemsOf({ retry_on_failure: { ...defaults.retry_on_failure, ...change } });
  const problem = "retry_on_failure::max_elapsed_time: 'max_elapsed_time' must not be less than";
  assert.deepEqual(retrying({ max_elapsed_time: seconds(4) }), [`${problem} 'initial_interval'`]);
  assert.deepEqual(retrying({ max_elapsed_time: seconds(29) }), [`${problem} 'max_interval'`]);
  for (const fine of [{ max_elapsed_time: seconds(0) }, { max_elapsed_time: seconds(30) }])
    assert.deepEqual(retrying(fine), []);
  assert.deepEqual(retrying({ enabled: false, max_elapsed_time: seconds(1) }), []);
});

test('a file of TLS that cannot be read is named', async () => {
  await assert.rejects(
    opening({ tls: { ...tlsOn, ca_file: '/no/such.pem' } }),
    /^Error: cannot read tls::ca_file: ENOENT/,
  );
});

test('a key that is none is refused', async () => {
  const tls = { ...tlsOn, cert_file: fixture('cert.pem'), key_file: fixture('README.md') };
  await assert.rejects(opening({ tls }), /^Error: cannot use tls: /);
});

test('a header that gRPC cannot carry is named without its value', async () => {
  await assert.rejects(opening({ headers: { authorization: 's3cret\n' } }), (error: Error) => {
    assert.match(error.message, /^cannot use headers::authorization: /);
    assert.ok(!error.message.includes('s3cret') && error.cause === undefined);
    return true;
  });
});

test('closing twice is the same as once', async () => {
  const exporter = await opening({});
  await exporter.close();
  await exporter.close();
});

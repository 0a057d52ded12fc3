import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { Outcome, RequestExporter } from '../../../../src/component.ts';
import { otlpGrpc } from '../../../../src/exporters/otlp-grpc/otlp-grpc.ts';
import { waitEvent } from '../../../../src/receivers/scheduler/emits.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import { milliseconds } from '../../../../src/telemetry/units.ts';
import type { Answer } from '../../../lab/otlp-receiver.ts';
import { fixture, sendAll, tlsOff, tlsOn, tlsServer } from '../otlp-fixture.ts';
import {
  defaults,
  interval,
  one,
  opening,
  runBatch,
  type Settings,
  setUp,
  workload,
} from './otlp-grpc-fixture.ts';

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
    assert.equal('code' in outcome ? outcome.code : undefined, name);
  });
}

test('the retry delay of a server is respected, also for RESOURCE_EXHAUSTED', async (t) => {
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

test('partial success has the rejected count and the reason', async (t) => {
  const outcome = await outcomeOf(t, { kind: 'partial', rejected: 7, message: 'out of order' });
  assert.ok(outcome?.kind === 'partial');
  assert.equal(outcome.rejected, 7);
  assert.match(outcome.reason, /out of order/);
});

test('a warning without rejections is told, and everything counts as accepted', async (t) => {
  const outcome = await outcomeOf(t, { kind: 'partial', rejected: 0, message: 'old protocol' });
  assert.ok(outcome?.kind === 'partial');
  assert.equal(outcome.rejected, 0);
  assert.match(outcome.reason, /accepted all, with a warning: old protocol/);
});

test('partial success is decoded for events as well', async (t) => {
  const { receiver, exporter } = await setUp(t);
  receiver.answer({ kind: 'partial', rejected: 1, message: 'too old' });
  const { start: at, end: observed } = interval();
  const record = event(waitEvent, { resource: workload('a'), at, observed, attributes: {} });
  const [outcome] = await sendAll(exporter, { signal: 'logs', records: [record] });
  assert.deepEqual(outcome?.kind === 'partial' && outcome.rejected, 1);
});

test('an answer that is not OTLP is refused with that reason', async (t) => {
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

test('a stream that is cut before the server sent a status: retry', async (t) => {
  const server = http2.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  server.on('stream', (stream) => {
    stream.on('error', () => {}); // the one it is closed with
    stream.on('data', () => {}).on('end', () => stream.close(code));
  });
  let code = 0;
  const { exporter } = await setUp(t, { settings: { endpoint: `127.0.0.1:${port}` } });
  const { NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_INTERNAL_ERROR } = http2.constants;
  for (code of [NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_INTERNAL_ERROR]) {
    const [outcome] = await sendAll(exporter, one);
    assert.equal(outcome?.kind, 'retry', `${code}`);
  }
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

test('an aborted request is not sent', async (t) => {
  const { receiver, exporter } = await setUp(t);
  const [outcome] = await sendAll(exporter, one, AbortSignal.abort());
  assert.equal(outcome?.kind, 'retry');
  assert.equal(receiver.metrics().length, 0);
});

const reasonOf = async (exporter: RequestExporter) => {
  const [outcome] = await sendAll(exporter, one);
  return outcome && 'reason' in outcome ? `${outcome.kind}: ${outcome.reason}` : outcome?.kind;
};

test('an endpoint that is down: retry, with a readable reason', async (t) => {
  const { receiver, exporter } = await setUp(t);
  await receiver.close();
  assert.equal(
    await reasonOf(exporter),
    `retry: cannot reach ${receiver.endpoint}: connection refused; is anything listening there?`,
  );
});

test('an unknown host: retry, with a readable reason', async (t) => {
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

test('a scheme takes precedence over tls::insecure', async (t) => {
  const { receiver } = await setUp(t);
  const http = await setUp(t, { settings: { endpoint: `http://${receiver.endpoint}/`, tls: tlsOn } });
  assert.equal(await reasonOf(http.exporter), 'accepted');
  const https = await setUp(t, { settings: { endpoint: `https://${receiver.endpoint}`, tls: tlsOff } });
  assert.match((await reasonOf(https.exporter)) ?? '', /does not speak TLS/);
});

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
    ['unix://', /^endpoint: unix socket path cannot be empty$/],
    ['https://user:hunter2@a:1', /^endpoint: must not hold credentials: use headers$/],
    ['::1:4317', /^endpoint: is not host:port; an IPv6 address goes in brackets/],
    ['a:99999', /^endpoint: port must be from 1 to 65535$/],
    ['a.b:port', /^endpoint: port must be a number/],
    [':4317', /^endpoint: has no host: write it before the port, as localhost:4317$/],
    ['a b:1', /^endpoint: is not host:port, as localhost:4317$/],
    ['unix://', /^endpoint: unix socket path cannot be empty$/],
    ['https://user:s3cret@a:4317', /^endpoint: must not hold credentials: use headers$/],
    ['s3cret@a:4317', /^endpoint: must not hold credentials: use headers$/],
    ['ftp://a:1', /^endpoint: scheme is not supported/],
  ] as const) {
    const problems = problemsOf({ endpoint }) ?? [];
    assert.equal(problems.length, 1, endpoint);
    assert.match(problems[0] ?? '', expected);
  }
});

test('TLS keys are checked only where TLS is used', () => {
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

test('a header that gRPC cannot carry is a problem, reported without its value', () => {
  const problems = problemsOf({ headers: { good: 'a', authorization: 's3cret\n', 'x=s3cret': '' } });
  const message = 'name or value of a header has a character that gRPC does not carry';
  assert.deepEqual(problems, [`headers::authorization: ${message}`, `headers: ${message}`]);
});

test('a file of TLS that cannot be read is named', async () => {
  await assert.rejects(
    opening({ tls: { ...tlsOn, ca_file: '/no/such.pem' } }),
    /^Error: cannot use tls::ca_file: cannot read the file: no such file$/,
  );
});

test('a malformed key is refused', async () => {
  const tls = { ...tlsOn, cert_file: fixture('cert.pem'), key_file: fixture('README.md') };
  await assert.rejects(opening({ tls }), /^Error: cannot use tls::key_file: .* holds no private key in PEM$/);
});

test('a header that gRPC cannot carry is named without its value', async () => {
  await assert.rejects(opening({ headers: { authorization: 's3cret\n' } }), (error: Error) => {
    assert.match(error.message, /^cannot use headers::authorization: /);
    assert.ok(!error.message.includes('s3cret') && error.cause === undefined);
    return true;
  });
});

test('close is idempotent', async () => {
  const exporter = await opening({});
  await exporter.close();
  await exporter.close();
});

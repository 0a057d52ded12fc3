import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import type { Outcome } from '../../../../src/component.ts';
import { retryDelay, statusMessage } from '../../../../src/otlp/rpc-status.ts';
import { itemCount } from '../../../../src/telemetry/batch.ts';
import { codecOf } from '../../../../src/telemetry/otlp.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { batchWith, itemsIn } from '../../batch-with.ts';
import { call, post, settingsOf, setUp } from './otlp-fixture.ts';

const signals = ['metrics', 'logs', 'traces'] as const;
const batchOf = (signal: (typeof signals)[number]) => batchWith(signal, { one: ['a', 'b'], two: ['c'] });
const proto = (signal: (typeof signals)[number]) => codecOf(signal).encode(batchOf(signal), 'proto');
const protobuf = 'application/x-protobuf';
const refusal: Outcome = { kind: 'retry', reason: 'sending queue is full', code: 'queue_full' };

describe('HTTP', () => {
  const compressions = {
    none: (bytes: Uint8Array) => bytes,
    gzip: gzipSync,
    deflate: deflateSync,
    zstd: zstdCompressSync,
  };

  for (const signal of signals)
    for (const [name, compress] of Object.entries(compressions))
      for (const encoding of ['proto', 'json'] as const)
        test(`${signal} in ${encoding}, compression ${name}`, async (t) => {
          const { http, taken, counts } = await setUp(t);
          const { grpcMethod: _, httpPath, encode } = codecOf(signal);
          const {
            status: code,
            headers,
            body,
          } = await post(http, httpPath, {
            body: compress(Buffer.from(encode(batchOf(signal), encoding))),
            type: encoding === 'json' ? 'application/json; charset=utf-8' : protobuf,
            ...(name !== 'none' && { encoding: name }),
          });
          assert.equal(code, 200);
          assert.equal(headers['content-type'], encoding === 'json' ? 'application/json' : protobuf);
          assert.equal(body.toString(), encoding === 'json' ? '{}' : '');
          assert.deepEqual(taken.map(itemsIn), [itemsIn(batchOf(signal))]);
          assert.deepEqual(counts(), {});
        });

  for (const [what, path, of, code, reason] of [
    ['another path', '/v1/nothing', {}, 404, 'not_found'],
    ['another method', '/v1/logs', { method: 'PUT' }, 405, 'method'],
    ['another content type', '/v1/logs', { type: 'text/plain' }, 415, 'content_type'],
    ['another compression', '/v1/logs', { encoding: 'br' }, 415, 'unknown_encoding'],
    [
      'bytes that are no protobuf',
      '/v1/logs',
      { body: Buffer.from([10, 200]), type: protobuf },
      400,
      'malformed',
    ],
    ['a text that is no JSON', '/v1/logs', { body: Buffer.from('{') }, 400, 'malformed'],
    ['gzip that is none', '/v1/logs', { body: Buffer.from('nonsense'), encoding: 'gzip' }, 400, 'damaged'],
    [
      'gzip that was cut',
      '/v1/logs',
      { body: gzipSync('{}').subarray(0, 12), encoding: 'gzip' },
      400,
      'damaged',
    ],
  ] as const)
    test(`${what} is answered ${code}, and counted`, async (t) => {
      const { http, taken, counts } = await setUp(t);
      const answer = await post(http, path, of);
      assert.equal(answer.status, code);
      assert.equal(answer.headers.allow, code === 405 ? 'POST' : undefined);
      assert.deepEqual(taken, []);
      assert.deepEqual(counts(), { [`earshot.agent.requests.rejected http ${reason}`]: 1 });
    });

  test('a refusal has a status that says why, in the encoding of the request', async (t) => {
    const { http } = await setUp(t);
    const json = await post(http, '/v1/logs', { body: Buffer.from('[]') });
    assert.deepEqual(JSON.parse(json.body.toString()), { code: 3, message: 'the request is no object' });
    const binary = await post(http, '/v1/logs', { body: Buffer.from([10, 200]), type: protobuf });
    assert.equal(binary.headers['content-type'], protobuf);
    assert.match(statusMessage(binary.body) ?? '', /a message is longer|not OTLP in protobuf/);
  });

  test('a body beyond the limit is not read, compressed or not', async (t) => {
    const settings = '{protocols: {http: {endpoint: "localhost:0", max_request_body_size: 1000}}}';
    const { http, taken, counts } = await setUp(t, { settings });
    const large = Buffer.alloc(100_000, ' ');
    assert.equal((await post(http, '/v1/logs', { body: large.subarray(0, 1001) })).status, 413);
    for (const [encoding, compress] of Object.entries({
      gzip: gzipSync,
      deflate: deflateSync,
      zstd: zstdCompressSync,
    })) {
      const body = compress(large);
      assert.ok(body.length < 1000);
      assert.equal((await post(http, '/v1/logs', { body, encoding })).status, 413, encoding);
    }
    assert.deepEqual(taken, []);
    assert.deepEqual(counts(), { 'earshot.agent.requests.rejected http too_large': 4 });
  });

  test('a full queue is 503, with the time after which to try again', async (t) => {
    const reply = () => ({ ...refusal, after: seconds(2.5) });
    const { http, origins, counts } = await setUp(t, { reply });
    const {
      status: code,
      headers,
      body,
    } = await post(http, '/v1/logs', { body: proto('logs'), type: protobuf });
    assert.equal(code, 503);
    assert.equal(headers['retry-after'], '3');
    assert.equal(statusMessage(body), 'sending queue is full');
    assert.equal(retryDelay(body), seconds(2.5));
    assert.deepEqual(origins, [{ transport: 'http' }]);
    assert.deepEqual(counts(), {});
  });

  test('what a destination refuses for good is 500', async (t) => {
    const { http } = await setUp(t, { reply: () => ({ kind: 'refused', reason: 'no such tenant' }) });
    const { status: code, body } = await post(http, '/v1/traces', { body: proto('traces'), type: protobuf });
    assert.equal(code, 500);
    assert.equal(statusMessage(body), 'no such tenant');
  });

  for (const encoding of ['proto', 'json'] as const)
    test(`items that a destination rejects are a partial success, in ${encoding}`, async (t) => {
      const { http } = await setUp(t, { reply: () => ({ kind: 'partial', rejected: 2, reason: 'too old' }) });
      const { encode, readAnswer } = codecOf('metrics');
      const type = encoding === 'json' ? 'application/json' : protobuf;
      const { status: code, body } = await post(http, '/v1/metrics', {
        body: encode(batchOf('metrics'), encoding),
        type,
      });
      assert.equal(code, 200);
      assert.deepEqual(readAnswer(body, encoding), { rejected: 2, message: 'too old' });
    });

  test('a signal that no pipeline takes is not served', async (t) => {
    const { http, grpc } = await setUp(t, { signals: ['logs'] });
    assert.equal((await post(http, '/v1/metrics')).status, 404);
    const called = await call(grpc, codecOf('metrics').grpcMethod, proto('metrics'));
    assert.equal('code' in called && called.code, status.UNIMPLEMENTED);
  });

  test('paths are those of the configuration', async (t) => {
    const settings = '{protocols: {http: {endpoint: "localhost:0", logs_url_path: /ingest}}}';
    const { http, taken } = await setUp(t, { settings });
    assert.equal((await post(http, '/v1/logs')).status, 404);
    assert.equal((await post(http, '/ingest?key=1', { body: proto('logs'), type: protobuf })).status, 200);
    assert.equal(taken.length, 1);
  });

  test('a request that ends before its body does is counted', async (t) => {
    const { http, counts, taken } = await setUp(t);
    const [host, port] = http.split(':');
    const socket = connect(Number(port), host);
    const head =
      'POST /v1/logs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
    socket.end(`${head}{}`);
    while (Object.keys(counts()).length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(counts(), { 'earshot.agent.requests.unread http': 1 });
    assert.deepEqual(taken, []);
  });
});

describe('gRPC', () => {
  for (const signal of signals)
    test(signal, async (t) => {
      const { grpc, taken } = await setUp(t);
      const called = await call(grpc, codecOf(signal).grpcMethod, proto(signal));
      assert.deepEqual(called, { answer: Buffer.alloc(0) });
      assert.deepEqual(taken.map(itemsIn), [itemsIn(batchOf(signal))]);
    });

  test('a full queue is RESOURCE_EXHAUSTED, with the time after which to try again', async (t) => {
    const { grpc, origins, counts } = await setUp(t, { reply: () => refusal });
    const called = await call(grpc, codecOf('logs').grpcMethod, proto('logs'));
    assert.ok('code' in called);
    assert.equal(called.code, status.RESOURCE_EXHAUSTED);
    assert.equal(called.details, 'sending queue is full');
    const [details] = called.metadata.get('grpc-status-details-bin');
    assert.equal(retryDelay(Buffer.from(details ?? '')), seconds(1));
    assert.deepEqual(origins, [{ transport: 'grpc' }]);
    assert.deepEqual(counts(), {});
  });

  test('a request on which the agent itself fails is INTERNAL, and ends nothing else', async (t) => {
    let isBroken = true;
    const reply = (): Outcome => {
      if (isBroken) throw new Error('bug');
      return { kind: 'accepted' };
    };
    const { grpc, http, counts } = await setUp(t, { reply });
    const called = await call(grpc, codecOf('logs').grpcMethod, proto('logs'));
    assert.equal('code' in called && called.code, status.INTERNAL);
    const { status: code } = await post(http, '/v1/logs', { body: proto('logs'), type: protobuf });
    assert.equal(code, 500);
    const name = 'earshot.agent.requests.rejected';
    assert.deepEqual(counts(), { [`${name} grpc error`]: 1, [`${name} http error`]: 1 });
    isBroken = false;
    assert.deepEqual(await call(grpc, codecOf('logs').grpcMethod, proto('logs')), {
      answer: Buffer.alloc(0),
    });
  });

  test('bytes that are no OTLP are INVALID_ARGUMENT', async (t) => {
    const { grpc, counts } = await setUp(t);
    const called = await call(grpc, codecOf('logs').grpcMethod, Buffer.from([10, 200]));
    assert.equal('code' in called && called.code, status.INVALID_ARGUMENT);
    assert.deepEqual(counts(), { 'earshot.agent.requests.rejected grpc malformed': 1 });
  });

  test('a message beyond the limit is RESOURCE_EXHAUSTED, and counted', async (t) => {
    const settings = '{protocols: {grpc: {endpoint: "localhost:0", max_recv_msg_size_mib: 1}}}';
    const { grpc, counts } = await setUp(t, { settings });
    const called = await call(grpc, codecOf('logs').grpcMethod, Buffer.alloc(1024 * 1024 + 1));
    assert.equal('code' in called && called.code, status.RESOURCE_EXHAUSTED);
    assert.deepEqual(counts(), { 'earshot.agent.requests.unread grpc': 1 });
  });
});

test('more bytes under way than configured are turned away, until others are answered', async (t) => {
  const large = codecOf('logs').encode(
    batchWith('logs', { one: Array.from({ length: 40 }, String) }),
    'proto',
  );
  const settings = `{protocols: {grpc: {endpoint: "localhost:0"}, http: {endpoint: "localhost:0"}}, max_bytes_in_flight: ${large.length + 1}}`;
  const answered = Promise.withResolvers<Outcome>();
  const { http, grpc, counts, taken } = await setUp(t, { settings, reply: () => answered.promise });
  const first = post(http, '/v1/logs', { body: large, type: protobuf });
  while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const { status: code, headers } = await post(http, '/v1/logs', { body: large, type: protobuf });
  assert.equal(code, 503);
  assert.equal(headers['retry-after'], '1');
  const called = await call(grpc, codecOf('logs').grpcMethod, large);
  assert.equal('code' in called && called.code, status.RESOURCE_EXHAUSTED);
  answered.resolve({ kind: 'accepted' });
  assert.equal((await first).status, 200);
  assert.equal((await post(http, '/v1/logs', { body: large, type: protobuf })).status, 200);
  assert.deepEqual(counts(), { 'earshot.agent.requests.deferred busy': 2 });
});

test('what is under way is answered before it stops; what comes then is turned away', async (t) => {
  const answered = Promise.withResolvers<Outcome>();
  const begun = Promise.withResolvers<void>();
  const { receiver, http, grpc, taken } = await setUp(t, {
    reply() {
      begun.resolve();
      return answered.promise;
    },
  });
  const first = post(http, '/v1/logs', { body: proto('logs'), type: protobuf });
  const second = call(grpc, codecOf('traces').grpcMethod, proto('traces'));
  await begun.promise;
  while (taken.length < 2) await new Promise((resolve) => setImmediate(resolve));
  let isStopped = false;
  const stopped = receiver.stopListening?.().then(() => {
    isStopped = true;
  });
  await assert.rejects(post(http, '/v1/logs'), { code: 'ECONNREFUSED' });
  assert.equal(isStopped, false);
  answered.resolve({ kind: 'accepted' });
  await stopped;
  assert.equal((await first).status, 200);
  assert.deepEqual(await second, { answer: Buffer.alloc(0) });
  assert.equal(
    taken.reduce((sum, batch) => sum + itemCount(batch), 0),
    6,
  );
});

test('a connection of HTTP without a request ends as it stops', async (t) => {
  const { receiver, http } = await setUp(t);
  const socket = connect(Number(http.split(':').at(-1)), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  const began = performance.now();
  const closed = once(socket, 'close');
  await receiver.stopListening?.();
  await closed;
  assert.ok(performance.now() - began < 2500); // Node.js ends it after 5 s by itself
});

test('it listens on sockets, also where an agent that has ended left one', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-otlp-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'grpc.sock');
  const settings = `{protocols: {grpc: {endpoint: "${path}", transport: unix}}}`;
  const { taken } = await setUp(t, { settings });
  assert.deepEqual(await call(`unix:${path}`, codecOf('logs').grpcMethod, proto('logs')), {
    answer: Buffer.alloc(0),
  });
  assert.equal(taken.length, 1);
  await assert.rejects(
    setUp(t, { settings }),
    /cannot listen at .*grpc\.sock: another process listens there/,
  );
  assert.ok(existsSync(path));
});

test('an endpoint that is taken is named, and nothing stays open', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const settings = `{protocols: {grpc: {endpoint: "localhost:0"}, http: {endpoint: "localhost:${port}"}}}`;
  await assert.rejects(setUp(t, { settings }), {
    message: `cannot listen at localhost:${port}: another process listens there; set another endpoint`,
  });
});

for (const [endpoint, isWarned] of [
  ['localhost:0', false],
  ['127.0.0.1:0', false],
  ['0.0.0.0:0', true],
] as const)
  test(`${endpoint} without TLS ${isWarned ? 'is' : 'is not'} warned about`, async (t) => {
    const { logged } = await setUp(t, { settings: `{protocols: {http: {endpoint: "${endpoint}"}}}` });
    assert.equal(
      logged.some((line) => line.includes('reachable from other machines')),
      isWarned,
    );
  });

test('protocols without settings have the defaults of the Collector', () => {
  const { protocols } = settingsOf('{protocols: {grpc: , http: }}');
  assert.equal(protocols.grpc?.endpoint, 'localhost:4317');
  assert.equal(protocols.http?.endpoint, 'localhost:4318');
  assert.equal(protocols.http?.max_request_body_size, 20_971_520);
});

for (const [what, settings, message] of [
  ['no protocol', '{protocols: {}}', /must specify at least one protocol/],
  ['no endpoint', '{protocols: {http: {endpoint: nowhere}}}', /is no host:port to listen on/],
  [
    'a relative socket',
    '{protocols: {grpc: {endpoint: a.sock, transport: unix}}}',
    /absolute path of a socket/,
  ],
  [
    'a certificate that is not there',
    '{protocols: {http: {tls: {cert_file: /no/cert, key_file: /no/key}}}}',
    /cannot read the file/,
  ],
  ['CORS', '{protocols: {http: {cors: {}}}}', /unknown key "cors"/],
] as const)
  test(`${what} is refused`, () => {
    assert.throws(() => settingsOf(settings), message);
  });

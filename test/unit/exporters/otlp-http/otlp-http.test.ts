import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { otlpHttp } from '../../../../src/exporters/otlp-http/otlp-http.ts';
import { milliseconds, nanoseconds, seconds } from '../../../../src/telemetry/units.ts';
import { version } from '../../../../src/version.ts';
import { batchWith } from '../../batch-with.ts';
import { fakeHost } from '../../fake-host.ts';
import { fixture, reasonOf, sendAll, tlsOn, tlsServer } from '../otlp-fixture.ts';
import { defaults, one, type Settings, setUp } from './otlp-http-fixture.ts';

const batches = {
  metrics: batchWith('metrics', { a: ['1', '2'], b: ['3'] }),
  logs: batchWith('logs', { a: ['1', '2'], b: ['3'] }),
  traces: batchWith('traces', { a: ['1', '2'], b: ['3'] }),
} as const;

for (const encoding of ['proto', 'json'] as const)
  for (const compression of ['gzip', 'zstd', 'none'] as const)
    test(`all signals arrive: ${encoding}, ${compression}`, async (t) => {
      const { receiver, exporter } = await setUp(t, { settings: { encoding, compression } });
      for (const signal of ['metrics', 'logs', 'traces'] as const) {
        assert.deepEqual(await sendAll(exporter, batches[signal]), [{ kind: 'accepted' }]);
        const request = receiver.requests.at(-1);
        assert.equal(request?.path, `/v1/${signal}`);
        assert.equal(
          request.headers['content-type'],
          encoding === 'json' ? 'application/json' : 'application/x-protobuf',
        );
        assert.equal(request.headers['content-encoding'], compression === 'none' ? undefined : compression);
        assert.deepEqual(
          request[signal].map(({ resource }) => resource.name),
          ['a', 'b'],
        );
      }
    });

test('what was encoded before a change of the encoding is sent as what it is', async (t) => {
  const before = await setUp(t, { settings: { encoding: 'json' } });
  const { receiver, exporter } = await setUp(t, { settings: { encoding: 'proto' } });
  for (const payload of before.exporter.encode(batches.metrics))
    assert.deepEqual(
      await exporter.send(payload, { abort: new AbortController().signal, timeout: nanoseconds(0) }),
      { kind: 'accepted' },
    );
  assert.equal(receiver.requests.at(-1)?.headers['content-type'], 'application/json');
  assert.equal(receiver.requests.at(-1)?.metrics.length, 2);
});

test('JSON says the same as protobuf, to the nanosecond', async (t) => {
  const [proto, json] = await Promise.all(
    (['proto', 'json'] as const).map((encoding) => setUp(t, { settings: { encoding } })),
  );
  for (const signal of ['metrics', 'logs', 'traces'] as const) {
    for (const side of [proto, json]) if (side) await sendAll(side.exporter, batches[signal]);
    const [inProto, inJson] = [proto, json].map((side) => side?.receiver.requests.at(-1)?.[signal]);
    assert.deepEqual(inJson, inProto);
    assert.equal(inProto?.length, 2);
  }
});

test('a batch too large for one request is split, and each part arrives once, in either encoding', async (t) => {
  const ids = Array.from({ length: 30 }, (_, n) => `${n}`.padEnd(200_000, '.'));
  const batch = batchWith('metrics', Object.fromEntries(ids.map((id) => [`w${id}`, ['1']])));
  for (const encoding of ['proto', 'json'] as const) {
    const { receiver, exporter } = await setUp(t, { settings: { encoding } });
    const outcomes = await sendAll(exporter, batch);
    assert.ok(outcomes.length > 1);
    assert.ok(outcomes.every(({ kind }) => kind === 'accepted'));
    const arrived = receiver.requests.flatMap(({ metrics }) => metrics.map(({ resource }) => resource.name));
    assert.deepEqual(
      arrived,
      ids.map((id) => `w${id}`),
    );
  }
});

test('a base URL keeps its path; an endpoint of a signal is taken as it is', async (t) => {
  const { receiver, exporter } = await setUp(t);
  const { endpoint } = receiver;
  const { host } = fakeHost('otlp_http');
  const other = await otlpHttp.open(
    { ...defaults, endpoint: `${endpoint}/api/otlp/`, logs_endpoint: `${endpoint}/intake?key=1` },
    host,
  );
  t.after(() => other.close());
  for (const batch of [batches.metrics, batches.logs]) await sendAll(other, batch);
  await sendAll(exporter, batches.traces);
  assert.deepEqual(
    receiver.requests.map(({ path }) => path),
    ['/api/otlp/v1/metrics', '/intake?key=1', '/v1/traces'],
  );
});

test('a signal without an endpoint is refused by name', async (t) => {
  const { host } = fakeHost('otlp_http');
  const exporter = await otlpHttp.open({ ...defaults, metrics_endpoint: 'http://127.0.0.1:1/' }, host);
  t.after(() => exporter.close());
  assert.deepEqual(await sendAll(exporter, batches.logs), [
    { kind: 'refused', reason: 'no endpoint for logs: set endpoint or logs_endpoint' },
  ]);
});

test('requests carry the configured headers and the user agent; a header value is never logged', async (t) => {
  const { receiver, exporter, logged } = await setUp(t, { settings: { headers: { 'X-Api-Key': 's3cret' } } });
  await sendAll(exporter, one);
  const headers = receiver.requests[0]?.headers;
  assert.equal(headers?.['x-api-key'], 's3cret');
  assert.equal(headers['user-agent'], `earshot/${version}`);
  assert.ok(!logged.join('').includes('s3cret'));
});

const outcomeOf = async (
  t: TestContext,
  answer: Parameters<Awaited<ReturnType<typeof setUp>>['receiver']['answer']>[0],
) => {
  const { receiver, exporter } = await setUp(t);
  receiver.answer(answer);
  return (await sendAll(exporter, one))[0];
};

for (const status of [400, 401, 403, 404, 405, 408, 413, 415, 500, 501, 301, 307, 429, 502, 503, 504]) {
  const expected = [429, 502, 503, 504].includes(status) ? 'retry' : 'refused';
  test(`status ${status} means ${expected}`, async (t) => {
    const outcome = await outcomeOf(t, {
      status,
      body: 'because',
      headers: { 'Content-Type': 'text/plain' },
    });
    assert.equal(outcome?.kind, expected);
    assert.match(
      reasonOf(outcome),
      new RegExp(`^http://127\\.0\\.0\\.1:\\d+/v1/metrics answered ${status} .*because`),
    );
  });
}

test('Retry-After is respected, in seconds and as a date', async (t) => {
  const inSeconds = await outcomeOf(t, { status: 429, headers: { 'Retry-After': '7' } });
  assert.ok(inSeconds?.kind === 'retry');
  assert.equal(inSeconds.after, seconds(7));
  const { receiver, exporter, host } = await setUp(t);
  const now = Number(host.clock.now() / 1_000_000n);
  const retryAfter = new Date(Math.ceil(now / 1000) * 1000 + 90_000).toUTCString();
  receiver.answer({ status: 503, headers: { 'Retry-After': retryAfter } });
  const [byDate] = await sendAll(exporter, one);
  assert.ok(byDate?.kind === 'retry');
  assert.equal(byDate.after, milliseconds(Date.parse(retryAfter) - now));
  for (const [given, after] of [
    ['soon', undefined],
    [new Date(now - 5_000_000).toUTCString(), 0],
  ] as const) {
    receiver.answer({ status: 503, headers: { 'Retry-After': given } });
    const [outcome] = await sendAll(exporter, one);
    assert.equal(outcome?.kind === 'retry' && outcome.after, after);
  }
});

test('the words of a server are shown: a status in protobuf or JSON, a short text, no page for browsers', async (t) => {
  const status = Buffer.concat([Buffer.from([0x08, 3, 0x12, 6]), Buffer.from('no key')]);
  const shown = async (type: string, body: string | Uint8Array) =>
    reasonOf(await outcomeOf(t, { status: 400, headers: { 'Content-Type': type }, body })).replace(
      /^.* 400 /,
      '',
    );
  assert.equal(await shown('application/x-protobuf', status), 'Bad Request: no key');
  assert.equal(await shown('application/json', '{"code":3,"message":"no key"}'), 'Bad Request: no key');
  assert.equal(await shown('application/json', '{'), 'Bad Request: {');
  assert.equal(await shown('text/html; charset=utf-8', '<html>'), 'Bad Request');
  assert.equal((await shown('text/plain', 'x'.repeat(100_000))).length, 'Bad Request: '.length + 500);
});

const partialAnswer = (rejected: number, message: string) => {
  const partial = Buffer.concat([Buffer.from([0x08, rejected, 0x12, message.length]), Buffer.from(message)]);
  return Buffer.concat([Buffer.from([0x0a, partial.length]), partial]);
};

test('partial success has the rejected count and the reason, in either encoding', async (t) => {
  const inProto = await outcomeOf(t, {
    status: 200,
    headers: { 'Content-Type': 'application/x-protobuf' },
    body: partialAnswer(7, 'too old'),
  });
  const inJson = await outcomeOf(t, {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ partialSuccess: { rejectedDataPoints: '7', errorMessage: 'too old' } }),
  });
  for (const outcome of [inProto, inJson]) {
    assert.ok(outcome?.kind === 'partial');
    assert.equal(outcome.rejected, 7);
    assert.match(outcome.reason, /rejected 7: too old$/);
  }
});

test('a negative count of rejected items means none', async (t) => {
  const outcome = await outcomeOf(t, {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ partialSuccess: { rejectedDataPoints: '-5' } }),
  });
  assert.deepEqual(outcome, { kind: 'accepted' });
});

test('an answer of another type than OTLP has accepts all, with a warning, as the Collector takes it', async (t) => {
  for (const type of ['text/html', 'text/plain; charset=utf-8']) {
    const outcome = await outcomeOf(t, { status: 200, headers: { 'Content-Type': type }, body: '<html>' });
    assert.ok(outcome?.kind === 'partial');
    assert.equal(outcome.rejected, 0);
    assert.match(outcome.reason, new RegExp(`accepted all, with a warning: the answer is ${type}, not OTLP`));
  }
});

test('an answer that is not OTLP is refused with that reason', async (t) => {
  for (const type of ['application/x-protobuf', 'application/json']) {
    const outcome = await outcomeOf(t, { status: 200, headers: { 'Content-Type': type }, body: '<html>' });
    assert.equal(outcome?.kind, 'refused');
    assert.match(reasonOf(outcome), /not OTLP/);
  }
});

test('no answer before the runtime gives up: retry', async (t) => {
  const { receiver, exporter } = await setUp(t);
  receiver.answer(undefined);
  const abort = new AbortController();
  const sending = sendAll(exporter, one, abort.signal);
  await receiver.until(() => receiver.requests.length === 1);
  abort.abort();
  assert.deepEqual(await sending, [
    { kind: 'retry', reason: `${receiver.endpoint}/v1/metrics did not answer in time` },
  ]);
});

test('a connection cut in the middle of an answer: retry', async (t) => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('half', () => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { exporter } = await setUp(t, { settings: { endpoint: `http://127.0.0.1:${port}` } });
  const [outcome] = await sendAll(exporter, one);
  assert.equal(outcome?.kind, 'retry');
  assert.match(
    reasonOf(outcome),
    /^cannot reach http:\/\/127\.0\.0\.1:\d+\/v1\/metrics: it closes the connection/,
  );
});

test('an endpoint that is down: retry, with a readable reason', async (t) => {
  const { receiver, exporter } = await setUp(t);
  await receiver.close();
  assert.deepEqual(await sendAll(exporter, one), [
    {
      kind: 'retry',
      reason: `cannot reach ${receiver.endpoint}/v1/metrics: connection refused; is anything listening there?`,
    },
  ]);
});

test('a query, which may hold a key, is in no reason', async (t) => {
  const { exporter } = await setUp(t, {
    settings: { metrics_endpoint: 'http://127.0.0.1:1/v1/metrics?key=s3cret' },
  });
  const [outcome] = await sendAll(exporter, one);
  assert.match(reasonOf(outcome), /^cannot reach http:\/\/127\.0\.0\.1:1\/v1\/metrics: /);
  assert.ok(!reasonOf(outcome).includes('s3cret'));
});

test('TLS: the authority of the server is needed, and a certificate where the server wants one', async (t) => {
  const server = { tls: tlsServer };
  const trusting = { ...tlsOn, ca_file: fixture('cert.pem') };
  const { exporter } = await setUp(t, { server, settings: { tls: trusting } });
  assert.deepEqual(await sendAll(exporter, one), [{ kind: 'accepted' }]);
  const distrusting = await setUp(t, { server });
  assert.match(reasonOf((await sendAll(distrusting.exporter, one))[0]), /not trusted; tls::ca_file names/);
  const careless = await setUp(t, { server, settings: { tls: { ...tlsOn, insecure_skip_verify: true } } });
  assert.deepEqual(await sendAll(careless.exporter, one), [{ kind: 'accepted' }]);

  const mutual = { tls: { ...tlsServer, ca: tlsServer.cert, requestCert: true, rejectUnauthorized: true } };
  const pair = { cert_file: fixture('cert.pem'), key_file: fixture('key.pem') };
  const known = await setUp(t, { server: mutual, settings: { tls: { ...trusting, ...pair } } });
  assert.deepEqual(await sendAll(known.exporter, one), [{ kind: 'accepted' }]);
  const unknown = await setUp(t, { server: mutual, settings: { tls: trusting } });
  assert.equal((await sendAll(unknown.exporter, one))[0]?.kind, 'retry');
});

/** A proxy that notes where it was asked to go. */
async function startProxy(t: TestContext) {
  const asked: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    const { method, headers } = incoming;
    const onward = request(incoming.url ?? '', { method: method ?? '', headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  proxy.on('connect', ({ url = '' }, socket) => {
    asked.push(`CONNECT ${url}`);
    const [host = '', port] = url.split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [onward, socket]) end.on('error', () => {}); // a side that goes away ends the other
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { asked, url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
}

test('requests go by the proxy that the environment names, except where it says not to', async (t) => {
  const proxy = await startProxy(t);
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  Object.assign(process.env, { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url });
  t.after(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
  const plain = await setUp(t);
  assert.deepEqual(await sendAll(plain.exporter, one), [{ kind: 'accepted' }]);
  assert.deepEqual(proxy.asked.splice(0), [`POST ${plain.receiver.endpoint}/v1/metrics`]);
  assert.equal(plain.receiver.requests.length, 1);

  const tls = { ...tlsOn, ca_file: fixture('cert.pem') };
  const secure = await setUp(t, { server: { tls: tlsServer }, settings: { tls } });
  assert.deepEqual(await sendAll(secure.exporter, one), [{ kind: 'accepted' }]);
  assert.deepEqual(proxy.asked.splice(0), [`CONNECT ${secure.receiver.endpoint.replace('https://', '')}`]);
  assert.equal(secure.receiver.requests.length, 1);

  process.env.NO_PROXY = '127.0.0.1';
  const direct = await setUp(t);
  assert.deepEqual(await sendAll(direct.exporter, one), [{ kind: 'accepted' }]);
  assert.deepEqual(proxy.asked, []);
});

const problemsOf = (settings: Partial<Settings>) => otlpHttp.check?.({ ...defaults, ...settings });

test('endpoints that are none are named before anything opens, and no message repeats a secret', () => {
  const wrong = (endpoint: string) => problemsOf({ endpoint })?.map(({ message }) => message);
  assert.deepEqual(problemsOf({ endpoint: 'https://host:4318' }), []);
  assert.deepEqual(problemsOf({ metrics_endpoint: 'https://host/intake?key=1' }), []);
  assert.match(`${problemsOf({})?.[0]?.message}`, /^at least one endpoint must be specified/);
  assert.match(`${wrong('host:4318')}`, /^must begin with http:\/\/ or https:\/\//);
  assert.match(`${wrong('http://host:port')}`, /^is not a URL/);
  assert.deepEqual(wrong('https://user:hunter2@host'), ['must not hold credentials: use headers']);
  assert.match(`${wrong('https://host?key=hunter2')}`, /^must not have a query/);
  assert.match(`${wrong('https://host/#here')}`, /^must not have a fragment/);
  assert.deepEqual(problemsOf({ endpoint: 'http://h', headers: { 'X-Key': 'hunter2\n' } }), [
    {
      path: ['headers', 'X-Key'],
      message: 'name or value of a header has a character that HTTP does not carry',
    },
  ]);
  assert.deepEqual(problemsOf({ endpoint: 'http://h', tls: { ...tlsOn, ca_file: '/absent' } })?.[0]?.path, [
    'tls',
    'ca_file',
  ]);
});

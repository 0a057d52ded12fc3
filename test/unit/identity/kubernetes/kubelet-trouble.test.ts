import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openKubelet } from '../../../../src/identity/kubernetes/kubelet.ts';
import { milliseconds, seconds } from '../../../../src/telemetry/units.ts';
import { benchFor } from '../source-bench.ts';
import { type Behaviour, sayJson, sayStatus, sayText, startTlsServer, tlsFiles } from '../tls-server.ts';
import { setUp, sourceErrors } from './kubelet-fixture.ts';
import { madePods, podList } from './made-pods.ts';

const whole = JSON.stringify(podList(madePods(20)));
const page =
  (text: string | Buffer, headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (_asked, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(text);
  };

/** What goes wrong after a first good list: the reason that is counted, and what a person reads. */
const misbehaviours: Readonly<Record<string, readonly [Behaviour, reason: string, words: RegExp]>> = {
  'the token is refused': [
    sayText('Unauthorized', 401),
    'unauthorized',
    /answered 401: Unauthorized; .*webhook/,
  ],
  'it is forbidden': [
    sayText(
      'Forbidden (user=system:serviceaccount:earshot:earshot, verb=get, resource=nodes, subresource(s)=[pods proxy])',
      403,
    ),
    'forbidden',
    /answered 403: Forbidden \(user=.* needs get on nodes\/pods, .* 1\.33.*nodes\/proxy/,
  ],
  'there is no such path': [sayText('404 page not found', 404), 'not_found', /answered 404/],
  'it answers 410': [sayStatus(410, 'too old', 'Expired'), 'gone', /answered 410: too old/],
  'it is too busy': [sayText('slow down', 429, { 'retry-after': '3600' }), 'throttled', /answered 429/],
  'it is broken': [sayText('oh\u0007 no', 500), 'status', /answered 500: oh {2}no$/],
  'it cannot reach the API server': [
    sayText(
      'Authorization error (user=system:serviceaccount:earshot:earshot, verb=get, resource=nodes, subresource=pods)',
      500,
    ),
    'status',
    /answered 500: Authorization error .*; it asks the API server for permission/,
  ],
  'it redirects': [sayText('', 302, { location: 'https://evil/pods' }), 'status', /answered 302$/],
  'the answer is incomplete': [
    (_asked, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length });
      response.write(whole.slice(0, whole.length / 2), () => response.socket?.destroy());
    },
    'connection_reset',
    /closed the connection in the middle of its answer/,
  ],
  'it closes the connection': [
    (_asked, response) => void response.socket?.destroy(),
    'connection_reset',
    /closed the connection before it answered/,
  ],
  'the JSON ends half-way': [page(whole.slice(0, whole.length / 2)), 'invalid_response', /it ends half-way/],
  'the answer is no JSON': [page('\u0000\u0001garbage'), 'invalid_response', /is no JSON/],
  'the answer is empty': [page(''), 'invalid_response', /it is empty/],
  'the answer is of another kind': [
    sayJson({ kind: 'NodeList', items: [{ metadata: { uid: 'u' } }] }),
    'invalid_response',
    /it is a NodeList/,
  ],
  'the answer is a web page': [
    (_asked, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Log in</html>');
    },
    'invalid_response',
    /answers with text\/html, not with JSON; is it another service\?/,
  ],
  'the answer is no gzip, though labelled so': [
    page(whole, { 'content-encoding': 'gzip' }),
    'invalid_response',
    /no gzip/,
  ],
  'the gzip answer is incomplete': [
    page(gzipSync(whole).subarray(0, 200), { 'content-encoding': 'gzip' }),
    'invalid_response',
    /no gzip/,
  ],
  'a small answer decompresses above the limit': [
    page(
      gzipSync(
        Buffer.concat([Buffer.from('{"kind":"PodList","items":['), Buffer.alloc(80 * 1024 * 1024, ' ')]),
      ),
      {
        'content-encoding': 'gzip',
      },
    ),
    'too_large',
    /more than 67108864 bytes/,
  ],
  'one pod is huge': [
    page(`{"kind":"PodList","items":[{"a":"${'x'.repeat(5 * 1024 * 1024)}"}]}`),
    'too_large',
    /one object is larger than/,
  ],
  'it does not speak HTTP': [
    (_asked, response) => void response.socket?.end('SSH-2.0-OpenSSH\r\n'),
    'invalid_response',
    /does not speak HTTP/,
  ],
};
for (const [what, [behaviour, reason, words]] of Object.entries(misbehaviours))
  test(`${what}: the source is failing with its reason, keeps its facts, and recovers`, async (t) => {
    const good = sayJson(podList(madePods(20)));
    const { source, facts, until, pass, server, count, logged } = await setUp(t, good);
    await until(() => source.state === 'ready');
    server.behave(behaviour);
    pass(seconds(30));
    await until(() => source.state === 'failing');
    assert.match(source.reason ?? '', words);
    assert.equal(count(sourceErrors, { source: 'kubelet', reason }), 1);
    for (let again = 0; again < 1; again++) {
      pass(seconds(3600));
      await until(() => count(sourceErrors, { reason }) === 2 + again);
    }
    assert.equal(logged.filter(({ level }) => level >= 40).length, 1, 'logged once');
    assert.equal(facts.pods.size, 20);
    assert.equal(facts.containers.size, 80);
    assert.deepEqual(facts.gone, []);
    server.behave(good);
    pass(seconds(3600));
    await until(() => source.state === 'ready');
    assert.equal(source.reason, undefined);
    assert.deepEqual(facts.gone, []);
  });

for (const [what, beginning] of Object.entries({ 'says nothing': '', 'never ends': whole.slice(0, -1) }))
  test(`an answer that ${what} times out`, async (t) => {
    const { source, until, settle, pass, server, count } = await setUp(t, (_asked, response) => {
      if (beginning === '') return;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(beginning);
    });
    await until(() => server.asked.length === 1);
    pass(milliseconds(9999));
    await settle();
    assert.equal(source.state, 'connecting');
    pass(milliseconds(1));
    await until(() => source.state === 'failing');
    assert.equal(source.reason, 'no complete answer in time');
    assert.equal(count(sourceErrors, { reason: 'timeout' }), 1);
    server.behave(sayJson(podList([])));
    pass(seconds(30));
    await until(() => source.state === 'ready');
  });

test('a kubelet down for an hour loses no name, is retried with back-off, and recovers', async (t) => {
  const { source, facts, until, settle, pass, server, count, logged } = await setUp(
    t,
    sayJson(podList(madePods(2))),
  );
  await until(() => source.state === 'ready');
  const port = Number(new URL(server.endpoint).port);
  await server.die();
  pass(seconds(30));
  for (let minute = 0; minute < 60; minute++) {
    const before = count(sourceErrors);
    await until(() => count(sourceErrors) > before);
    if (minute < 5) await settle();
    assert.equal(count(sourceErrors), before + 1);
    pass(seconds(60));
  }
  assert.equal(source.state, 'failing');
  assert.match(source.reason ?? '', /connection refused/);
  assert.ok(logged.filter(({ level }) => level >= 40).length <= 2);
  assert.equal(facts.pods.size, 2);
  await startTlsServer(t, sayJson(podList(madePods(3))), { port });
  await until(() => source.state === 'ready');
  assert.equal(facts.pods.size, 3);
});

test('a token that was rotated is read at once when the old one is refused', async (t) => {
  const { source, until, pass, server, token_file, count } = await setUp(t, (asked, response, request) =>
    asked.headers.authorization === 'Bearer second'
      ? sayJson(podList([]))(asked, response, request)
      : sayText('Unauthorized', 401)(asked, response, request),
  );
  await until(() => source.state === 'failing');
  writeFileSync(token_file, 'second');
  pass(seconds(1));
  await until(() => source.state === 'ready');
  assert.equal(server.asked.length, 3);
  assert.equal(count(sourceErrors), 1);
});

test('a server with an untrusted certificate gets no token, unless verification is off', async (t) => {
  const { ca_file: _, ...config } = tlsFiles;
  const { source, until, server } = await setUp(t, sayJson(podList([])), {
    config: { ca_file: '/dev/null' },
  });
  await until(() => source.state === 'failing');
  assert.match(source.reason ?? '', /its certificate is not trusted; ca_file .*insecure_skip_verify/);
  assert.equal(server.asked.length, 0);
  const trusting = await setUp(t, sayJson(podList([])), {
    config: { ...config, insecure_skip_verify: true },
  });
  await trusting.until(() => trusting.source.state === 'ready');
});

test('a certificate for another name is refused', async (t) => {
  const { source, until, server } = await setUp(t, sayJson(podList([])), {
    config: { server_name_override: 'node1' },
  });
  await until(() => source.state === 'failing');
  assert.match(source.reason ?? '', /for another name; server_name_override/);
  assert.equal(server.asked.length, 0);
});

test('a client certificate is shown where there is one', async (t) => {
  const options = { config: { auth_type: 'none', ...tlsFiles }, server: { wantsCertificate: true } } as const;
  const { source, until } = await setUp(t, sayJson(podList([])), options);
  await until(() => source.state === 'ready');
  const without = await setUp(t, sayJson(podList([])), { server: { wantsCertificate: true } });
  await without.until(() => without.source.state === 'failing');
  assert.match(without.source.reason ?? '', /client certificate|closed the connection/);
});

test('a kept connection closed by the server at its reuse is no failure', async (t) => {
  const used = new WeakSet<object>();
  const { source, facts, until, pass, server, count } = await setUp(t, (asked, response, request) => {
    if (used.has(request.socket)) return void request.socket.destroy();
    used.add(request.socket);
    sayJson(podList([]))(asked, response, request);
  });
  await until(() => source.state === 'ready');
  pass(seconds(30));
  await until(() => facts.lists === 2);
  assert.equal(server.asked.length, 3);
  assert.equal(count(sourceErrors), 0);
});

test('a kubelet that is neither running nor configured is absent and not failing', async (t) => {
  const context = benchFor(t, (context) =>
    openKubelet(
      {
        interval: seconds(30),
        timeout: seconds(10),
        auth_type: 'serviceAccount',
        insecure_skip_verify: false,
      },
      context,
      { environment: {} },
    ),
  );
  await context.until(() => context.source.state === 'absent');
  assert.match(context.source.reason ?? '', /^there is no token at \/var\/run\/secrets\/kubernetes.io/);
  assert.equal(context.count(sourceErrors), 0);
  assert.deepEqual(context.logged, []);
});

test('the default endpoint is port 10250 of the node in the environment', async (t) => {
  const asked = async (environment: Readonly<Record<string, string>>) => {
    const { source, until } = benchFor(t, (context) =>
      openKubelet(
        { interval: seconds(30), timeout: seconds(10), auth_type: 'none', insecure_skip_verify: false },
        context,
        { environment },
      ),
    );
    await until(() => source.reason !== undefined);
    return `${source.state}: ${source.reason}`;
  };
  const node = { NODE_IP: '127.0.0.9', K8S_NODE_NAME: 'node1' };
  assert.match(await asked(node), /^failing: cannot reach https:\/\/127\.0\.0\.9:10250: connection refused/);
  assert.match(await asked({ K8S_NODE_NAME: 'no such name' }), /^failing: cannot use the kubelet's endpoint/);
});

test('an error inside the agent is counted as "error", and no crash', async (t) => {
  const { source, facts, until, count } = await setUp(t, sayJson(podList(madePods(2))));
  facts.upsertPod = () => {
    throw new Error('a bug');
  };
  await until(() => source.state === 'failing');
  assert.equal(source.reason, 'cannot take the answer: Error: a bug');
  assert.equal(count(sourceErrors, { reason: 'error' }), 1);
});

test('close leaves no connection in any state, and is idempotent', async (t) => {
  const { source, until, server, facts } = await setUp(t, () => {});
  await until(() => server.asked.length === 1);
  await source.close();
  await source.close();
  source.tick();
  await until(() => server.connections() === 0);
  assert.equal(facts.lists, 0);
  assert.equal(source.state, 'connecting');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openKubernetes } from '../../../../src/identity/kubernetes/api.ts';
import { milliseconds, seconds } from '../../../../src/telemetry/units.ts';
import { benchFor } from '../source-bench.ts';
import {
  type Asked,
  type Behaviour,
  sayJson,
  sayStatus,
  sayText,
  startTlsServer,
  tlsFiles,
} from '../tls-server.ts';
import { Api, bookmark, type Config, names, setUp, sourceErrors, status, watching } from './api-fixture.ts';
import { containerIdOf, madePod, madePods, podList, uidOf } from './made-pods.ts';

const gone = {
  'as an event': (api: Api) => api.emit('ERROR', status(410, 'too old resource version: 1 (2)', 'Expired')),
  'as the answer to a watch': (api: Api) => {
    api.watch = sayStatus(410, 'too old resource version', 'Expired');
    api.emit('BOOKMARK', bookmark('5001'));
    api.last.response.end();
  },
};
for (const [how, sayGone] of Object.entries(gone))
  test(`a version that is gone (${how}) leads to a new list, and removed pods are gone`, async (t) => {
    const { facts, untilLater, api, count, source } = await watching(t);
    sayGone(api);
    await untilLater(() => count(sourceErrors, { source: 'kubernetes', reason: 'gone' }) === 1);
    assert.equal(source.state, 'ready');
    api.watch = undefined;
    api.list = sayJson(podList([madePod(2), madePod(8)], { version: '9000' }));
    await untilLater(() => api.last.version === '9000');
    assert.deepEqual([...facts.pods.keys()].sort(), [uidOf(2), uidOf(8)].sort());
    assert.ok(facts.gone.includes(containerIdOf(0, 'app')));
    assert.equal(
      names(api.lists[1]).resourceVersion?.slice(0, 3),
      '500',
      'from the cache, no older than what is known',
    );
  });

test('when the last version is gone for a list too, or not there yet, the current one is listed', async (t) => {
  for (const refusal of [
    sayStatus(410, 'too old', 'Expired'),
    sayStatus(504, 'Too large resource version', 'Timeout'),
  ]) {
    const { untilLater, api } = await watching(t);
    api.emit('ERROR', status(410, 'too old resource version', 'Expired'));
    api.list = refusal;
    await untilLater(() => api.lists.length === 2);
    api.list = sayJson(podList([], { version: '1' }));
    await untilLater(() => api.last.version === '1');
    assert.deepEqual(names(api.lists[2]), { fieldSelector: 'spec.nodeName=node1', limit: '100' });
  }
});

test('an expired page restarts the list without loss', async (t) => {
  const { facts, untilLater, api } = await watching(t);
  let isExpired = true;
  api.list = (asked, ...rest) => {
    const next = asked.url.searchParams.get('continue');
    if (next === null) return sayJson(podList([madePod(0)], { next: 'more' }))(asked, ...rest);
    const answer = isExpired
      ? sayStatus(410, 'The provided continue parameter is too old', 'Expired')
      : sayJson(podList([madePod(1)], { version: '6000' }));
    isExpired = false;
    return answer(asked, ...rest);
  };
  api.emit('ERROR', status(410, 'too old resource version', 'Expired'));
  await untilLater(() => api.lists.length === 3);
  assert.equal(facts.pods.size, 3);
  await untilLater(() => api.last.version === '6000');
  assert.deepEqual([...facts.pods.keys()].sort(), [uidOf(0), uidOf(1)].sort());
});

const brokenWatches: Readonly<
  Record<string, readonly [(api: Api) => void, reason: string, isListed: boolean]>
> = {
  'is reset': [({ last }) => last.response.socket?.destroy(), 'connection_reset', false],
  'is reset inside an event': [
    ({ last }) =>
      last.response.write('{"type":"DELETED","object":{"metadata":{"uid"', () =>
        last.response.socket?.destroy(),
      ),
    'connection_reset',
    false,
  ],
  'sends an invalid line': [({ last }) => last.response.write('garbage\n'), 'invalid_response', true],
  'sends an event without a version': [
    (api) => api.emit('ADDED', { metadata: { uid: 'u' } }),
    'invalid_response',
    true,
  ],
  'sends an oversized line': [
    ({ last }) => last.response.write('x'.repeat(5 * 1024 * 1024)),
    'too_large',
    true,
  ],
  'sends an error': [
    (api) => api.emit('ERROR', status(500, 'etcdserver: no leader', '')),
    'watch_ended',
    true,
  ],
};
for (const [how, [breakIt, reason, isListed]] of Object.entries(brokenWatches))
  test(`a watch that ${how} is followed by ${isListed ? 'a list' : 'another watch'}`, async (t) => {
    const { source, facts, until, pass, api, count } = await watching(t);
    breakIt(api);
    await until(() => count(sourceErrors, { reason }) === 1);
    pass(seconds(1));
    await until(() => source.state === 'ready' && api.watches.length === 2);
    assert.equal(api.lists.length, isListed ? 2 : 1);
    assert.equal(facts.pods.size, 3);
    api.emit('ADDED', madePod(6));
    await until(() => facts.pods.has(uidOf(6)));
  });

test('a watch without an answer, and one past its time, time out', async (t) => {
  const { source, facts, until, settle, pass, api, count } = await watching(t);
  api.emit('ADDED', madePod(5));
  await until(() => facts.pods.has(uidOf(5)));
  pass(seconds(389));
  await settle();
  assert.equal(count(sourceErrors), 0);
  api.watch = () => {};
  pass(seconds(1));
  await until(() => count(sourceErrors, { reason: 'timeout' }) === 1);
  assert.equal(source.state, 'ready');
  pass(seconds(1));
  await until(() => api.watches.length === 2);
  pass(seconds(30));
  await until(() => count(sourceErrors, { reason: 'timeout' }) === 2);
  assert.equal(source.state, 'failing');
});

test('an API down for an hour loses no name, and changes are read when it is back', async (t) => {
  const { source, facts, until, pass, api, server, count, logged } = await watching(t);
  const port = Number(new URL(server.endpoint).port);
  await server.die();
  for (let minute = 0; minute < 60; minute++) {
    const before = count(sourceErrors);
    await until(() => count(sourceErrors) > before);
    pass(seconds(60));
  }
  assert.equal(source.state, 'failing');
  assert.match(source.reason ?? '', /connection refused/);
  assert.equal(facts.pods.size, 3);
  assert.deepEqual(facts.gone, []);
  assert.ok(logged.filter(({ level }) => level >= 40).length <= 2);
  api.watch = (...answer) => {
    api.watch = undefined;
    sayStatus(410, 'too old resource version', 'Expired')(...answer);
  };
  api.list = sayJson(podList([madePod(1), madePod(2), madePod(3)], { version: '90000' }));
  await startTlsServer(t, api.answer, { port });
  for (let turn = 0; turn < 3; turn++) pass(seconds(30));
  await until(() => count(sourceErrors, { reason: 'gone' }) === 1);
  pass(seconds(30));
  await until(() => source.state === 'ready' && api.last.version === '90000');
  assert.deepEqual([...facts.pods.keys()].sort(), [uidOf(1), uidOf(2), uidOf(3)].sort());
});

const refusals: Readonly<Record<string, readonly [Behaviour, RegExp]>> = {
  401: [sayStatus(401, 'Unauthorized'), /answered 401: Unauthorized; it does not accept the token/],
  403: [
    sayStatus(403, 'pods is forbidden', 'Forbidden'),
    /answered 403: pods is forbidden; .* needs list and watch on pods/,
  ],
  429: [sayText('Too many requests', 429, { 'retry-after': '120' }), /answered 429/],
  503: [sayText('', 503), /answered 503$/],
};
for (const [code, [refusal, words]] of Object.entries(refusals))
  test(`a list refused with ${code} is retried`, async (t) => {
    const { source, until, settle, pass, api } = await setUp(t, (api) => {
      api.list = refusal;
    });
    await until(() => source.state === 'failing');
    assert.match(source.reason ?? '', words);
    api.list = sayJson(podList([]));
    if (code === '429') {
      pass(seconds(119));
      await settle();
      assert.equal(api.lists.length, 1, 'not before the time the server asks for');
    }
    pass(seconds(1));
    await until(() => source.state === 'ready');
  });

test('a server that can be listed but not watched is failing, and listed periodically', async (t) => {
  const { source, until, api } = await setUp(t, (api) => {
    api.watch = sayStatus(403, 'pods is forbidden', 'Forbidden');
  });
  await until(() => source.state === 'failing');
  assert.match(source.reason ?? '', /needs list and watch on pods/);
  assert.equal(api.lists.length, 1);
});

test('outside a cluster, or without a node name, the source is absent and not failing', async (t) => {
  const config: Config = { owners: 'lookup', auth_type: 'none', insecure_skip_verify: false };
  const [outside, nowhere] = [
    benchFor(t, (context) => openKubernetes({ ...config, node_name: 'node1' }, context, { environment: {} })),
    benchFor(t, (context) =>
      openKubernetes(config, context, { environment: { KUBERNETES_SERVICE_HOST: '10.96.0.1' } }),
    ),
  ];
  await outside.until(() => outside.source.state === 'absent');
  assert.match(outside.source.reason ?? '', /KUBERNETES_SERVICE_HOST is not set/);
  await nowhere.until(() => nowhere.source.state === 'absent');
  assert.match(nowhere.source.reason ?? '', /set \$K8S_NODE_NAME or node_name/);
  assert.equal(outside.count(sourceErrors) + nowhere.count(sourceErrors), 0);
});

test('in a pod the API server is the one its environment names', async (t) => {
  const server = await startTlsServer(t, new Api().answer);
  const { port } = new URL(server.endpoint);
  const environment = {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: port,
    K8S_NODE_NAME: 'node7',
  };
  const config: Config = {
    owners: 'derive',
    auth_type: 'none',
    insecure_skip_verify: false,
    ca_file: tlsFiles.ca_file,
  };
  const { source, until } = benchFor(t, (context) => openKubernetes(config, context, { environment }));
  await until(() => source.state === 'ready');
  assert.equal(server.asked[0]?.url.searchParams.get('fieldSelector'), 'spec.nodeName=node7');
});

const replicaSet = (asked: Asked, owner: object | undefined) => {
  const i = Number(/web-(\d+)-/.exec(asked.url.pathname)?.[1]);
  return {
    kind: 'PartialObjectMetadata',
    metadata: { uid: uidOf(100_000 + i), ...(owner && { ownerReferences: [owner] }) },
  };
};
const rollout = { kind: 'Rollout', name: 'canary', uid: 'r', controller: true };

test('owners of owners are looked up once, few at a time, with their metadata only', async (t) => {
  const pods = [
    ...madePods(10),
    ...madePods(10).map((pod, i) => ({ ...pod, metadata: { ...pod.metadata, uid: `second ${i}` } })),
  ];
  const held: (() => void)[] = [];
  const { facts, until, settle, api } = await setUp(
    t,
    (api) => {
      api.list = sayJson(podList(pods));
      api.owner = (...answer) => void held.push(() => sayJson(replicaSet(answer[0], rollout))(...answer));
    },
    { owners: 'lookup' },
  );
  await until(() => facts.pods.size === 20 && held.length === 4);
  await settle();
  assert.equal(held.length, 4);
  assert.deepEqual(
    facts.pods.get(uidOf(3))?.owners?.[1],
    { kind: 'Deployment', name: 'web-3' },
    'derived, for now',
  );
  await until(() => {
    for (const answer of held.splice(0)) answer();
    return [...facts.pods.values()].every(({ owners }) => owners?.[1]?.name === 'canary');
  });
  assert.deepEqual(facts.pods.get(uidOf(3))?.owners, [
    { kind: 'ReplicaSet', name: 'web-3-7d4b9c3f58', uid: uidOf(100_003) },
    { kind: 'Rollout', name: 'canary', uid: 'r' },
  ]);
  assert.equal(api.owners.length, 10);
  assert.equal(
    api.owners.find(({ url }) => url.pathname.includes('web-3-'))?.url.pathname,
    '/apis/apps/v1/namespaces/team-3/replicasets/web-3-7d4b9c3f58',
  );
  assert.match(
    api.owners[0]?.headers.accept ?? '',
    /^application\/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1/,
  );
  api.emit('MODIFIED', madePod(3, { restarts: 1 }));
  await until(() => facts.containers.has(containerIdOf(3, 'app', 1)));
  assert.equal(facts.pods.get(uidOf(3))?.owners?.[1]?.name, 'canary', 'known by now');
  assert.equal(api.owners.length, 10);
});

test('an owner without an owner differs from another object of the same name', async (t) => {
  const { facts, until, settle, api } = await setUp(
    t,
    (api) => {
      api.owner = (asked, ...rest) => {
        const answer = replicaSet(asked, undefined);
        const isOther = asked.url.pathname.includes('web-1-');
        sayJson(isOther ? { ...answer, metadata: { uid: 'another', ownerReferences: [rollout] } } : answer)(
          asked,
          ...rest,
        );
      };
    },
    { owners: 'lookup' },
  );
  await until(() => facts.pods.get(uidOf(0))?.owners?.length === 1);
  await until(() => api.owners.length === 3);
  await settle();
  assert.equal(facts.pods.get(uidOf(1))?.owners?.[1]?.name, 'web-1', 'still derived');
});

test('forbidden owners are derived, warned of once, and looked up again much later', async (t) => {
  const { source, facts, until, settle, pass, api, count, logged } = await setUp(
    t,
    (api) => {
      api.owner = sayStatus(403, 'replicasets.apps is forbidden', 'Forbidden');
    },
    { owners: 'lookup' },
  );
  await until(() => count(sourceErrors, { reason: 'forbidden' }) === 3);
  assert.equal(source.state, 'ready');
  assert.deepEqual(facts.pods.get(uidOf(1))?.owners?.[1], { kind: 'Deployment', name: 'web-1' });
  const warnings = logged.filter(({ level }) => level >= 40);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]?.msg ?? '',
    /ClusterRole with get on replicasets\.apps allows it; "owners: derive" does without/,
  );
  pass(seconds(299));
  api.emit('MODIFIED', madePod(1));
  await settle();
  assert.equal(api.owners.length, 3);
  pass(seconds(1));
  api.emit('MODIFIED', madePod(1, { version: 6000 }));
  await until(() => api.owners.length === 4);
});

test('a failed look-up of an owner is retried a few times, and the source stays ready', async (t) => {
  const { source, until, settle, pass, api, count } = await setUp(
    t,
    (api) => {
      api.list = sayJson(podList([madePod(1)]));
      api.owner = sayText('', 500);
    },
    { owners: 'lookup' },
  );
  for (let tries = 1; tries <= 5; tries++) {
    await until(() => count(sourceErrors, { reason: 'status' }) === tries);
    pass(seconds(256));
  }
  await settle();
  assert.equal(api.owners.length, 5);
  assert.equal(source.state, 'ready');
});

test('close ends the watch, and is idempotent', async (t) => {
  const { source, until, server, api, pass } = await watching(t);
  await source.close();
  await source.close();
  await until(() => server.connections() === 0);
  pass(milliseconds(60_000));
  source.tick();
  source.requestLookup({ podUid: 'u' });
  assert.equal(api.watches.length, 1);
});

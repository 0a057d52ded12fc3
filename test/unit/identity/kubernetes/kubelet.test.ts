import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { milliseconds, seconds } from '../../../../src/telemetry/units.ts';
import { sayJson } from '../tls-server.ts';
import { setUp, sourceLists } from './kubelet-fixture.ts';
import { containerIdOf, madePod, madePods, podList, shapes, uidOf } from './made-pods.ts';

for (const shape of shapes)
  test(`500 pods of Kubernetes ${shape} are known after one list`, async (t) => {
    const { source, facts, until, server, count } = await setUp(
      t,
      sayJson(podList(madePods(500, { shape }))),
    );
    assert.equal(source.state, 'connecting');
    await until(() => source.state === 'ready');
    assert.equal(facts.pods.size, 500);
    const ofPod = shape === '1.20' || shape === '1.24' ? 3 : 4;
    assert.equal(facts.containers.size, 500 * ofPod);
    assert.equal(facts.containers.get(containerIdOf(499, 'app'))?.podUid, uidOf(499));
    assert.deepEqual(facts.pods.get(uidOf(42))?.owners, [
      { kind: 'ReplicaSet', name: 'web-42-7d4b9c2f58', uid: uidOf(100_042) },
      { kind: 'Deployment', name: 'web-42' },
    ]);
    assert.equal(server.asked.length, 1);
    assert.equal(server.asked[0]?.url.pathname, '/pods');
    assert.equal(server.asked[0]?.headers.authorization, 'Bearer first');
    assert.equal(count(sourceLists, { source: 'kubelet' }), 1);
  });

test('pods are listed once an interval, over one connection', async (t) => {
  const { source, facts, until, settle, pass, server } = await setUp(t, sayJson(podList(madePods(3))));
  await until(() => source.state === 'ready');
  pass(milliseconds(29_999));
  await settle();
  assert.equal(facts.lists, 1);
  pass(milliseconds(1));
  server.behave(sayJson(podList([madePod(1, { restarts: 1 }), madePod(5)])));
  await until(() => facts.lists === 2);
  assert.deepEqual([...facts.pods.keys()].sort(), [uidOf(1), uidOf(5)].sort());
  assert.ok(facts.gone.includes(containerIdOf(0, 'app')));
  assert.equal(server.connections(), 1);
});

test('lookups are made at once, together, and at most once a second', async (t) => {
  const { source, facts, until, settle, pass } = await setUp(t, sayJson(podList(madePods(3))));
  await until(() => source.state === 'ready');
  source.requestLookup({ containerId: containerIdOf(1, 'app') });
  pass(seconds(1));
  await settle();
  assert.equal(facts.lists, 1, 'one that is known asks for nothing');
  for (let i = 0; i < 10; i++) source.requestLookup({ containerId: `unknown ${i}`, podUid: 'strange' });
  await until(() => facts.lists === 2);
  source.requestLookup({ containerId: 'another' });
  pass(milliseconds(999));
  await settle();
  assert.equal(facts.lists, 2);
  pass(milliseconds(1));
  await until(() => facts.lists === 3);
});

test('an unknown id is looked up with back-off', async (t) => {
  const { source, facts, until, settle, pass } = await setUp(t, sayJson(podList([])), {
    config: { interval: seconds(3600) },
  });
  await until(() => source.state === 'ready');
  for (let second = 0; second < 30; second++) {
    pass(seconds(1));
    source.requestLookup({ containerId: 'unknown' });
    await settle();
  }
  assert.ok(facts.lists >= 4 && facts.lists <= 9, `${facts.lists} lists in 30 s`);
});

test('a requested container is named by the next list', async (t) => {
  const { source, facts, until, pass, server } = await setUp(t, sayJson(podList([])));
  await until(() => source.state === 'ready');
  server.behave(sayJson(podList([madePod(7)])));
  pass(seconds(1));
  source.requestLookup({ containerId: containerIdOf(7, 'app') });
  await until(() => facts.containers.has(containerIdOf(7, 'app')));
});

test('a gzip answer is decompressed', async (t) => {
  const { source, facts, until, server } = await setUp(t, (_asked, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(gzipSync(JSON.stringify(podList(madePods(50)))));
  });
  await until(() => source.state === 'ready');
  assert.equal(facts.pods.size, 50);
  assert.equal(server.asked[0]?.headers['accept-encoding'], 'gzip');
});

test('a slow answer in small parts is accepted', async (t) => {
  const text = Buffer.from(JSON.stringify(podList(madePods(4))));
  const { source, facts, until } = await setUp(t, (_asked, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    let at = 0;
    const next = () => {
      if (at >= text.length) return response.end();
      response.write(text.subarray(at, at + 1009));
      at += 1009;
      setImmediate(next);
    };
    next();
  });
  await until(() => source.state === 'ready');
  assert.equal(facts.pods.size, 4);
});

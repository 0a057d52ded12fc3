import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../../../src/telemetry/units.ts';
import { sayJson, sayText } from '../tls-server.ts';
import { bookmark, names, setUp, sourceErrors, sourceLists, watching } from './api-fixture.ts';
import { containerIdOf, madePod, madePods, podList, shapes, uidOf } from './made-pods.ts';

for (const shape of shapes)
  test(`500 pods of Kubernetes ${shape} come in pages, and changes after them`, async (t) => {
    const pods = madePods(500, { shape });
    const { facts, until, api, count } = await watching(t, (api) => {
      api.list = (asked, ...rest) => {
        const from = Number(asked.url.searchParams.get('continue') ?? 0);
        const next = from + 100 < 500 ? String(from + 100) : '';
        sayJson(podList(pods.slice(from, from + 100), { version: '7000', next }))(asked, ...rest);
      };
    });
    assert.equal(facts.pods.size, 500);
    assert.deepEqual(
      api.lists.map(names),
      ['', '100', '200', '300', '400'].map((next) => ({
        fieldSelector: 'spec.nodeName=node1',
        limit: '100',
        ...(next === '' ? { resourceVersion: '0' } : { continue: next }),
      })),
    );
    assert.equal(api.last.version, '7000');
    api.emit('ADDED', madePod(500, { shape, version: 7001 }));
    await until(() => facts.containers.has(containerIdOf(500, 'app')));
    assert.equal(count(sourceLists, { source: 'kubernetes' }), 1);
  });

test('a watch requests bookmarks and states its duration', async (t) => {
  const { server } = await watching(t);
  const watch = server.asked.find(({ url }) => url.searchParams.has('watch'));
  assert.deepEqual(names(watch), {
    fieldSelector: 'spec.nodeName=node1',
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: '5000',
    timeoutSeconds: '360',
  });
});

test('a restart, a new pod and a deleted one are followed', async (t) => {
  const { facts, until, api } = await watching(t);
  api.emit('MODIFIED', madePod(1, { restarts: 1 }));
  await until(() => facts.containers.has(containerIdOf(1, 'app', 1)));
  assert.ok(facts.containers.has(containerIdOf(1, 'app', 0)), 'the one before is still in the status');
  api.emit('MODIFIED', madePod(1, { restarts: 2 }));
  await until(() => facts.gone.includes(containerIdOf(1, 'app', 0)));
  api.emit('DELETED', madePod(1, { restarts: 2 }));
  await until(() => !facts.pods.has(uidOf(1)));
  for (const restarts of [1, 2]) assert.ok(facts.gone.includes(containerIdOf(1, 'app', restarts)));
  assert.ok(facts.gone.includes(containerIdOf(1, 'log')));
  assert.equal(facts.pods.size, 2);
});

test('an event in parts is taken when it is complete', async (t) => {
  const { facts, until, settle, api } = await watching(t);
  const text = `${JSON.stringify({ type: 'ADDED', object: madePod(9) })}\n`;
  api.last.response.write(text.slice(0, 300));
  await settle();
  assert.ok(!facts.pods.has(uidOf(9)));
  api.last.response.write(text.slice(300));
  await until(() => facts.pods.has(uidOf(9)));
});

test('a burst of changes is applied in order', async (t) => {
  const { facts, until, api } = await watching(t);
  for (let restarts = 1; restarts <= 1000; restarts++) api.emit('MODIFIED', madePod(1, { restarts }));
  assert.ok(api.last.response.writableLength > 1024 * 1024, 'the server has to wait for the reader');
  await until(() => facts.containers.has(containerIdOf(1, 'app', 1000)));
  assert.equal(facts.containers.size, 3 * 4 + 1);
  assert.deepEqual(
    facts.gone,
    Array.from({ length: 999 }, (_, restarts) => containerIdOf(1, 'app', restarts)),
  );
});

test('the next watch starts at the last event or bookmark', async (t) => {
  const { untilLater, api, count, source } = await watching(t);
  api.emit('ADDED', madePod(4, { version: 5003 }));
  api.last.response.end();
  await untilLater(() => api.watches.length === 2);
  assert.equal(api.last.version, '5003');
  api.emit('BOOKMARK', bookmark('6000'));
  api.last.response.end();
  await untilLater(() => api.watches.length === 3);
  assert.equal(api.last.version, '6000');
  assert.equal(api.lists.length, 1);
  assert.equal(count(sourceErrors), 0);
  assert.equal(source.state, 'ready');
});

test('a watch without an event or bookmark is followed by a list', async (t) => {
  const { until, api, pass } = await watching(t);
  pass(seconds(6));
  api.last.response.end();
  await until(() => api.watches.length === 2);
  assert.equal(api.lists.length, 2);
  assert.deepEqual(names(api.lists[1]), { fieldSelector: 'spec.nodeName=node1', resourceVersion: '5000' });
});

test('watches that end at once are retried with back-off', async (t) => {
  const { until, settle, api, pass, count } = await setUp(t, (api) => {
    api.watch = sayText('', 200, { 'content-type': 'application/json' });
  });
  await until(() => count(sourceErrors, { reason: 'connection_reset' }) === 1);
  await settle();
  assert.equal(api.watches.length, 1);
  for (let minute = 0; minute < 10; minute++) {
    pass(seconds(60));
    await settle();
  }
  assert.ok(api.watches.length <= 21, `${api.watches.length} watches`);
});

test('short watches with one bookmark each are a second apart', async (t) => {
  const { until, settle, api, pass } = await setUp(t, (api) => {
    const text = `${JSON.stringify({ type: 'BOOKMARK', object: bookmark('1') })}\n`;
    api.watch = sayText(text, 200, { 'content-type': 'application/json' });
  });
  await until(() => api.watches.length === 1);
  await settle();
  assert.equal(api.watches.length, 1);
  pass(seconds(1));
  await until(() => api.watches.length === 2);
});

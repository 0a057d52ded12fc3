import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { Introspection } from '../../../src/component.ts';
import { type Batch, itemCount } from '../../../src/telemetry/batch.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { type Behaviour, bench, whole } from './agent-bench.ts';

/** An agent as an extension of it sees it. */
async function seen(config = whole, behave: Behaviour = {}) {
  const { promise, resolve } = Promise.withResolvers<Introspection>();
  const agent = bench(config, {
    ...behave,
    async side(host) {
      resolve(host.agent);
      return {};
    },
  });
  await agent.start();
  return { ...agent, seen: await promise };
}

test('an extension sees what is unhealthy, and why', async () => {
  const { seen: view, clock, agent } = await seen(whole, { failEncode: 'sink' });
  assert.deepEqual(view.health().troubles, []);
  await clock.advance(seconds(1));
  assert.deepEqual(view.health().troubles, [
    { subject: { kind: 'exporter', id: 'sink', signal: 'metrics' }, reason: 'cannot encode' },
  ]);
  await agent.stop();
});

test('an extension sees the graph: instances, and the signals between them', async () => {
  const { seen: view, agent } = await seen();
  const { nodes, edges } = view.graph();
  assert.deepEqual(nodes.map(({ key }) => key).toSorted(), [
    'connector link',
    'exporter sink',
    'exporter sink/b',
    'processor metrics step',
    'processor metrics step/b',
    'receiver source',
  ]);
  const step = nodes.find(({ key }) => key === 'processor metrics step');
  assert.deepEqual(step, {
    key: 'processor metrics step',
    kind: 'processor',
    id: 'step',
    pipeline: 'metrics',
  });
  assert.deepEqual(edges.map(({ from, signal, to }) => `${from} -${signal}-> ${to}`).toSorted(), [
    'connector link -logs-> exporter sink/b',
    'processor metrics step -metrics-> processor metrics step/b',
    'processor metrics step/b -metrics-> connector link',
    'processor metrics step/b -metrics-> exporter sink',
    'receiver source -logs-> exporter sink/b',
    'receiver source -metrics-> processor metrics step',
  ]);
  await agent.stop();
});

const tapped = { from: 'receiver source', to: 'processor metrics step', signal: 'metrics' } as const;

test('a tap shows each batch of an edge, also in the graphs that come, until it is closed', async () => {
  const { seen: view, clock, reload, agent, labels } = await seen();
  const batches: Batch[] = [];
  const tap = view.tap(tapped, (batch) => batches.push(batch));
  await clock.advance(seconds(1));
  assert.deepEqual(batches.map(itemCount), [2]);
  await reload(whole.replace('step: ', 'step: {setting: b}'));
  await clock.advance(seconds(10));
  assert.deepEqual(batches.map(itemCount), [2, 2]);
  await tap.close();
  await tap.close();
  await clock.advance(seconds(10));
  assert.equal(batches.length, 2);
  assert.equal(labels('sink').length, 6, 'and every batch went on');
  await agent.stop();
});

test('a tap of an edge that is not there is refused', async () => {
  const { seen: view, agent } = await seen();
  assert.throws(
    () => view.tap({ ...tapped, signal: 'logs' }, () => {}),
    /cannot tap logs from "receiver source" to "processor metrics step": there is no such edge/,
  );
  await agent.stop();
});

test('a tap that throws makes its extension unhealthy, and loses nothing', async () => {
  const { seen: view, clock, agent, labels } = await seen();
  view.tap(tapped, () => {
    throw new Error('bug');
  });
  await clock.advance(seconds(1));
  assert.equal(labels('sink').length, 2);
  assert.deepEqual(view.health().troubles, [{ subject: { kind: 'extension', id: 'side' }, reason: 'bug' }]);
  await agent.stop();
});

test('an extension sees the configuration as it takes effect, without secrets', async () => {
  const { seen: view, reload, agent } = await seen(whole.replace('sink: ', 'sink: {token: s3cret}'));
  assert.ok(!view.config().includes('s3cret'));
  assert.equal(parse(view.config()).exporters.sink.token, '[REDACTED]');
  await reload(whole.replace('step: ', 'step: {setting: b}'));
  assert.equal(parse(view.config()).processors.step.setting, 'b');
  await agent.stop();
});

test('an extension can have the configuration read and applied again, and goes on itself', async () => {
  const { seen: view, write, agent, happened } = await seen();
  happened();
  write(whole.replace('step: ', 'step: {setting: b}'));
  const applied = await view.reload();
  assert.deepEqual(applied.opened, ['processor metrics step']);
  assert.ok(applied.kept.includes('extension side'));
  assert.deepEqual(happened(), ['open step', 'close step']);
  write('exporters: 5');
  await assert.rejects(view.reload(), { name: 'ConfigError' });
  assert.deepEqual(happened(), []);
  await agent.stop();
});

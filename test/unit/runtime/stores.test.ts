import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartError } from '../../../src/runtime/start-error.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { type Behaviour, bench } from './agent-bench.ts';
import { batchOf, total } from './fake-world.ts';

const config = (link = '{storage: vault}', vault = '', step = '') => `
receivers: {source: }
processors: {step: ${step}}
connectors: {link: ${link}}
extensions: {vault: ${vault}}
exporters: {sink: }
service:
  extensions: [vault]
  pipelines:
    metrics: {receivers: [source], processors: [step], exporters: [link]}
    logs: {receivers: [link], exporters: [sink]}
`;

async function running(text = config()) {
  const agent = bench(text);
  await agent.start();
  return agent;
}

test('a storage opens before the components that name it, and closes after them', async () => {
  const { agent, happened } = await running();
  const opened = happened();
  assert.equal(opened[0], 'open vault');
  assert.ok(opened.includes('open store vault of connector link'));
  await agent.stop();
  assert.deepEqual(happened().slice(-3), ['close store of connector link', 'close sink', 'close vault']);
});

test('the store of a component is closed before one with other settings opens it', async () => {
  const { reload, agent, happened } = await running();
  happened();
  await reload(config('{storage: vault, setting: b}'));
  assert.deepEqual(happened(), [
    'close link',
    'close store of connector link',
    'open store vault of connector link',
    'open link',
  ]);
  await agent.stop();
});

test('a component opens its store anew where the storage changes, and goes on where others change', async () => {
  const { reload, agent, happened } = await running();
  happened();
  await reload(config(undefined, undefined, '{setting: b}'));
  assert.deepEqual(happened(), ['open step', 'close step']);
  await reload(config(undefined, '{setting: b}', '{setting: b}'));
  assert.deepEqual(happened(), [
    'open vault',
    'close link',
    'close store of connector link',
    'open store vault of connector link',
    'open link',
    'close vault',
  ]);
  await agent.stop();
});

test('where the successor cannot be opened, the former component has its store again', async () => {
  const { reload, agent, happened } = await running();
  happened();
  await assert.rejects(reload(config('{storage: vault, setting: fail}')), StartError);
  assert.deepEqual(happened(), [
    'close link',
    'close store of connector link',
    'open store vault of connector link',
    'close store of connector link',
    'open store vault of connector link',
    'open link',
  ]);
  await agent.stop();
});

test('a component has the rest of the deadline to save, before it is closed', async () => {
  const saved = Promise.withResolvers<void>();
  let isSaving = false;
  const agent = bench(config(), {
    link: async () => ({
      save() {
        isSaving = true;
        return saved.promise;
      },
    }),
  });
  await agent.start();
  agent.happened();
  const stopped = agent.agent.stop();
  await agent.clock.advance(seconds(4));
  assert.ok(isSaving);
  assert.deepEqual(agent.happened(), ['collect source']);
  saved.resolve();
  await stopped;
  assert.ok(agent.happened().includes('close store of connector link'));
});

test('while an exporter with a queue on disk is replaced, batches wait, and come to its successor', async () => {
  const held = (setting: string, failing = '') => `
receivers: {source: }
exporters: {sink: {setting: ${setting}, sending_queue: {storage: vault, num_consumers: 1}}${failing}}
extensions: {vault: }
service:
  extensions: [vault]
  pipelines:
    metrics: {receivers: [source], exporters: [sink${failing && ', sink/b'}]}
`;
  const sending = Promise.withResolvers<void>();
  let collected = 0;
  const behave: Behaviour = {
    async source() {
      const collect = async () => [batchOf('metrics', 1, `${++collected}`)];
      return { pulls: [{ name: 'totals', every: seconds(1), collect }] };
    },
  };
  const { start, reload, clock, labels, counters, agent } = bench(held('a'), behave);
  await start();
  behave.awaitSend = sending.promise; // the former exporter is closed at its deadline
  for (const change of ['b', 'c', 'fail']) {
    if (change === 'fail') behave.failStart = 'sink/b';
    const applied = reload(held(change, change === 'fail' ? ', sink/b: ' : '')).catch(() => {});
    for (let second = 0; second < 8; second++) await clock.advance(seconds(1));
    await applied;
  }
  delete behave.failStart;
  sending.resolve();
  for (let second = 0; second < 3; second++) await clock.advance(seconds(1));
  await agent.stop();
  assert.ok(collected > 20, `${collected}`);
  const times = Map.groupBy(labels('sink'), String);
  assert.equal(times.size, collected);
  assert.equal(total(counters, 'otelcol_exporter_sent_metric_points', {}), collected);
  for (const name of ['send_failed', 'enqueue_failed'])
    assert.equal(total(counters, `otelcol_exporter_${name}_metric_points`, {}), 0);
});

test('a disk that does not answer does not hold up the end of the agent', async () => {
  const text = `
receivers: {source: }
exporters: {sink: {sending_queue: {storage: vault}}}
extensions: {vault: }
service:
  extensions: [vault]
  pipelines:
    metrics: {receivers: [source], exporters: [sink]}
`;
  const { start, clock, agent, messages, happened } = bench(text, { hangStore: 'exporter sink' });
  await start();
  const stopped = agent.stop();
  for (let second = 0; second < 8; second++) await clock.advance(seconds(1));
  await stopped;
  assert.ok(
    messages().some((message) =>
      message.startsWith('cannot close the queue of exporter "sink": not done within'),
    ),
    messages().join('\n'),
  );
  assert.ok(happened().includes('close vault'));
});

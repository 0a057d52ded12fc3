import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartError } from '../../../src/runtime/start-error.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { bench } from './agent-bench.ts';

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

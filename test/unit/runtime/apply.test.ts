import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceRef } from '../../../src/component.ts';
import { StartError } from '../../../src/runtime/start-error.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { settle } from '../fake-clock.ts';
import { type Behaviour, bench, fanOut, hoarder, one, running, whole, withSetting } from './agent-bench.ts';
import { total } from './fake-world.ts';

test('the same configuration again opens, closes and asks nothing', async () => {
  const { reload, happened, agent, clock } = await running(whole, { reconfigure: () => 'applied' });
  const { timers } = clock;
  const applied = await reload(whole);
  assert.deepEqual(happened(), []);
  assert.deepEqual([applied.opened, applied.closed, applied.reconfigured], [[], [], []]);
  assert.equal(applied.kept.length, 7);
  assert.equal(clock.timers, timers);
  await agent.stop();
});

test('an unchanged exporter keeps its queue', async () => {
  const behave: Behaviour = { outcome: { kind: 'retry', reason: 'away' } };
  const { reload, clock, counters, agent } = await running(fanOut, behave);
  await clock.advance(seconds(1));
  assert.equal(total(counters, 'otelcol_exporter_queue_size', { exporter: 'sink' }), 1);
  await reload(fanOut.replace('[step]', '[]'));
  assert.equal(total(counters, 'otelcol_exporter_queue_size', { exporter: 'sink' }), 1);
  behave.outcome = { kind: 'accepted' };
  await clock.advance(seconds(8));
  assert.equal(total(counters, 'otelcol_exporter_sent_metric_points', { exporter: 'sink' }), 2);
  assert.equal(total(counters, 'otelcol_exporter_send_failed_metric_points'), 0);
  await agent.stop();
});

test('an unchanged processor keeps its state', async () => {
  const { reload, clock, labels, happened, agent } = await running(fanOut, { step: async () => hoarder() });
  await clock.advance(seconds(1));
  assert.deepEqual(labels('sink'), [], 'the batch is held');
  await reload(fanOut.replace('[sink/b]', '[sink/b, sink]'));
  assert.deepEqual(happened(), ['collect source']);
  await clock.advance(seconds(2));
  assert.deepEqual(labels('sink'), ['source', 'source']);
  await agent.stop();
});

test('a component with other settings is opened before the former one is closed', async () => {
  const { reload, happened, agent } = await running(one);
  const applied = await reload(withSetting('sink', 'b'));
  assert.deepEqual(happened(), ['open sink', 'close sink']);
  assert.deepEqual(applied.opened, ['exporter sink']);
  assert.deepEqual(applied.closed, ['exporter sink']);
  await agent.stop();
});

test('a receiver whose pipelines take another signal is opened anew', async () => {
  const { reload, happened, agent } = await running(one);
  const logs = 'pipelines: {logs: {receivers: [source], exporters: [sink]}, ';
  await reload(one.replace('pipelines: {', logs));
  assert.deepEqual(happened(), ['open source', 'collect source', 'close source']);
  await agent.stop();
});

test('consumers open before their producers, and close after them', async () => {
  const added = `
    metrics/c: {receivers: [source/c], processors: [step/c], exporters: [link/c]}
    logs/c: {receivers: [link/c], exporters: [sink/c]}
`;
  const more = ['source', 'step', 'link', 'sink'].reduce(
    (text, type) => text.replace(`{${type}: `, `{${type}/c: , ${type}: `),
    whole.trimEnd(),
  );
  const { reload, happened, agent } = await running(whole);
  await reload(more + added);
  assert.deepEqual(happened(), ['open sink/c', 'open link/c', 'open step/c', 'open source/c']);
  await reload(whole);
  assert.deepEqual(happened(), [
    'collect source/c',
    ...['source/c', 'step/c', 'link/c', 'sink/c'].map((id) => `close ${id}`),
  ]);
  await agent.stop();
});

test('where a component cannot be opened, the former graph goes on untouched', async () => {
  const behave: Behaviour = { failStart: 'source/b' };
  const { reload, happened, clock, labels, counters, agent } = await running(one, behave);
  const { timers } = clock;
  const other = withSetting('sink', 'b')
    .replace('source: ', 'source: , source/b: ')
    .replace('[source]', '[source, source/b]');
  await assert.rejects(
    reload(other),
    (error) =>
      error instanceof StartError && error.message === 'cannot start receiver "source/b": no permission',
  );
  assert.deepEqual(happened(), ['open sink', 'close sink']);
  assert.equal(clock.timers, timers);
  assert.equal(total(counters, 'otelcol_exporter_queue_capacity', { exporter: 'sink' }), 1000);
  await clock.advance(seconds(1));
  assert.deepEqual(labels('sink'), ['source', 'source']);
  behave.failStart = undefined;
  assert.deepEqual((await reload(other)).opened.toSorted(), ['exporter sink', 'receiver source/b']);
  await agent.stop();
});

test('a removed component flushes what it holds, behind it in the former graph', async () => {
  const { reload, clock, labels, counters, agent } = await running(one, { step: async () => hoarder() });
  await clock.advance(seconds(1));
  assert.deepEqual(labels('sink'), []);
  await reload(one.replace('processors: {step: }', '').replace('processors: [step], ', ''));
  assert.deepEqual(labels('sink'), ['source', 'source']);
  await agent.stop();
  assert.equal(
    total(counters, 'otelcol_receiver_accepted_metric_points'),
    total(counters, 'otelcol_exporter_sent_metric_points'),
  );
});

test('a removed exporter delivers its queue', async () => {
  const behave: Behaviour = { outcome: { kind: 'retry', reason: 'away' } };
  const { reload, clock, counters, agent } = await running(fanOut, behave);
  await clock.advance(seconds(1));
  behave.outcome = { kind: 'accepted' };
  await reload(one);
  assert.equal(total(counters, 'otelcol_exporter_sent_metric_points', { exporter: 'sink/b' }), 2);
  assert.equal(total(counters, 'otelcol_exporter_queue_capacity', { exporter: 'sink/b' }), 0);
  await agent.stop();
});

test('a batch under way at the swap is neither lost nor doubled', async () => {
  const direct = '{sending_queue: {enabled: false}}';
  const { promise: hang, resolve: go } = Promise.withResolvers<void>();
  const config = one.replace('sink: ', `sink: ${direct}`);
  const { reload, clock, labels, counters, agent } = await running(config, { awaitSend: hang });
  await clock.advance(seconds(1));
  assert.equal(total(counters, 'otelcol_processor_outgoing_items'), 2, 'it is behind the processor');
  assert.deepEqual(labels('sink'), [], 'and before its destination');
  const reloaded = reload(withSetting('step', 'b', config));
  await settle();
  go();
  await reloaded;
  assert.deepEqual(labels('sink'), ['source', 'source']);
  await agent.stop();
  assert.equal(labels('sink').length, total(counters, 'otelcol_receiver_accepted_metric_points'));
});

test('all that is collected is delivered once over many changes', async () => {
  const configs = [
    one,
    withSetting('step', 'b'),
    withSetting('source', 'b'),
    withSetting('sink', 'b'),
    one.replace('processors: {step: }', '').replace('processors: [step], ', ''),
  ];
  const { reload, clock, labels, counters, agent } = await running(one, { step: async () => hoarder() });
  for (let change = 0; change < 40; change += 1) {
    const applied = reload(configs[(change * 3) % configs.length] ?? one);
    await clock.advance(seconds(4));
    await applied;
  }
  await agent.stop();
  const accepted = total(counters, 'otelcol_receiver_accepted_metric_points');
  assert.ok(accepted >= 40, `${accepted} were accepted`);
  assert.equal(labels('sink').length, accepted);
  assert.equal(total(counters, 'otelcol_exporter_sent_metric_points'), accepted);
  assert.equal(clock.timers, 0);
});

const lone = one.replaceAll('source', 'lone');

test('an exclusive component is closed before the next one opens', async () => {
  const { reload, happened, clock, labels, agent } = await running(lone);
  await reload(withSetting('lone', 'b', lone));
  assert.deepEqual(happened(), ['collect lone', 'close lone', 'open lone']);
  await clock.advance(seconds(1));
  assert.equal(labels('sink').length, 4);
  await agent.stop();
});

test('a component with a place to itself is closed before another one with its id opens', async () => {
  const server = one.replaceAll('source', 'server');
  const { reload, happened, agent } = await running(server);
  await reload(withSetting('server', 'b', server));
  assert.deepEqual(happened(), ['collect server', 'close server', 'open server']);
  await agent.stop();
});

test('an exclusive component comes back where the next one cannot be opened', async () => {
  const behave: Behaviour = {};
  const { reload, happened, clock, labels, agent } = await running(lone, behave);
  behave.source = async ({ id }) => {
    if (id !== 'lone') throw new Error('busy');
    return {};
  };
  await assert.rejects(reload(lone.replaceAll('lone', 'lone/b')), /cannot start receiver "lone\/b": busy/);
  assert.deepEqual(happened(), ['collect lone', 'close lone', 'open lone']);
  await clock.advance(seconds(1));
  assert.equal(labels('sink').length, 4);
  assert.equal(agent.health.troubles.size, 0);
  await agent.stop();
});

test('an exclusive component that does not come back is unhealthy, until a change opens it', async () => {
  const behave: Behaviour = {};
  const { reload, agent, happened } = await running(lone, behave);
  behave.failStart = 'lone';
  await assert.rejects(reload(withSetting('lone', 'b', lone)));
  assert.match(agent.health.troubles.get('receiver lone') ?? '', /no permission/);
  behave.failStart = undefined;
  happened();
  await reload(lone);
  assert.deepEqual(happened(), ['open lone']);
  assert.equal(agent.health.troubles.size, 0);
  await agent.stop();
});

test('a service stays open while its users change, and ends with the last one', async () => {
  const events: string[] = [];
  const shared = serviceRef({
    id: 'shared',
    async open() {
      events.push('open');
      return { close: async () => void events.push('close') };
    },
  });
  const { reload, agent } = await running(lone, {
    source: async (host) => {
      if (host.id === 'lone') await host.use(shared);
      return {};
    },
  });
  await reload(withSetting('lone', 'b', lone));
  assert.deepEqual(events, ['open']);
  await reload(one);
  assert.deepEqual(events, ['open', 'close']);
  await agent.stop();
});

test('a service with its user’s settings is another one when they change', async () => {
  const events: string[] = [];
  const own = serviceRef<{ close(): Promise<void> }, string>({
    id: 'own',
    async open(_, setting) {
      events.push(`open ${setting}`);
      return { close: async () => void events.push(`close ${setting}`) };
    },
  });
  let setting = 'a';
  const { reload, agent } = await running(one, {
    step: async (host) => {
      await host.use(own, { key: host.id, settings: setting });
      return {};
    },
  });
  setting = 'b';
  await reload(withSetting('step', 'b'));
  assert.deepEqual(events, ['open a', 'open b', 'close a']);
  await agent.stop();
});

test('a bad configuration changes nothing', async () => {
  const { reload, happened, agent } = await running(one);
  await assert.rejects(reload('receivers: {}'), { name: 'ConfigError' });
  assert.deepEqual(happened(), []);
  await agent.stop();
});

test('nothing of a closed component is unhealthy', async () => {
  const { reload, clock, agent } = await running(fanOut, { failEncode: 'sink/b' });
  await clock.advance(seconds(1));
  assert.equal(agent.health.troubles.size, 1);
  await reload(one);
  assert.equal(agent.health.troubles.size, 0);
  await agent.stop();
});

test('one change waits for the other, and a stop for both; then nothing can be applied', async () => {
  const { reload, agent, happened } = await running(one);
  const applied = [reload(withSetting('step', 'b')), reload(withSetting('step', 'c'))];
  const stopped = agent.stop();
  await assert.rejects(agent.reload(), /cannot apply a configuration: the agent is stopping/);
  await Promise.all([...applied, stopped]);
  const events = happened();
  assert.equal(events.filter((event) => event === 'open step').length, 1);
  assert.equal(events.filter((event) => event.startsWith('close')).length, 4);
});

test('what the machine lacks of BPF is found before anything opens, and what runs goes on without asking again', async () => {
  const text = whole.replace('source: ', 'source: , lone: ').replace('[source]', '[source, lone]');
  const { start, bpf, happened, reload, agent } = bench(text);
  bpf.lacks = ['no permission'];
  await assert.rejects(start(), {
    name: 'StartError',
    code: 'UNSUPPORTED',
    message: 'cannot start receiver "lone": cannot look into the kernel: no permission',
  });
  assert.deepEqual(happened(), []);
  bpf.lacks = [];
  await start();
  happened();
  bpf.lacks = ['no permission'];
  await reload(text.replace('sink: ', 'sink: {setting: b}'));
  assert.ok(happened().includes('open sink'));
  await agent.stop();
});

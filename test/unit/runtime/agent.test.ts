import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceRef } from '../../../src/component.ts';
import { StartError } from '../../../src/runtime/start-error.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { settle } from '../fake-clock.ts';
import { bench, fanOut, hoarder, whole } from './agent-bench.ts';
import { batchOf, total } from './fake-world.ts';

test('consumers start before producers; producers stop first, after a last collection', async () => {
  const { events, clock, start, messages } = bench(whole);
  const agent = await start();
  await clock.advance(seconds(5));
  await agent.stop();
  await agent.stop();
  const upstream = ['source', 'step', 'step/b', 'link', 'sink', 'sink/b', 'side'];
  const opens = events.filter((event) => event.startsWith('open')).map((event) => event.slice(5));
  const closes = events.filter((event) => event.startsWith('close')).map((event) => event.slice(6));
  assert.deepEqual(opens.toSorted(), upstream.toSorted());
  assert.deepEqual(closes, opens.toReversed());
  const rank = (id: string) => ['side', 'sink', 'link', 'step', 'source'].indexOf(id.split('/')[0] ?? '');
  assert.deepEqual(opens.map(rank), opens.map(rank).toSorted());
  assert.equal(events.filter((event) => event === 'collect source').length, 2);
  assert.ok(events.lastIndexOf('collect source') < events.indexOf('close source'));
  assert.deepEqual(messages(), [
    'Starting extensions...',
    'Everything is ready. Begin running and processing data.',
    'Starting shutdown...',
    'Shutdown complete.',
  ]);
  assert.equal(clock.timers, 0);
});

test('a batch reaches everything its pipelines name, through processors and connectors, once', async () => {
  const { clock, start, labels, counters } = bench(whole);
  const agent = await start();
  await clock.advance(seconds(1));
  assert.deepEqual(labels('sink'), ['source', 'source']);
  assert.deepEqual(labels('sink/b').toSorted(), ['made', 'made', 'made', 'made', 'made', 'source']);
  assert.equal(total(counters, 'otelcol_receiver_accepted_metric_points'), 2);
  assert.equal(total(counters, 'otelcol_receiver_accepted_log_records'), 1);
  assert.equal(total(counters, 'otelcol_processor_incoming_items', { processor: 'step' }), 2);
  assert.equal(total(counters, 'otelcol_exporter_sent_metric_points', { exporter: 'sink' }), 2);
  await agent.stop();
});

test('exporters of each shape get each batch once, and are closed', async () => {
  const config = `
receivers: {source: }
exporters: {sink: , screen: , page: }
service: {pipelines: {metrics: {receivers: [source], exporters: [sink, screen, page]}}}
`;
  const { clock, start, labels, counters, happened } = bench(config);
  const agent = await start();
  await clock.advance(seconds(1));
  for (const exporter of ['sink', 'screen', 'page']) {
    assert.deepEqual(labels(exporter), ['source', 'source']);
    assert.equal(total(counters, 'otelcol_exporter_sent_metric_points', { exporter }), 2);
  }
  happened();
  await agent.stop();
  assert.deepEqual(happened().slice(1).toSorted(), [
    'close page',
    'close screen',
    'close sink',
    'close source',
  ]);
});

test('an unused component is not started', async () => {
  const { events, start } = bench(whole.replace('[step, step/b]', '[step]').replace('[side]', '[]'));
  const agent = await start();
  assert.ok(!events.includes('open step/b') && !events.includes('open side'));
  await agent.stop();
});

test('a processor that throws loses its own branch only, counted, and is unhealthy until it works again', async () => {
  let isBroken = true;
  const { clock, start, labels, counters, logged } = bench(fanOut, {
    process(_, batch) {
      if (isBroken) throw new Error('bug');
      return batch;
    },
  });
  const agent = await start();
  await clock.advance(seconds(11));
  assert.deepEqual(labels('sink'), []);
  assert.equal(labels('sink/b').length, 4);
  const dropped = { component: 'processor step', signal: 'metrics', reason: 'error' };
  assert.equal(total(counters, 'earshot.agent.items.dropped', dropped), 4);
  assert.equal(agent.health.troubles.get('processor metrics step'), 'bug');
  const troubles = logged.filter(({ error }) => error === 'bug');
  assert.equal(troubles.length, 1);
  assert.equal(troubles[0]?.['otelcol.component.kind'], 'processor');
  assert.equal(troubles[0]?.['otelcol.component.id'], 'step');
  assert.equal(troubles[0]?.['otelcol.pipeline.id'], 'metrics');
  isBroken = false;
  await clock.advance(seconds(10));
  assert.equal(labels('sink').length, 2);
  assert.equal(agent.health.troubles.size, 0);
  await agent.stop();
});

test('an exporter that cannot encode loses its own branch only, counted', async () => {
  const { clock, start, labels, counters } = bench(fanOut, { failEncode: 'sink' });
  const agent = await start();
  await clock.advance(seconds(1));
  assert.equal(labels('sink/b').length, 2);
  assert.equal(total(counters, 'earshot.agent.items.dropped', { component: 'exporter sink' }), 2);
  await agent.stop();
});

test('an empty batch ends at its processor', async () => {
  const { clock, start, received, counters } = bench(fanOut, {
    process: (_, { signal }) => batchOf(signal, 0),
  });
  const agent = await start();
  await clock.advance(seconds(1));
  assert.deepEqual(received.get('sink'), []);
  assert.equal(total(counters, 'otelcol_processor_incoming_items'), 2);
  assert.equal(total(counters, 'otelcol_processor_outgoing_items'), 0);
  await agent.stop();
});

test('a batch held by a processor continues behind it on release, at shutdown at the latest', async () => {
  const { clock, start, labels, received, counters } = bench(fanOut, { step: async () => hoarder() });
  const agent = await start();
  await clock.advance(seconds(1));
  assert.deepEqual(labels('sink'), [], 'nothing passes before it is released');
  await clock.advance(seconds(2));
  assert.deepEqual(labels('sink'), ['source', 'source']);
  await clock.advance(seconds(8)); // the second collection is held
  const before = received.get('sink')?.length ?? 0;
  await agent.stop();
  assert.ok((received.get('sink')?.length ?? 0) > before, 'what was held at the end is delivered');
  assert.equal(labels('sink').length, labels('sink/b').length);
  const [incoming, outgoing] = ['incoming', 'outgoing'].map((way) =>
    total(counters, `otelcol_processor_${way}_items`),
  );
  assert.ok(incoming !== undefined && incoming > 0);
  assert.equal(outgoing, incoming, 'and counted as having gone on');
  assert.equal(clock.timers, 0);
});

test('what a connector of several signals yields by itself reaches each pipeline behind it, once', async () => {
  const config = whole
    .replace(
      'exporters: [sink/b]}',
      'exporters: [link]}\n    logs/b: {receivers: [link], exporters: [sink/b]}',
    )
    .replace('[source, link]', '[source]');
  const pulled: string[] = [];
  const { clock, start, labels } = bench(config, {
    link: async ({ signals }) => {
      pulled.push(...signals);
      return {
        connect: () => [],
        pulls: [
          {
            name: 'history',
            every: seconds(10),
            collect: () => [batchOf('metrics', 1, 'm'), batchOf('logs', 1, 'l')],
          },
        ],
      };
    },
  });
  const agent = await start();
  await clock.advance(seconds(1));
  assert.deepEqual(pulled, ['logs'], 'all that pipelines take from it');
  assert.deepEqual(labels('sink/b'), ['l']);
  await agent.stop();
});

const twice = `
receivers: {source: }
processors: {step: , step/b: }
exporters: {sink: }
service:
  pipelines:
    metrics: {receivers: [source], processors: [step, step/b], exporters: [sink]}
    logs: {receivers: [source], processors: [step], exporters: [sink]}
`;

test('instances of one id share what they open, until every component is closed', async () => {
  const opened: string[] = [];
  const shared = serviceRef({
    id: 'shared',
    async open({ id }) {
      opened.push(id);
      return { close: async () => void events.push(`close shared ${id}`) };
    },
  });
  const { events, start } = bench(twice, {
    step: async (host) => {
      await host.use(shared, { key: host.id, settings: undefined });
      return {};
    },
  });
  const agent = await start();
  assert.deepEqual(opened.toSorted(), ['step', 'step/b']);
  await agent.stop();
  assert.deepEqual(events.slice(-2).toSorted(), ['close shared step', 'close shared step/b']);
});

test('a service that cannot open keeps the agent from starting, and nothing stays open', async () => {
  const { events, start } = bench(twice, {
    step: (host) => host.use({ id: 'names', open: () => Promise.reject(new Error('no such socket')) }),
  });
  await assert.rejects(start(), /cannot start processor "step(\/b)?": no such socket/);
  assert.equal(
    events.filter((event) => event.startsWith('open')).length,
    events.filter((event) => event.startsWith('close')).length,
  );
});

test('fan-out shares one batch with all consumers', async () => {
  const { clock, start, received } = bench(fanOut.replace('processors: [step], ', ''));
  const agent = await start();
  await clock.advance(seconds(1));
  assert.equal(received.get('sink')?.[0], received.get('sink/b')?.[0]);
  await agent.stop();
});

test('a component that cannot start is named, and all that had started are closed', async () => {
  const { events, clock, start, counters } = bench(whole, { failStart: 'source' });
  await assert.rejects(start(), (error) => {
    assert.ok(error instanceof StartError);
    assert.equal(error.message, 'cannot start receiver "source": no permission');
    assert.equal(error.code, 'EPERM');
    return true;
  });
  const opens = events.filter((event) => event.startsWith('open')).map((event) => event.slice(5));
  const closes = events.filter((event) => event.startsWith('close')).map((event) => event.slice(6));
  assert.equal(opens.length, 6);
  assert.equal(total(counters, 'otelcol_exporter_queue_capacity'), 0);
  assert.deepEqual(closes, opens.toReversed());
  assert.equal(clock.timers, 0);
});

test('a component that fails to close, or never ends closing, does not keep the others open', async () => {
  for (const behaviour of [{ failClose: 'step' }, { hangClose: 'step' }]) {
    const { events, clock, start, messages } = bench(whole, behaviour);
    const agent = await start();
    const stopped = agent.stop();
    await clock.advance(seconds(10));
    await stopped;
    assert.equal(events.filter((event) => event.startsWith('close')).length, 7);
    assert.ok(messages().some((message) => message.startsWith('cannot close processor "step": ')));
    assert.equal(messages().at(-1), 'Shutdown complete.');
  }
});

test('a collection or a delivery that hangs cannot hold up the shutdown; undelivered items are counted', async () => {
  const { promise: hang, resolve: finish } = Promise.withResolvers<void>();
  const hanging = bench(fanOut, { hangCollect: 'source', hang });
  const agent = await hanging.start();
  await hanging.clock.advance(seconds(3));
  let isStopped = false;
  const stopped = agent.stop().then(() => {
    isStopped = true;
  });
  await hanging.clock.advance(seconds(6));
  await stopped;
  assert.ok(isStopped);
  assert.ok(hanging.messages().includes('cannot collect a last time: not done within 5s'));
  const before = hanging.events.length;
  finish();
  await settle();
  await hanging.clock.advance(seconds(60));
  assert.deepEqual(hanging.events.slice(before), [], 'nothing is collected after close');
  const late = { component: 'receiver source', reason: 'shutdown' };
  assert.equal(total(hanging.counters, 'earshot.agent.items.dropped', late), 3);

  const silent = bench(fanOut, { hangSend: 'sink' });
  const other = await silent.start();
  await silent.clock.advance(seconds(3));
  const ended = other.stop();
  await silent.clock.advance(seconds(6));
  await ended;
  await settle();
  const lost = { exporter: 'sink', reason: 'shutdown' };
  assert.equal(total(silent.counters, 'otelcol_exporter_send_failed_metric_points', lost), 4);
  assert.equal(total(silent.counters, 'otelcol_exporter_sent_metric_points', { exporter: 'sink/b' }), 4);
});

test('a receiver that waits for a destination that is away does not hold up the shutdown', async () => {
  const delivery =
    '{sending_queue: {enabled: false}, retry_on_failure: {initial_interval: 60s, max_interval: 60s}}';
  const config = fanOut.replace('{sink: , sink/b: }', `{sink: ${delivery}, sink/b: ${delivery}}`);
  const away = bench(config, { outcome: { kind: 'retry', reason: 'away' } });
  const agent = await away.start();
  await away.clock.advance(seconds(3));
  await agent.stop();
  assert.ok(!away.messages().some((message) => message.startsWith('cannot ')));
  assert.equal(away.events.filter((event) => event === 'collect source').length, 2);
  const lost = { reason: 'shutdown' };
  assert.equal(total(away.counters, 'otelcol_exporter_send_failed_metric_points', lost), 8);
  assert.equal(away.clock.timers, 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../../src/telemetry/units.ts';
import { ledgerOf } from '../ledger.ts';
import { type Behaviour, bench } from './agent-bench.ts';
import { total } from './fake-world.ts';

/** Receivers that an exporter holds up, because its queue is full or because they wait for the result. */

const pipeline = {
  signal: 'metrics',
  receivers: ['source'],
  processors: ['step'],
  exporter: 'sink',
  itemsPerRequest: 2,
} as const;

const config = (queue: string, { source = 'a', step = 'a' } = {}) => `
receivers: {source: {setting: ${source}}}
processors: {step: {setting: ${step}}}
exporters: {sink: {sending_queue: {${queue}}}, sink/b: }
extensions: {vault: }
service:
  extensions: [vault]
  pipelines:
    metrics: {receivers: [source], processors: [step], exporters: [sink]}
    metrics/b: {receivers: [source], exporters: [sink/b]}
`;

const blocking = 'queue_size: 1, num_consumers: 1, block_on_overflow: true';
const stored = `${blocking}, storage: vault`;
const waiting = 'wait_for_result: true';

for (const [name, queue] of Object.entries({ blocking, stored, waiting })) {
  test(`${name}: the next reading waits, none is lost, and all go on when the destination answers`, async () => {
    const sent = Promise.withResolvers<void>();
    const behave: Behaviour = { awaitSend: sent.promise };
    const { start, clock, counters, labels, agent, events } = bench(config(queue), behave);
    await start();
    await clock.advance(seconds(65));
    const collections = () => events.filter((event) => event === 'collect source').length;
    assert.equal(collections(), name === 'waiting' ? 1 : 2);
    sent.resolve();
    await clock.advance(seconds(30));
    assert.ok(collections() >= 4);
    assert.ok(total(counters, 'earshot.agent.collect.skipped') >= 4);
    await agent.stop();
    const ledger = ledgerOf(counters, pipeline);
    assert.deepEqual([ledger.missing, ledger.lost], [0, {}]);
    assert.equal(labels('sink').length, 2 * collections());
    assert.equal(clock.timers, 0);
  });

  test(`${name}: reloads and the end are not kept waiting by a destination that hangs, and nothing is uncounted`, async () => {
    const { start, clock, counters, reload, agent } = bench(config(queue), { hangSend: 'sink' });
    await start();
    await clock.advance(seconds(45));
    const within = async (limit: number, work: Promise<unknown>) => {
      let isDone = false;
      void work.finally(() => {
        isDone = true;
      });
      for (let second = 0; second < limit && !isDone; second++) await clock.advance(seconds(1));
      assert.ok(isDone, `not within ${limit} s`);
      await work;
    };
    await within(13, reload(config(queue, { source: 'b' })));
    await within(13, reload(config(queue, { source: 'b', step: 'b' })));
    await within(13, reload(config(`${queue}, sizer: items`, { source: 'b', step: 'b' })));
    await clock.advance(seconds(30));
    await within(13, agent.stop());
    const ledger = ledgerOf(counters, pipeline);
    assert.equal(ledger.queued, 0);
    // on disk is what no counter has
    assert.ok(name === 'stored' ? ledger.missing > 0 : ledger.missing === 0, JSON.stringify(ledger));
    assert.equal(clock.timers, 0);
  });
}

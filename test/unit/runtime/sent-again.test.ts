import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deliver, Failure, Outcome } from '../../../src/component.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { ledgerOf } from '../ledger.ts';
import { type Behaviour, bench } from './agent-bench.ts';
import { batchOf, total } from './fake-world.ts';

/** What the counters have of data that a receiver's pipelines turn away while its sender still has them. */

const metrics = 'metrics: {receivers: [source], processors: [step], exporters: [sink, sink/b]}';
const config = (sink: string, sinkB = '') => `
receivers: {source: }
processors: {step: }
exporters: {sink: {${sink}}, sink/b: {${sinkB}}}
service: {pipelines: {${metrics}}}
`;

async function started(settings: string, behave: Behaviour = {}) {
  let deliver: Deliver | undefined;
  const source = async () => ({
    pulls: [],
    listen(into: Deliver) {
      deliver = into;
    },
  });
  const of = bench(settings, Object.assign(behave, { source }));
  const agent = await of.start();
  return {
    ...of,
    agent,
    send: async (items: number) =>
      (await deliver?.(batchOf('metrics', items, 'sent'), { transport: 'grpc' })) ?? assert.fail(),
    ledger(exporter: string) {
      const { accepted, refused, sent, queued, deferred, lost, missing } = ledgerOf(of.counters, {
        ...{ signal: 'metrics', receivers: ['source'], processors: ['step'] },
        ...{ exporter, itemsPerRequest: 2 },
      });
      return { accepted, refused, sent, queued, deferred, lost, missing };
    },
  };
}

test('a request that a full queue turns away is refused and deferred each time it comes, and never lost', async () => {
  const hanging = Promise.withResolvers<void>();
  const { send, ledger, clock, counters, agent } = await started(config('sending_queue: {queue_size: 1}'), {
    awaitSend: hanging.promise,
  });
  assert.equal((await send(2)).kind, 'accepted');
  for (let times = 0; times < 3; times += 1) assert.equal((await send(2)).kind, 'retry');
  const none = { lost: {}, missing: 0 };
  assert.deepEqual(ledger('sink'), { accepted: 2, refused: 6, sent: 0, queued: 2, deferred: 6, ...none });
  assert.deepEqual(ledger('sink/b'), { accepted: 2, refused: 6, sent: 0, queued: 8, deferred: 0, ...none });
  hanging.resolve();
  await clock.advance(seconds(1));
  assert.equal((await send(2)).kind, 'accepted');
  await agent.stop();
  assert.deepEqual(ledger('sink'), { accepted: 4, refused: 6, sent: 4, queued: 0, deferred: 6, ...none });
  const refused = { receiver: 'source', transport: 'grpc', reason: 'queue_full' };
  assert.equal(total(counters, 'otelcol_receiver_refused_metric_points', refused), 6);
});

const unqueued = 'sending_queue: {enabled: false}, retry_on_failure: {enabled: false}';
const waiting = 'sending_queue: {wait_for_result: true}, retry_on_failure: {enabled: false}';

for (const [name, settings] of Object.entries({ unqueued, waiting }))
  test(`${name}: what a destination may take later is deferred, what it never takes is lost`, async () => {
    const away: Outcome = { kind: 'retry', reason: 'away' };
    const behave: Behaviour = { outcome: away };
    const { send, ledger, agent } = await started(config(settings, settings), behave);
    assert.deepEqual(await send(2), away);
    const before = { accepted: 0, refused: 2, sent: 0, queued: 0, deferred: 2, lost: {}, missing: 0 };
    assert.deepEqual(ledger('sink'), before);
    behave.outcome = { kind: 'refused', reason: 'not of mine' };
    assert.equal((await send(2)).kind, 'refused');
    assert.deepEqual(ledger('sink'), { ...before, refused: 4, lost: { refused: 2 } });
    await agent.stop();
  });

test('what a full queue turns away is lost where another exporter has the sender told never to send it again', async () => {
  const { send, ledger, clock, agent } = await started(config('sending_queue: {queue_size: 1}', unqueued), {
    hangSend: 'sink',
    outcome: { kind: 'refused', reason: 'not of mine' },
  });
  await send(2);
  assert.equal((await send(2)).kind, 'refused');
  assert.deepEqual(ledger('sink').lost, { queue_full: 2 });
  assert.deepEqual(ledger('sink/b').lost, { refused: 4 });
  assert.deepEqual([ledger('sink').missing, ledger('sink/b').missing], [0, 0]);
  const stopped = agent.stop();
  await clock.advance(seconds(10));
  await stopped;
});

test('what a processor turns away is deferred', async () => {
  let refusal: Failure | undefined = { reason: 'too much', code: 'memory_limit' };
  const { send, ledger, counters, agent } = await started(config(''), {
    step: async () => ({ process: (batch) => batch, refusal: () => refusal }),
  });
  assert.equal((await send(2)).kind, 'retry');
  refusal = undefined;
  assert.equal((await send(2)).kind, 'accepted');
  await agent.stop();
  const none = { queued: 0, lost: {}, missing: 0 };
  assert.deepEqual(ledger('sink'), { accepted: 2, refused: 2, sent: 2, deferred: 2, ...none });
  const step = { component: 'processor step', signal: 'metrics', reason: 'memory_limit' };
  assert.equal(total(counters, 'earshot.agent.items.deferred', step), 2);
});

test('what is in a queue when the agent ends is lost, as its sender was told that it was accepted', async () => {
  const { send, ledger, clock, agent } = await started(config(''), { hangSend: 'sink' });
  assert.equal((await send(2)).kind, 'accepted');
  const stopped = agent.stop();
  await clock.advance(seconds(10));
  await stopped;
  assert.deepEqual(ledger('sink').lost, { shutdown: 2 });
  assert.equal(ledger('sink').deferred, 0);
});

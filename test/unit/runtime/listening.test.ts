import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deliver, Outcome } from '../../../src/component.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { settle } from '../fake-clock.ts';
import { type Behaviour, bench } from './agent-bench.ts';
import { batchOf, total } from './fake-world.ts';

/** An agent with a receiver to which a test sends. */
async function started(config: string, behave: Behaviour = {}) {
  let deliver: Deliver | undefined;
  const events: string[] = [];
  const answered: Promise<Outcome>[] = [];
  const of = bench(config, {
    ...behave,
    source: async () => ({
      pulls: [],
      listen(into) {
        events.push('listen');
        deliver = into;
      },
      async stopListening() {
        events.push('stop listening');
        await Promise.all(answered);
        events.push('all answered');
      },
    }),
  });
  const agent = await of.start();
  return {
    ...{ ...of, agent, events },
    send(items: number): Promise<Outcome> {
      const outcome = deliver?.(batchOf('metrics', items, 'sent')) ?? assert.fail('it does not listen');
      answered.push(outcome);
      return outcome;
    },
  };
}

const toOne = (settings: string, more = '') => `
receivers: {source: }
processors: {step: }
exporters: {sink: {${settings}}, sink/b: }
service: {pipelines: {metrics: {receivers: [source], processors: [step], exporters: [sink${more}]}}}
`;
const unqueued = 'sending_queue: {enabled: false}';

test('what a receiver hands over is accepted as soon as the queue has it', async () => {
  const { send, agent, labels, counters } = await started(toOne(''));
  assert.deepEqual(await send(2), { kind: 'accepted' });
  await agent.stop();
  assert.deepEqual(labels('sink'), ['sent', 'sent']);
  assert.equal(total(counters, 'otelcol_receiver_accepted_metric_points'), 2);
});

test('a receiver is told of a full queue, and that its sender may try again', async () => {
  const { send, agent, clock } = await started(toOne('sending_queue: {queue_size: 1}'), { hangSend: 'sink' });
  assert.equal((await send(1)).kind, 'accepted');
  assert.deepEqual(await send(1), { kind: 'retry', reason: 'sending queue is full', code: 'queue_full' });
  const stopped = agent.stop();
  await clock.advance(seconds(10));
  await stopped;
});

test('without a queue a receiver is told what the destination answered', async () => {
  const outcomes: readonly Outcome[] = [
    { kind: 'accepted' },
    { kind: 'partial', rejected: 1, reason: 'too old' },
    { kind: 'refused', reason: 'no metrics here' },
  ];
  for (const outcome of outcomes) {
    const { send, agent } = await started(toOne(unqueued), { outcome });
    assert.deepEqual(await send(2), outcome);
    await agent.stop();
  }
  const off = `${unqueued}, retry_on_failure: {enabled: false}`;
  const { send, agent } = await started(toOne(off), { outcome: { kind: 'retry', reason: 'busy' } });
  assert.deepEqual(await send(2), { kind: 'retry', reason: 'busy' });
  await agent.stop();
});

test('of several exporters the worst outcome counts, and a component that fails refuses', async () => {
  const full = await started(toOne('sending_queue: {queue_size: 1}', ', sink/b'), { hangSend: 'sink' });
  await full.send(1);
  assert.equal((await full.send(1)).kind, 'retry');
  assert.deepEqual(full.labels('sink/b'), ['sent', 'sent']);
  const stopped = full.agent.stop();
  await full.clock.advance(seconds(10));
  await stopped;

  const failing = await started(toOne(''), {
    process() {
      throw new Error('bug');
    },
  });
  assert.deepEqual(await failing.send(1), { kind: 'refused', reason: 'bug' });
  await failing.agent.stop();
});

test('at shutdown what was taken is answered first; after that nothing is taken, or counted', async () => {
  const sent = Promise.withResolvers<void>();
  const { send, agent, events, counters } = await started(toOne(unqueued), { awaitSend: sent.promise });
  const outcome = send(1);
  const stopped = agent.stop();
  await settle();
  assert.deepEqual(events, ['listen', 'stop listening']);
  sent.resolve();
  await stopped;
  assert.equal((await outcome).kind, 'accepted');
  assert.deepEqual(events, ['listen', 'stop listening', 'all answered']);
  assert.equal((await send(1)).kind, 'retry');
  assert.equal(total(counters, 'otelcol_receiver_accepted_metric_points'), 1);
});

test('a receiver that another configuration takes away is told to stop, and listens once', async () => {
  const { reload, events, agent } = await started(toOne(''));
  await reload(toOne('setting: b'));
  assert.deepEqual(events, ['listen']);
  await reload(toOne('').replaceAll('source', 'source/b'));
  assert.deepEqual(events, ['listen', 'stop listening', 'all answered', 'listen']);
  await agent.stop();
});

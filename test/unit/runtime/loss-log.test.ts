import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seconds } from '../../../src/telemetry/units.ts';
import { settle } from '../fake-clock.ts';
import { type Behaviour, bench } from './agent-bench.ts';

const config = `
receivers: {source: }
exporters: {sink: {sending_queue: {queue_size: 5, num_consumers: 1}}, screen: }
service:
  pipelines:
    metrics: {receivers: [source], exporters: [sink, screen]}
    logs: {receivers: [source], exporters: [sink]}
`;

type Lost = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** An agent of which a reading each 10 s yields two data points and a log record. */
async function running(behave: Behaviour) {
  const parts = bench(config, behave);
  const agent = await parts.start();
  const lines = (sentence: string) =>
    parts.logged
      .filter(({ msg }) => msg === sentence)
      .map(({ lost, 'otelcol.component.id': id }) => [id, lost] as const);
  return {
    ...{ ...parts, agent },
    meanwhile: () => lines('Data was lost in the last minute.'),
    total: () => lines('Data was lost since the agent started.'),
  };
}

test('what an exporter lost is logged once a minute, by signal and reason, while it loses', async () => {
  const behave: Behaviour = { outcome: { kind: 'refused', reason: 'no' } };
  const { agent, clock, meanwhile, total } = await running(behave);
  await clock.advance(seconds(61));
  await clock.advance(seconds(60));
  assert.deepEqual(meanwhile().slice(-1), [['sink', { metrics: { refused: 12 }, logs: { refused: 6 } }]]);
  behave.outcome = { kind: 'partial', rejected: 1, reason: 'old' };
  await clock.advance(seconds(120));
  assert.deepEqual(meanwhile().slice(-1), [['sink', { metrics: { partial: 6 }, logs: { partial: 6 } }]]);
  behave.outcome = { kind: 'accepted' };
  await clock.advance(seconds(60));
  const lines = meanwhile();
  await clock.advance(seconds(600));
  assert.equal(meanwhile().length, lines.length);
  await agent.stop();
  const sum = (signal: string, reason: string) =>
    lines.reduce((total, [, lost]) => total + ((lost as Lost)[signal]?.[reason] ?? 0), 0);
  assert.deepEqual(total(), [
    [
      'sink',
      {
        metrics: { refused: sum('metrics', 'refused'), partial: sum('metrics', 'partial') },
        logs: { refused: sum('logs', 'refused'), partial: sum('logs', 'partial') },
      },
    ],
  ]);
});

test('at the end a line has all that was lost, with what was still in the queue', async () => {
  const { agent, clock, total } = await running({ hangSend: 'sink' });
  await clock.advance(seconds(41));
  const stopped = agent.stop();
  await clock.advance(seconds(10));
  await stopped;
  // five readings and a last one: 12 points and 6 records, of which the queue had room for five requests
  const [[id, lost] = [], ...others] = total();
  assert.deepEqual([id, others], ['sink', []]);
  assert.deepEqual(lost, {
    metrics: { queue_full: 6, shutdown: 6 },
    logs: { queue_full: 4, shutdown: 2 },
  });
});

test('an exporter that throws is among them, and one that loses nothing is not', async () => {
  const { agent, clock, total } = await running({ failEncode: 'sink' });
  await clock.advance(seconds(1));
  await agent.stop();
  assert.deepEqual(total(), [['sink', { metrics: { error: 4 }, logs: { error: 2 } }]]);
});

test('what a processor refuses is among them', async () => {
  const refusal = () => ({ reason: 'too much', code: 'memory_limit' });
  const parts = bench(
    `
receivers: {source: }
processors: {step: }
exporters: {sink: }
service: {pipelines: {metrics: {receivers: [source], processors: [step], exporters: [sink]}}}
`,
    { step: async () => ({ refusal }) },
  );
  const agent = await parts.start();
  await parts.clock.advance(seconds(1));
  await agent.stop();
  const lines = parts.logged.filter(({ msg }) => msg === 'Data was lost since the agent started.');
  assert.deepEqual(
    lines.map((line) => [line['otelcol.component.kind'], line['otelcol.component.id'], line.lost]),
    [['processor', 'step', { metrics: { memory_limit: 4 } }]],
  );
});

test('an agent that lost nothing ends without such a line', async () => {
  const { agent, clock, total, meanwhile } = await running({});
  await clock.advance(seconds(200));
  await agent.stop();
  await settle();
  assert.deepEqual([...total(), ...meanwhile()], []);
  assert.equal(clock.timers, 0);
});

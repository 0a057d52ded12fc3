import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../../../src/component.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import type { FakeClock } from '../fake-clock.ts';
import { type Ledgered, ledgerOf } from '../ledger.ts';
import { type Behaviour, bench, hoarder } from './agent-bench.ts';
import { batchOf } from './fake-world.ts';

/** Each part as it may be written: a change takes another one of each now and then. */
const parts = {
  source: ['', '{setting: b}'],
  step: ['', '{setting: b}', '{setting: c}'],
  sink: ['{sending_queue: {queue_size: 3}}', '{setting: b, sending_queue: {queue_size: 50}}', ''],
  'sink/b': [
    '{sending_queue: {storage: vault}}',
    '{retry_on_failure: {enabled: false}, sending_queue: {storage: vault}}',
  ],
  processors: ['[step]', '[]', '[step, step/b]'],
  others: ['', ', sink/c: '],
};

function configAt(change: number): string {
  const pick = (part: keyof typeof parts, every: number) =>
    parts[part][Math.floor(change / every) % parts[part].length] ?? '';
  const others = pick('others', 9);
  return `
receivers: {source: ${pick('source', 4)}}
processors: {step: ${pick('step', 1)}, step/b: }
exporters: {sink: ${pick('sink', 5)}, sink/b: ${pick('sink/b', 3)}${others}}
extensions: {vault: }
service:
  extensions: [vault]
  pipelines:
    metrics: {receivers: [source], processors: ${pick('processors', 2)}, exporters: [sink${others && ', sink/c'}]}
    logs: {receivers: [source], processors: ${pick('processors', 7)}, exporters: [sink/b]}
`;
}

const outcomes: readonly Outcome[] = [
  { kind: 'accepted' },
  { kind: 'retry', reason: 'away' },
  { kind: 'accepted' },
  { kind: 'refused', reason: 'not of mine' },
  { kind: 'partial', rejected: 1, reason: 'one of them' },
];

const pipelines: Readonly<Record<'metrics' | 'logs', Ledgered>> = {
  metrics: {
    ...{ signal: 'metrics', receivers: ['source'], processors: ['step', 'step/b'] },
    ...{ exporter: 'sink', itemsPerRequest: 2 },
  },
  logs: {
    ...{ signal: 'logs', receivers: ['source'], processors: ['step', 'step/b'] },
    ...{ exporter: 'sink/b', itemsPerRequest: 1 },
  },
};

/** Time passes until work has ended, which waits for deadlines. */
async function passing(clock: FakeClock, work: Promise<unknown>): Promise<void> {
  let isDone = false;
  void work.finally(() => {
    isDone = true;
  });
  for (let second = 0; !isDone && second < 60; second += 1) await clock.advance(seconds(1));
  assert.ok(isDone, 'not done within a minute');
  await work;
}

test('over 100 changes under load each item is sent, queued, held or counted as lost, once', async () => {
  let collected = 0;
  const behave: Behaviour = {
    outcome: { kind: 'accepted' },
    step: async () => hoarder(),
    async source() {
      const collect = async () => {
        collected += 1;
        return [batchOf('metrics', 2, `metrics ${collected}`), batchOf('logs', 1, `logs ${collected}`)];
      };
      return { pulls: [{ name: 'totals', every: seconds(1), collect }] };
    },
  };
  const { start, reload, clock, counters, labels, agent } = bench(configAt(0), behave);
  await start();
  const seen = { queued: 0, held: 0 };
  for (let change = 1; change <= 100; change += 1) {
    behave.outcome = outcomes[Math.floor(change / 3) % outcomes.length] ?? { kind: 'accepted' };
    const applied = reload(configAt(change));
    await clock.advance(seconds(7));
    await passing(clock, applied);
    for (const pipeline of Object.values(pipelines)) {
      const ledger = ledgerOf(counters, pipeline);
      assert.equal(ledger.missing, 0, `${pipeline.signal} after ${change}: ${JSON.stringify(ledger)}`);
      seen.queued += ledger.queued;
      seen.held += ledger.held;
    }
  }
  assert.ok(seen.queued > 0 && seen.held > 0, JSON.stringify(seen));
  await passing(clock, agent.stop());

  const [metrics, logs] = [ledgerOf(counters, pipelines.metrics), ledgerOf(counters, pipelines.logs)];
  for (const ledger of [metrics, logs])
    assert.deepEqual([ledger.missing, ledger.queued, ledger.held], [0, 0, 0], JSON.stringify(ledger));
  const offered = [metrics, logs].map(({ accepted, refused }) => accepted + refused);
  assert.deepEqual(offered, [2 * collected, collected]);
  assert.deepEqual([metrics.deferred, logs.deferred], [0, 0], 'a collection has no sender');
  assert.ok(collected >= 700, `${collected} were collected`);
  assert.equal(logs.lost.shutdown, undefined, 'a queue on disk goes from one exporter to the next');
  for (const reason of ['refused', 'partial', 'queue_full'])
    assert.ok((metrics.lost[reason] ?? 0) > 0, `${reason}: ${JSON.stringify(metrics)}`);
  for (const [id, most] of [
    ['sink', 2],
    ['sink/b', 1],
  ] as const)
    for (const [label, all] of Map.groupBy(labels(id), String))
      assert.ok(all.length <= most, `${label} came ${all.length} times to ${id}`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resultsOf } from '../../../src/component.ts';
import { batch } from '../../../src/processors/batch.ts';
import { type Batch, itemCount, type Signal, signalNames } from '../../../src/telemetry/batch.ts';
import { codecOf } from '../../../src/telemetry/otlp.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { batchWith, itemsIn } from '../batch-with.ts';
import { fakeHost } from '../fake-host.ts';
import { ledgerOf } from '../ledger.ts';
import { bench } from '../runtime/agent-bench.ts';
import { batchOf } from '../runtime/fake-world.ts';
import { loadProcessor } from './load-processor.ts';

type Config = Parameters<typeof batch.open>[0];

async function open(written: object) {
  const { host } = fakeHost('batch', batch.emits);
  const opened = await batch.open(loadProcessor('batch', written) as Config, host);
  const { pulls: [pull] = [], flush = () => [] } = opened;
  return {
    /** What goes on. */
    take: (each: Batch) => resultsOf(opened.process(each)).filter((result) => itemCount(result) > 0),
    timeOut: async () => (await pull?.collect()) ?? [],
    flush,
    close: () => opened.close(),
    pull,
    counted: () => Object.fromEntries(host.counters.read().map(({ metric, value }) => [metric.name, value])),
  };
}

const sizes = (batches: readonly Batch[]) => batches.map(itemCount);
const textsOf = (batches: readonly Batch[]) =>
  batches.flatMap((each) => itemsIn(each).map(({ name, label }) => `${each.signal} ${name} ${label}`)).sort();

let made = 0;
/** A batch with distinct labels. */
const batchOfSize = (signal: Signal, items: number, name = 'one') =>
  batchWith(signal, { [name]: Array.from({ length: items }, () => `${made++}`) });

test('items are held until there are enough', async () => {
  const { take, counted } = await open({ send_batch_size: 10 });
  assert.deepEqual(sizes(take(batchOfSize('logs', 4))), []);
  assert.deepEqual(sizes(take(batchOfSize('logs', 5))), []);
  assert.deepEqual(sizes(take(batchOfSize('logs', 3))), [12]);
  assert.deepEqual(sizes(take(batchOfSize('logs', 9))), []);
  assert.deepEqual(counted(), { otelcol_processor_batch_batch_size_trigger_send: 1 });
});

test('what is held goes on after `timeout`, whatever its size', async () => {
  const { take, timeOut, pull, counted } = await open({ timeout: '5s' });
  assert.equal(pull?.every, seconds(5));
  take(batchOfSize('logs', 4));
  take(batchOfSize('metrics', 3));
  take(batchOfSize('logs', 1));
  assert.deepEqual(
    (await timeOut()).map((each) => [each.signal, itemCount(each)]),
    [
      ['logs', 5],
      ['metrics', 3],
    ],
  );
  assert.deepEqual(await timeOut(), []);
  assert.deepEqual(counted(), { otelcol_processor_batch_timeout_trigger_send: 2 });
});

test('with `timeout: 0` nothing is held, and large batches are divided', async () => {
  const { take, pull, counted } = await open({ timeout: 0, send_batch_size: 0, send_batch_max_size: 4 });
  assert.equal(pull, undefined);
  const small = batchOfSize('logs', 3);
  assert.deepEqual(take(small), [small]);
  assert.deepEqual(sizes(take(batchOfSize('logs', 10))), [4, 4, 2]);
  assert.deepEqual(counted(), { otelcol_processor_batch_batch_size_trigger_send: 4 });
});

test('a rest below `send_batch_size` is held', async () => {
  const { take, flush, counted } = await open({ send_batch_size: 4, send_batch_max_size: 4 });
  assert.deepEqual(sizes(take(batchOfSize('logs', 10))), [4, 4]);
  assert.deepEqual(sizes(take(batchOfSize('logs', 2))), [4]);
  take(batchOfSize('logs', 1));
  assert.deepEqual(sizes(flush()), [1]);
  assert.deepEqual(counted(), { otelcol_processor_batch_batch_size_trigger_send: 3 });
});

test('what is held and not flushed is counted as lost, once', async () => {
  const { take, close, counted } = await open({});
  take(batchOfSize('logs', 2));
  take(batchOfSize('traces', 3));
  await close();
  await close();
  assert.deepEqual(counted(), { 'earshot.agent.batch.lost': 5 });
});

for (const signal of signalNames)
  test(`${signal}: all that comes goes on, once, in batches of allowed sizes`, async () => {
    const step = fc.record({
      items: fc.integer({ min: 0, max: 12 }),
      name: fc.constantFrom('one', 'two', 'three'),
      isTimeUp: fc.boolean(),
    });
    const limits = fc
      .record({
        size: fc.integer({ min: 0, max: 20 }),
        beyond: fc.integer({ min: 0, max: 10 }),
        isLimited: fc.boolean(),
      })
      .map(({ size, beyond, isLimited }) => ({
        send_batch_size: size,
        send_batch_max_size: isLimited ? Math.max(1, size + beyond) : 0,
      }));
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 12 }), async (settings, steps) => {
        const { take, timeOut, flush } = await open({ timeout: '1s', ...settings });
        const sent: Batch[] = [];
        const received: Batch[] = [];
        for (const { items, name, isTimeUp } of steps) {
          const each = batchOfSize(signal, items, name);
          sent.push(each);
          received.push(...take(each), ...(isTimeUp ? await timeOut() : []));
          const held = sizes(sent).reduce((a, b) => a + b, 0) - sizes(received).reduce((a, b) => a + b, 0);
          assert.ok(held === 0 || held < settings.send_batch_size, `${held} are held`);
        }
        received.push(...flush());
        assert.deepEqual(textsOf(received), textsOf(sent));
        for (const size of sizes(received))
          assert.ok(size > 0 && (settings.send_batch_max_size === 0 || size <= settings.send_batch_max_size));
      }),
      { numRuns: 60 },
    );
  });

for (const signal of ['metrics', 'logs', 'traces'] as const)
  test(`${signal}: ten small batches of a resource take fewer bytes as one`, async () => {
    const { take, flush } = await open({});
    const { encode } = codecOf(signal);
    const small = Array.from({ length: 10 }, () =>
      batchOfSize(signal, 2, 'a workload with a name of some length'),
    );
    for (const each of small) take(each);
    const bytes = (batches: readonly Batch[]) =>
      batches.reduce((sum, each) => sum + encode(each, 'proto').length, 0);
    const [joined, apart] = [bytes(flush()), bytes(small)];
    assert.ok(joined < apart * { metrics: 0.5, logs: 0.75, traces: 0.85 }[signal], `${joined} of ${apart} B`);
  });

const config = (size: number) => `
receivers: {source: }
processors: {step: {setting: '${size}'}}
exporters: {sink: }
service:
  pipelines:
    metrics: {receivers: [source], processors: [step], exporters: [sink]}
`;

test('in an agent nothing is lost at a change of the configuration and at the end', async () => {
  let collected = 0;
  const { start, reload, clock, counters, labels, agent } = bench(config(100), {
    step: (host) => batch.open(loadProcessor('batch', { timeout: '4s' }) as Config, host),
    async source() {
      const collect = async () => {
        collected += 1;
        return [batchOf('metrics', 3, `${collected}`)];
      };
      return { pulls: [{ name: 'totals', every: seconds(1), collect }] };
    },
  });
  const ledger = () =>
    ledgerOf(counters, {
      ...{ signal: 'metrics', receivers: ['source'], processors: ['step'] },
      ...{ exporter: 'sink', itemsPerRequest: 1 },
    });
  await start();
  let held = 0;
  for (let change = 0; change < 5; change += 1) {
    await clock.advance(seconds(6));
    held += ledger().held;
    assert.equal(ledger().missing, 0);
    await reload(config(change));
  }
  assert.ok(held > 0, 'at a change something is held');
  await agent.stop();
  const { accepted, sent, missing, held: left, lost } = ledger();
  assert.deepEqual({ accepted, missing, left, lost }, { accepted: sent, missing: 0, left: 0, lost: {} });
  assert.equal(accepted, collected * 3);
  assert.equal(labels('sink').length, accepted);
});

for (const [written, message] of [
  [
    { send_batch_max_size: 10 },
    /send_batch_max_size: must be greater or equal to "send_batch_size", which is 8192, got 10/,
  ],
  [{ metadata_keys: ['tenant'] }, /metadata_keys: nothing to divide batches by/],
  [{ timeout: 200 }, /duration 200 has no unit/],
  [{ send_batch_size: -1 }, /send_batch_size/],
] as const)
  test(`refused: ${JSON.stringify(written)}`, () => {
    assert.throws(() => loadProcessor('batch', written), message);
  });

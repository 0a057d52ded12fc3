import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Static } from 'typebox';
import { debug } from '../../../src/exporters/debug/debug.ts';
import { waitEvent } from '../../../src/receivers/scheduler/emits.ts';
import type { Batch } from '../../../src/telemetry/batch.ts';
import { event } from '../../../src/telemetry/logs.ts';
import {
  exponentialHistogram,
  gauge,
  resource,
  resourceMetrics,
  sum,
} from '../../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../src/telemetry/units.ts';
import { batchWith } from '../batch-with.ts';
import { fakeHost, slowHost } from '../fake-host.ts';

const start = 1_700_000_000_000_000_000n as UnixNanoseconds;
const end = 1_700_000_010_000_000_000n as UnixNanoseconds;
const interval = { start, end };
const of = resource({ 'service.name': 'shop' });

const histogram = {
  ...{ count: 3, sum: 0.5, min: 0.1, max: 0.3, scale: 2, zeroCount: 0 },
  positive: { offset: -4, bucketCounts: [1, 2] },
  negative: { offset: 0, bucketCounts: [] },
};

const measured: Batch = {
  signal: 'metrics',
  resourceMetrics: [
    resourceMetrics(of, [
      sum(waitMetrics.waitTime, interval, [
        { value: 0.25, attributes: { 'earshot.cause': 'neighbor' } },
        { value: 0.5, attributes: { 'earshot.cause': 'self' } },
      ]),
      exponentialHistogram(waitMetrics.waitDuration, interval, [{ value: histogram }]),
    ]),
    resourceMetrics(resource({}), [
      gauge({ name: 'level', kind: 'gauge', unit: '1', meaning: 'A level.' }, interval, [{ value: 3 }]),
    ]),
  ],
};

const logged: Batch = {
  signal: 'logs',
  records: [
    event(waitEvent, {
      resource: of,
      at: start,
      observed: end,
      attributes: { 'thread.name': 'worker', 'earshot.weight': 4 },
    }),
  ],
};

async function printedBy(verbosity: Static<typeof debug.config>['verbosity'], batch: Batch): Promise<string> {
  const { host, printed } = fakeHost('debug');
  const exporter = await debug.open({ verbosity }, host);
  await exporter.write(batch);
  await exporter.close();
  return printed.join('');
}

test('basic: the numbers of items', async () => {
  assert.equal(await printedBy('basic', measured), 'metrics: resources=2 metrics=3 data points=4\n');
  assert.equal(await printedBy('basic', logged), 'logs: log records=1\n');
});

test('normal: a line for each data point and log record, with its resource', async () => {
  assert.equal(
    await printedBy('normal', measured),
    `earshot.wait.time{earshot.cause=neighbor} 0.25 s resource{service.name=shop}
earshot.wait.time{earshot.cause=self} 0.5 s resource{service.name=shop}
earshot.wait.duration{} count=3 sum=0.5 min=0.1 max=0.3 s resource{service.name=shop}
level{} 3 1 resource{}
`,
  );
  assert.equal(
    await printedBy('normal', logged),
    '2023-11-14T22:13:20.000Z earshot.wait {thread.name=worker, earshot.weight=4} resource{service.name=shop}\n',
  );
});

test('detailed: all fields of each item', async () => {
  const text = await printedBy('detailed', measured);
  for (const part of [
    'metrics: resources=2 metrics=3 data points=4\n',
    'resource\n  service.name: shop\n',
    '  earshot.wait.time (sum, delta, unit s)\n',
    '    2023-11-14T22:13:20.000Z – 2023-11-14T22:13:30.000Z: 0.25\n      earshot.cause: neighbor\n',
    'count=3 sum=0.5 min=0.1 max=0.3 {"scale":2,"zeroCount":0,"positive":{"offset":-4,"bucketCounts":[1,2]}',
  ])
    assert.ok(text.includes(part), part);
  assert.equal(
    await printedBy('detailed', logged),
    `logs: log records=1
log record earshot.wait
  time 2023-11-14T22:13:20.000Z, observed 2023-11-14T22:13:30.000Z
  severity INFO
  attributes
    thread.name: worker
    earshot.weight: 4
  resource
    service.name: shop
`,
  );
});

test('spans: counts, a line each, all fields', async () => {
  const spans = batchWith('traces', { shop: ['a'] });
  const [trace, id] = ['a'.repeat(32), 'b'.repeat(16)];
  assert.equal(await printedBy('basic', spans), 'traces: spans=1\n');
  assert.equal(
    await printedBy('normal', spans),
    `2023-11-14T22:13:20.000Z test ${trace}/${id} 10 s {label=a} resource{name=shop}\n`,
  );
  assert.equal(
    await printedBy('detailed', spans),
    `traces: spans=1
span test
  trace ${trace}, id ${id}
  kind SERVER, status OK
  time 2023-11-14T22:13:20.000Z – 2023-11-14T22:13:30.000Z: 10 s
  attributes
    label: a
  resource
    name: shop
`,
  );
});

test('profiles: counts, a line for each sample, all fields', async () => {
  const samples = batchWith('profiles', { shop: ['a'] });
  assert.equal(await printedBy('basic', samples), 'profiles: profiles=1 samples=1\n');
  assert.equal(
    await printedBy('normal', samples),
    'cpu{label=a} 10000000 nanoseconds work < main resource{name=shop}\n',
  );
  assert.equal(
    await printedBy('detailed', samples),
    `profiles: profiles=1 samples=1
profile cpu in nanoseconds
  time 2023-11-14T22:13:20.000Z – 2023-11-14T22:13:30.000Z
  resource
    name: shop
  sample 10000000
    label: a
    native work
    native main
`,
  );
});

test('write resolves when the text is written', async () => {
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const exporter = await debug.open({ verbosity: 'basic' }, slowHost('debug', taken));
  let isSent = false;
  const sent = exporter.write(measured).then(() => {
    isSent = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isSent, false);
  take();
  await sent;
});

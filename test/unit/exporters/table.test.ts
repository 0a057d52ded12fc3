import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { Attributes } from '@opentelemetry/api';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { deliveryCounters } from '../../../src/delivery/emits.ts';
import { render } from '../../../src/exporters/table/render.ts';
import { table } from '../../../src/exporters/table/table.ts';
import { culpritAttributes, otherCulprit } from '../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import { type Cause, waitAttributes } from '../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../src/telemetry/attributes/workload.ts';
import {
  exponentialHistogram,
  resource,
  resourceMetrics,
  sum,
} from '../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../src/telemetry/metrics/histogram.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import type { UnixNanoseconds } from '../../../src/telemetry/units.ts';
import { type Screen, screenOf } from '../../../src/views/contention.ts';
import { fakeHost, slowHost } from '../fake-host.ts';

process.env.TZ = 'UTC';

const interval = {
  start: 1_700_000_000_000_000_000n as UnixNanoseconds,
  end: 1_700_000_010_000_000_000n as UnixNanoseconds,
};

interface Waiting {
  readonly of: Attributes;
  readonly run: number;
  readonly waits: Partial<Record<Cause, number>>;
  readonly blame?: readonly (readonly [cause: Cause, culprit: Attributes, seconds: number])[];
  readonly buckets?: ReadonlyMap<number, number>;
}

function workload({ of, run, waits, blame = [], buckets = new Map([[-40, 100]]) }: Waiting): ResourceMetrics {
  return resourceMetrics(resource(of), [
    exponentialHistogram(waitMetrics.waitDuration, interval, [
      { value: histogramOf({ scale: 2, buckets, zeroCount: 0, sum: 1, max: 60 }) },
    ]),
    sum(
      waitMetrics.waitTime,
      interval,
      Object.entries(waits).map(([cause, value]) => ({
        value,
        attributes: { [waitAttributes.cause.key]: cause },
      })),
    ),
    sum(
      waitMetrics.blameTime,
      interval,
      blame.map(([cause, culprit, value]) => ({
        value,
        attributes: { [waitAttributes.cause.key]: cause, ...culprit },
      })),
    ),
    sum(waitMetrics.runTime, interval, [{ value: run }]),
  ]);
}

const named = (name: string) => ({ [workloadAttributes.name.key]: name });
const culprit = (name: string) => ({
  [culpritAttributes.cgroupId.key]: '7',
  [culpritAttributes.name.key]: name,
});
const others = { [culpritAttributes.cgroupId.key]: otherCulprit };

const node = [
  workload({
    of: named('shop/checkout'),
    run: 3.1,
    waits: { neighbor: 1.2, throttled: 0.5, self: 0.2 },
    blame: [
      ['neighbor', culprit('batch/encoder'), 0.9],
      ['neighbor', others, 0.3],
    ],
    buckets: new Map([
      [-54, 9000],
      [-50, 2900],
      [-31, 200],
    ]),
  }),
  workload({
    of: named('batch/encoder'),
    run: 9.5,
    waits: { self: 4, idle: 0.01 },
    buckets: new Map([
      [-40, 60],
      [1, 10],
    ]),
  }),
  workload({ of: { [workloadAttributes.unit.key]: 'ssh.service' }, run: 0.001, waits: { idle: 0.0001 } }),
  workload({ of: named('asleep'), run: 0, waits: {} }),
];

// The batches of these tests all hold what a screen needs.
const screen = (batch: readonly ResourceMetrics[]) => screenOf(batch) as Screen;
const plain = { width: 100, colour: false, rows: 15 };

test('a screen shows workloads, waits, causes and main culprits', () => {
  assert.equal(
    render(screen(node), plain),
    `
22:13:30   last 10 s
WORKLOAD         WAITS/s   P50      P99     WAIT %  CAUSES                MAIN CULPRIT
batch/encoder        7.0   1.1 ms   1.4 s     30 %  SSSSSSSSSSSSSSSSSSSS  100 %  itself
shop/checkout      1,210    97 µs   5.0 ms    38 %  SSNNNNNNNNNNNNNTTTTT   47 %  batch/encoder
ssh.service           10   1.1 ms   1.2 ms     9 %  ····················  100 %  none (CPU idle)
TOTAL              1,237    97 µs   5.0 ms    32 %  SSSSSSSSSSSSSSNNNNTT
S self   N neighbor   T throttled   · idle
`,
  );
});

test('a narrow terminal gets a narrower bar and shorter names, which keep their ends', () => {
  const long = {
    ...named('a-namespace/a-workload-with-a-very-long-name'),
    [resourceAttributes.cgroupId.key]: '7',
  };
  const text = render(screen([workload({ of: long, run: 1, waits: { self: 1 } })]), { ...plain, width: 80 });
  const [, , titles = '', row = ''] = text.split('\n');
  assert.match(row, /^a-namesp…ong-name /);
  assert.match(row, / SSSSSSSSSS {2}/);
  assert.ok(row.length <= 80 && titles.length <= 80, text);
});

test('colours change no column', () => {
  const lines = (colour: boolean) =>
    stripVTControlCharacters(render(screen(node), { ...plain, colour })).split('\n');
  assert.ok(render(screen(node), { ...plain, colour: true }).includes('\x1b[31m█'));
  assert.deepEqual(
    lines(true).map((line) => line.length),
    lines(false).map((line) => line.length),
  );
});

test('the legend explains what is in the bars and nothing else', () => {
  const text = render(screen([workload({ of: named('a'), run: 1, waits: { self: 1, idle: 0.001 } })]), plain);
  assert.match(text, /\nS self\n$/);
});

test('waits too short to measure are zero, and a cut interval is rounded', () => {
  const short = workload({ of: named('a'), run: 1, waits: { self: 1 }, buckets: new Map() });
  const { total, ...rest } = screen([short]);
  const text = render({ ...rest, seconds: 0.998, total }, plain);
  assert.match(text, /last 1 s\n/);
  assert.match(render({ ...rest, seconds: 12.34, total }, plain), /last 12 s\n/);
  assert.match(
    render({ ...rest, total, rows: [{ ...total, p50: 0, p99: 9.96e-4 }] }, plain),
    / 0 ns +996 µs /,
  );
});

test('the workloads beyond the limit are counted in one line', () => {
  assert.match(render(screen(node), { ...plain, rows: 1 }), /\nand 2 more\nTOTAL/);
});

test('a screen without waits prints “no waits for CPU”', () => {
  assert.equal(
    render(screen([workload({ of: named('asleep'), run: 1, waits: {} })]), plain),
    '\n22:13:30   last 10 s\nno waits for CPU\n',
  );
});

test('a batch without metrics of waiting makes no screen', () => {
  assert.equal(screenOf([]), undefined);
  const other = sum({ ...waitMetrics.runTime, name: 'other.time' }, interval, [{ value: 1 }]);
  assert.equal(screenOf([resourceMetrics(resource({}), [other])]), undefined);
});

test('a replay is marked on every screen, also on an empty one', () => {
  const recorded = { ...named('a'), [resourceAttributes.recording.key]: 'web and hog, 2026' };
  for (const waits of [{ self: 1 }, {}])
    assert.match(
      render(screen([workload({ of: recorded, run: 1, waits })]), plain),
      /last 10 s {3}RECORDING web and hog, 2026\n/,
    );
});

test('workloads of one name are distinguished by their container', () => {
  const twin = (id: string) =>
    workload({
      of: { ...named('web'), [workloadAttributes.containerId.key]: id.repeat(64) },
      run: 1,
      waits: { self: 1 },
    });
  assert.deepEqual(
    screen([twin('a'), twin('b')]).rows.map(({ name }) => name),
    ['web (aaaaaaaaaaaa)', 'web (bbbbbbbbbbbb)'],
  );
});

const namesOf = (all: readonly Attributes[]) =>
  screen(all.map((of) => workload({ of, run: 1, waits: { self: 1 } }))).rows.map(({ name }) => name);

test('cgroups of one container are distinguished by their path', () => {
  const container = { ...named('web'), [workloadAttributes.containerId.key]: 'a'.repeat(64) };
  const at = (path: string, id: string) => ({
    ...container,
    [resourceAttributes.cgroupPath.key]: path,
    [resourceAttributes.cgroupId.key]: id,
  });
  assert.deepEqual(namesOf([at('/docker/a', '1'), at('/docker/a/worker', '2')]), ['web (a)', 'web (worker)']);
  assert.deepEqual(namesOf([at('/x/init', '1'), at('/y/init', '2')]), ['web (/x/init)', 'web (/y/init)']);
  assert.deepEqual(namesOf([at('/x', '1'), at('/x', '2')]), ['web (1)', 'web (2)']);
});

test('control characters in a distinguishing mark are replaced', () => {
  const at = (path: string) => ({ ...named('web'), [resourceAttributes.cgroupPath.key]: path });
  assert.deepEqual(namesOf([at('/a/\x1b[2J'), at('/a/b')]), ['web (?[2J)', 'web (b)']);
});

test('control characters in a name are replaced', () => {
  const [row] = screen([workload({ of: named('\x1b[2Jevil\u202e'), run: 1, waits: { self: 1 } })]).rows;
  assert.equal(row?.name, '?[2Jevil?');
});

const mainCulprit = (waiting: Omit<Waiting, 'of' | 'run'>) =>
  screen([workload({ of: named('victim'), run: 1, ...waiting })]).rows[0]?.culprit;

test('the main culprit has the largest sum over all causes', () => {
  const blame = [
    ['neighbor', culprit('b'), 0.4],
    ['sibling', culprit('b'), 0.4],
    ['neighbor', culprit('c'), 0.6],
  ] as const;
  assert.deepEqual(mainCulprit({ waits: { neighbor: 1, sibling: 0.6, self: 0.4 }, blame }), {
    name: 'b',
    share: 0.4,
  });
});

test('the rest without a name is no culprit, however large', () => {
  const blame = [
    ['neighbor', others, 0.9],
    ['neighbor', culprit('b'), 0.1],
  ] as const;
  assert.equal(mainCulprit({ waits: { neighbor: 1 }, blame })?.name, 'b');
});

test('time blamed on a named culprit is not counted for its cause again', () => {
  const waits = { throttled_ancestor: 1 };
  const blame = [['throttled_ancestor', culprit('a.slice'), 0.6]] as const;
  assert.deepEqual(mainCulprit({ waits, blame }), { name: 'CPU limit of a.slice', share: 0.6 });
  assert.deepEqual(mainCulprit({ waits: { unknown: 1 }, blame: [['unknown', others, 1]] }), undefined);
});

test('waiting without a culprit has a word for its cause', () => {
  const words = (['self', 'throttled', 'idle', 'irq', 'steal', 'unknown'] as const).map(
    (cause) => mainCulprit({ waits: { [cause]: 1 } })?.name,
  );
  assert.deepEqual(words, [
    'itself',
    'own CPU limit',
    'none (CPU idle)',
    'interrupts',
    'the hypervisor',
    'unknown',
  ]);
});

test('culprits with a hidden name have the word of their cause', () => {
  const kind = (name: string) => ({ [culpritAttributes.kind.key]: name });
  const name = (cause: Cause, of: string) =>
    mainCulprit({ waits: { [cause]: 1 }, blame: [[cause, kind(of), 1]] })?.name;
  assert.equal(name('neighbor', 'container'), 'neighbors');
  assert.equal(name('system', 'service'), 'system services');
});

test('a quota is blamed as a limit, by name where it is not the workload’s own', () => {
  const slice = culprit('kubepods.slice');
  assert.equal(
    mainCulprit({ waits: { throttled: 1 }, blame: [['throttled', slice, 1]] })?.name,
    'own CPU limit',
  );
  assert.equal(
    mainCulprit({ waits: { throttled_ancestor: 1 }, blame: [['throttled_ancestor', slice, 1]] })?.name,
    'CPU limit of kubepods.slice',
  );
});

async function print(batches: readonly (readonly ResourceMetrics[])[]) {
  const { host, printed } = fakeHost('table');
  const exporter = await table.open({ rows: 15 }, host);
  for (const resourceMetrics of batches) {
    for (const payload of exporter.encode({ signal: 'metrics', resourceMetrics }))
      assert.deepEqual(await exporter.send(payload, new AbortController().signal), { kind: 'accepted' });
    host.counters.add(deliveryCounters.sendFailed.metrics, 3, { exporter: 'otlp_grpc' });
    host.counters.add(deliveryCounters.sent.metrics, 100, { exporter: 'otlp_grpc' });
  }
  await exporter.close();
  return printed;
}

test('each batch prints one screen, without colour codes where there is no terminal', async () => {
  const printed = await print([node, node]);
  assert.equal(printed.length, 2);
  assert.ok(!printed.join('').includes('\x1b'));
});

test('a screen lists the losses since the last screen, each once', async () => {
  const [first, second, third] = await print([node, node, node]);
  assert.doesNotMatch(first ?? '', /lost/);
  const line = /\nlost: 3 otelcol_exporter_send_failed_metric_points \(exporter=otlp_grpc\)\n$/;
  assert.match(second ?? '', line);
  assert.match(third ?? '', line);
});

test('a batch that makes no screen prints nothing', async () => {
  assert.deepEqual(await print([[]]), []);
});

test('send resolves when the screen is written', async () => {
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const exporter = await table.open({ rows: 15 }, slowHost('table', taken));
  const [payload = assert.fail('nothing to send')] = exporter.encode({
    signal: 'metrics',
    resourceMetrics: node,
  });
  let isSent = false;
  const sent = exporter.send(payload, new AbortController().signal).then(() => {
    isSent = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isSent, false);
  take();
  await sent;
});

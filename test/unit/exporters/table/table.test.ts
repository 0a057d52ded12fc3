import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { deliveryCounters } from '../../../../src/delivery/emits.ts';
import { render } from '../../../../src/exporters/table/render.ts';
import { table } from '../../../../src/exporters/table/table.ts';
import { findingAttributes, findingEventName } from '../../../../src/telemetry/attributes/finding.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import { resource } from '../../../../src/telemetry/metrics/build.ts';
import { fakeHost, slowHost } from '../../fake-host.ts';
import { culprit, interval, named, others, screen, workload } from '../../views/workloads.ts';

process.env.TZ = 'UTC';

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

const plain = { width: 100, colour: false, rows: 15 };

test('a screen has workloads, waits, causes and main culprits', () => {
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

test('the legend has exactly the causes in the bars', () => {
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

test('a replay is marked on every screen, also on an empty one', () => {
  const recorded = { ...named('a'), [resourceAttributes.recording.key]: 'web and hog, 2026' };
  for (const waits of [{ self: 1 }, {}])
    assert.match(
      render(screen([workload({ of: recorded, run: 1, waits })]), plain),
      /last 10 s {3}RECORDING web and hog, 2026\n/,
    );
});

async function print(batches: readonly (readonly ResourceMetrics[])[]) {
  const { host, printed } = fakeHost('table');
  const exporter = await table.open({ rows: 15 }, host);
  for (const resourceMetrics of batches) {
    await exporter.write({ signal: 'metrics', resourceMetrics });
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

test('a finding is a line with its severity, state and sentence; other events are none', async () => {
  const { host, printed } = fakeHost('table');
  const exporter = await table.open({ rows: 15 }, host);
  const at = { resource: resource({}), at: interval.end, observed: interval.end };
  const finding = (state: string, body: string) => ({
    ...event(
      { name: findingEventName },
      { ...at, attributes: { [findingAttributes.state.key]: state }, body },
    ),
    severityText: 'WARN',
  });
  const wait = event({ name: 'earshot.wait' }, { ...at, attributes: {} });
  await exporter.write({
    signal: 'logs',
    records: [wait, finding('begin', 'web waited.\u001b[2J'), finding('end', 'No longer: web waited.')],
  });
  await exporter.write({ signal: 'logs', records: [wait] });
  assert.deepEqual(printed, ['WARN begin  web waited.\\u{1b}[2J\nWARN end  No longer: web waited.\n']);
  await exporter.close();
});

test('write resolves when the screen is written', async () => {
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const exporter = await table.open({ rows: 15 }, slowHost('table', taken));
  let isSent = false;
  const sent = exporter.write({ signal: 'metrics', resourceMetrics: node }).then(() => {
    isSent = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isSent, false);
  take();
  await sent;
});

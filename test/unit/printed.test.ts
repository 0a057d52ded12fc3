import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { explain } from '../../src/cli/output.ts';
import type { LocalExporterComponent } from '../../src/component.ts';
import { describeProblem } from '../../src/config/config-error.ts';
import { printConfig } from '../../src/config/print.ts';
import { Account } from '../../src/delivery/account.ts';
import { debug } from '../../src/exporters/debug/debug.ts';
import { table } from '../../src/exporters/table/table.ts';
import { createLog } from '../../src/log.ts';
import { StartError } from '../../src/runtime/start-error.ts';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import type { Batch, Signal } from '../../src/telemetry/batch.ts';
import { createCounters } from '../../src/telemetry/counters.ts';
import { Health } from '../../src/telemetry/health.ts';
import { resource, resourceMetrics, sum } from '../../src/telemetry/metrics/build.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import { seconds } from '../../src/telemetry/units.ts';
import { batchWith, interval } from './batch-with.ts';
import { loadTexts, withProbe } from './config/sample-components.ts';
import { FakeClock } from './fake-clock.ts';
import { fakeHost } from './fake-host.ts';
import { hostileNames, steers } from './hostile-names.ts';

const unsampled = {
  level: 'info',
  initial_fields: {},
  sampling: { enabled: false, tick: seconds(10), initial: 10, thereafter: 100 },
};

/** Each output by a name that is somewhere in it. */
const outputs: Readonly<Record<string, (name: string) => string | Promise<string>>> = {
  ...Object.fromEntries(
    (['metrics', 'logs', 'traces', 'profiles'] as const).flatMap((signal) =>
      (['normal', 'detailed'] as const).map((verbosity) => [
        `debug, ${signal}, ${verbosity}`,
        (name: string) => written(debug, { verbosity }, { name, batch: everywhere(signal, name) }),
      ]),
    ),
  ),
  table: (name) => written(table, { rows: 15 }, { name, batch: contended(name) }),
  'log for people': (name) => logged('console', name),
  'log for machines': (name) => logged('json', name),
  'log of a destination’s answers': destinationLog,
  'problem with a key': (name) => problemIn(withProbe(`{${quoted(name)}: 1}`)),
  'problem with a value': (name) => problemIn(withProbe(`{interval: ${quoted(name)}}`)),
  'problem with an id': (name) => problemIn(`receivers: {${quoted(name)}: {}}\n`),
  'problem in a line with other text': (name) =>
    problemIn(withProbe(`{intervall: 1s} # ${name.replace(/[\n\t]/g, ' ')}`)),
  'problem in a file': (name) =>
    describeProblem({ message: 'wrong', at: { source: { name, text: 'a: b' }, start: 0, end: 1 } }),
  'error of a bug': (name) => {
    const stack = `Error: ${name}\n    at work (work.ts:1:1)`;
    return explain(Object.assign(new Error(name, { cause: name }), { stack }));
  },
  'error of a start': (name) => explain(new StartError('exporter otlp_grpc', new Error(name))),
};

async function written<C extends LocalExporterComponent>(
  exporter: C,
  config: object,
  { name, batch }: { readonly name: string; readonly batch: Batch },
): Promise<string> {
  const { host, printed } = fakeHost(exporter.type);
  const loss = { name: 'lost', kind: 'sum', unit: '1', meaning: '', isLoss: true } as const;
  host.counters.add(loss, 1, { exporter: name });
  const opened = await exporter.open(config as never, host);
  await opened.write(batch);
  return printed.join('');
}

/** A batch with the name in place of each text in it. */
function everywhere(signal: Signal, name: string): Batch {
  const replace = (value: unknown): unknown => {
    if (value === signal) return value;
    if (typeof value === 'string') return name;
    if (typeof value === 'function') return () => replace((value as () => unknown)());
    if (Array.isArray(value)) return value.map(replace);
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
    const { attributes } = value as { attributes?: object };
    const copied = Object.entries(value).map(([key, inner]) => [key, replace(inner)]);
    return {
      ...Object.fromEntries(copied),
      ...(attributes && !Array.isArray(attributes) && { attributes: { [name]: name, list: [name] } }),
    };
  };
  return replace(batchWith(signal, { shop: ['a'] })) as Batch;
}

const contended = (name: string): Batch => ({
  signal: 'metrics',
  resourceMetrics: [
    resourceMetrics(
      resource({ [workloadAttributes.name.key]: name, [resourceAttributes.recording.key]: name }),
      [
        sum(waitMetrics.waitTime, interval, [
          { value: 1, attributes: { [waitAttributes.cause.key]: 'neighbor' } },
        ]),
        sum(waitMetrics.blameTime, interval, [
          {
            value: 1,
            attributes: { [waitAttributes.cause.key]: 'neighbor', [culpritAttributes.name.key]: name },
          },
        ]),
      ],
    ),
  ],
});

function logged(encoding: 'console' | 'json', name: string): string {
  const lines: string[] = [];
  const { log } = createLog({ ...unsampled, encoding }, (line) => lines.push(line));
  log.child({ 'otelcol.component.id': name }).warn({ reason: name, list: [{ name }] }, `cannot read ${name}`);
  return lines.join('');
}

function destinationLog(name: string): string {
  const lines: string[] = [];
  const { log } = createLog({ ...unsampled, encoding: 'console' }, (line) => lines.push(line));
  const account = new Account({
    ...{ id: 'otlp_grpc', log, counters: createCounters(), health: new Health(log), clock: new FakeClock() },
  });
  const request = { signal: 'metrics', items: 1, bytes: new Uint8Array() } as const;
  account.delivered(request, { kind: 'partial', rejected: 1, reason: name });
  account.delivered(request, { kind: 'lost', because: 'refused', reason: name });
  return lines.join('');
}

/** In YAML's double quotes: a file must not hold the control characters that JSON leaves as they are. */
const quoted = (name: string) =>
  JSON.stringify(name).replace(/[\x7f-\x9f]/g, (control) => `\\x${control.charCodeAt(0).toString(16)}`);

function problemIn(text: string): string {
  try {
    loadTexts([text]);
  } catch (error) {
    return explain(error);
  }
  throw new Error('no problem was found');
}

for (const [output, print] of Object.entries(outputs))
  test(`no name steers the output: ${output}`, async () => {
    const lines = (await print('plain')).split('\n').length;
    for (const [what, name] of Object.entries(hostileNames)) {
      const text = await print(name);
      assert.doesNotMatch(text, steers, what);
      assert.ok(text.isWellFormed(), what);
      assert.equal(text.split('\n').length, lines, `${what} makes another number of lines`);
      assert.ok(text.length < 200_000, `${what} is printed with all of ${text.length} characters`);
    }
  });

test('the printed configuration has YAML’s own escapes, so that it can be read again', () => {
  for (const [what, name] of Object.entries(hostileNames)) {
    if (!name.isWellFormed()) continue; // no file can hold it
    const config = loadTexts([
      `receivers: {probe: {}}
exporters: {send: {endpoint: ${quoted(name)}}}
service: {pipelines: {metrics: {receivers: [probe], exporters: [send]}}}
`,
    ]);
    const text = printConfig(config);
    assert.doesNotMatch(text, steers, what);
    assert.equal(parse(text).exporters.send.endpoint, name, what);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FilterConfig } from '../../../../src/processors/filter/config.ts';
import { filter } from '../../../../src/processors/filter/filter.ts';
import { type Batch, bySignal, itemCount } from '../../../../src/telemetry/batch.ts';
import { batchWith, itemsIn } from '../../batch-with.ts';
import { fakeHost } from '../../fake-host.ts';
import { loadProcessor } from '../load-processor.ts';

async function open(written: object) {
  const config = loadProcessor('filter', written) as FilterConfig;
  const { host, logged } = fakeHost('filter', filter.emits);
  const { process } = await filter.open(config, host);
  const counted = () =>
    Object.fromEntries(host.counters.read().map(({ metric, value }) => [metric.name, value] as const));
  return { process, counted, logged };
}

const labelsOf = (batch: Batch) => itemsIn(batch).map(({ name, label }) => `${name} ${label}`);
const load = { one: ['a', 'b', 'c', 'a'], two: ['a', 'a'], three: ['b', 'c'] };

const bySection = {
  metrics: ['metrics', 'datapoint', 'otelcol_processor_filter_datapoints.filtered'],
  logs: ['logs', 'log_record', 'otelcol_processor_filter_logs.filtered'],
  traces: ['traces', 'span', 'otelcol_processor_filter_spans.filtered'],
} as const;

for (const signal of ['metrics', 'logs', 'traces'] as const) {
  const [section, key, counter] = bySection[signal];

  test(`${signal}: a match of any condition drops an item, and each is counted as filtered`, async () => {
    const conditions = ['attributes["label"] == "a"', 'attributes["label"] == "none"'];
    const { process, counted } = await open({ [section]: { [key]: conditions } });
    const batch = batchWith(signal, load);
    assert.deepEqual(labelsOf(process(batch)), ['one b', 'one c', 'three b', 'three c']);
    assert.deepEqual(counted(), { [counter]: 4 });
    assert.equal(itemCount(batch), 8, 'the batch itself is as it was');
  });

  test(`${signal}: a resource goes with all its items`, async () => {
    const { process, counted } = await open({ [section]: { resource: ['attributes["name"] == "one"'] } });
    assert.deepEqual(labelsOf(process(batchWith(signal, load))), ['two a', 'two a', 'three b', 'three c']);
    assert.deepEqual(counted(), { [counter]: 4 });
  });

  test(`${signal}: a batch of which nothing is dropped is the same`, async () => {
    const { process, counted } = await open({ [section]: { [key]: ['attributes["label"] == "none"'] } });
    const batch = batchWith(signal, load);
    assert.equal(process(batch), batch);
    assert.deepEqual(counted(), {});
  });

  test(`${signal}: conditions whose paths name their context`, async () => {
    const { process } = await open({
      [`${section.slice(0, -1)}_conditions`]: [
        'resource.attributes["name"] == "two"',
        `${{ metrics: 'datapoint', logs: 'log', traces: 'span' }[signal]}.attributes["label"] == "a"`,
        'scope.name == "no"',
      ],
    });
    assert.deepEqual(labelsOf(process(batchWith(signal, load))), ['one b', 'one c', 'three b', 'three c']);
  });

  test(`${signal}: a condition keeps exactly what its negation drops`, async () => {
    const atom = fc.constantFrom(
      'attributes["label"] == "a"',
      'attributes["label"] < "c"',
      'IsMatch(attributes["label"], "[bc]")',
      'resource.attributes["name"] == "two"',
      'attributes["absent"] == nil',
    );
    const condition = fc
      .array(fc.tuple(atom, fc.constantFrom('and', 'or'), fc.boolean()), { minLength: 1, maxLength: 4 })
      .map((all) =>
        all
          .map(([text, word, isNot], at) => `${at ? ` ${word} ` : ''}${isNot ? 'not ' : ''}${text}`)
          .join(''),
      );
    const labels = fc.dictionary(
      fc.constantFrom('one', 'two', 'three'),
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 }),
    );
    await fc.assert(
      fc.asyncProperty(condition, labels, async (text, all) => {
        const batch = batchWith(signal, all);
        const { process: keep, counted } = await open({ [section]: { [key]: [text] } });
        const { process: complement } = await open({ [section]: { [key]: [`not (${text})`] } });
        const [kept, rest] = [keep(batch), complement(batch)];
        assert.deepEqual([...labelsOf(kept), ...labelsOf(rest)].sort(), labelsOf(batch).sort());
        assert.equal(counted()[counter] ?? 0, itemCount(rest), 'what is dropped is counted');
      }),
      { numRuns: 60 },
    );
  });
}

test('metrics, scopes and resources that become empty disappear', async () => {
  const { process } = await open({ metrics: { datapoint: ['attributes["label"] == "a"'] } });
  const shape = bySignal(process(batchWith('metrics', { one: ['a', 'a', 'b', 'b'], two: ['a', 'a'] })), {
    metrics: ({ resourceMetrics }) =>
      resourceMetrics.map(({ scopeMetrics }) => scopeMetrics.map(({ metrics }) => metrics.length)),
  });
  assert.deepEqual(shape, [[1]]);
});

test('a metric is dropped with its points before they are looked at', async () => {
  const { process, counted } = await open({
    metrics: { metric: ['name == "test"'], datapoint: ['attributes["label"] == "a"'] },
  });
  assert.equal(itemCount(process(batchWith('metrics', load))), 0);
  assert.deepEqual(counted(), { 'otelcol_processor_filter_datapoints.filtered': 8 });
});

test('events of spans are dropped and counted, their spans go on', async () => {
  const { process, counted } = await open({ traces: { spanevent: ['name == "retry"'] } });
  const batch = bySignal<Batch>(batchWith('traces', { one: ['a', 'b'] }), {
    traces: ({ signal, spans }) => ({
      signal,
      spans: spans.map((span) => ({
        ...span,
        events: ['retry', 'exception', 'retry'].map((name) => ({ name, time: [0, 0], attributes: {} })),
      })),
    }),
  });
  assert.ok(batch);
  const names = bySignal(process(batch), {
    traces: ({ spans }) => spans.map(({ events }) => events.map(({ name }) => name)),
  });
  assert.deepEqual(names, [['exception'], ['exception']]);
  assert.deepEqual(counted(), { 'earshot.agent.filter.span_events.dropped': 4 });
});

test('another signal passes', async () => {
  const { process } = await open({ metrics: { metric: ['true'] } });
  const batch = batchWith('logs', load);
  assert.equal(process(batch), batch);
});

const failing = 'body["absent"] == nil or attributes["label"] == "a"';
const withBody = (batch: Batch): Batch =>
  bySignal<Batch>(batch, {
    logs: ({ signal, records }) => ({ signal, records: records.map((each) => ({ ...each, body: 'text' })) }),
  }) ?? batch;

for (const [mode, lines] of [
  ['ignore', 2],
  ['silent', 0],
] as const)
  test(`error_mode ${mode}: a condition that cannot be evaluated does not hold, and is counted`, async () => {
    const { process, counted, logged } = await open({
      error_mode: mode,
      logs: { log_record: [failing, 'attributes["label"] == "b"'] },
    });
    assert.deepEqual(labelsOf(process(withBody(batchWith('logs', { one: ['a', 'b'] })))), ['one a']);
    assert.deepEqual(counted(), {
      'earshot.agent.filter.errors': 2,
      'otelcol_processor_filter_logs.filtered': 1,
    });
    assert.equal(logged.length, lines);
  });

test('error_mode propagate: the batch fails', async () => {
  const { process } = await open({ error_mode: 'propagate', logs: { log_record: [failing] } });
  assert.throws(() => process(withBody(batchWith('logs', load))), /a string has no key "absent"/);
});

const rules: readonly (readonly [string, object, 'metrics' | 'logs', readonly string[]])[] = [
  [
    'metrics of a resource are included',
    { metrics: { include: { match_type: 'strict', resource_attributes: [{ key: 'name', value: 'two' }] } } },
    'metrics',
    ['two a', 'two a'],
  ],
  [
    'metrics of a resource are excluded',
    { metrics: { exclude: { match_type: 'regexp', resource_attributes: [{ key: 'name', value: '^t' }] } } },
    'metrics',
    ['one a', 'one b', 'one c', 'one a'],
  ],
  [
    'metrics are excluded by one of name and resource',
    {
      metrics: {
        include: { match_type: 'regexp', metric_names: ['^te', 'no'] },
        exclude: {
          match_type: 'strict',
          metric_names: ['no'],
          resource_attributes: [{ key: 'name', value: 'one' }],
        },
      },
    },
    'metrics',
    ['two a', 'two a', 'three b', 'three c'],
  ],
  [
    'metrics are excluded by name',
    { metrics: { exclude: { match_type: 'strict', metric_names: ['test'] } } },
    'metrics',
    [],
  ],
  [
    'records are included by what matches all keys',
    {
      logs: {
        include: {
          match_type: 'strict',
          severity_texts: ['INFO'],
          severity_number: { min: 'info' },
          record_attributes: [{ key: 'label', value: 'a' }],
        },
        exclude: { match_type: 'strict', resource_attributes: [{ key: 'name', value: 'one' }] },
      },
    },
    'logs',
    ['two a', 'two a'],
  ],
  [
    'records below the lowest severity are not included',
    { logs: { include: { match_type: 'strict', severity_number: { min: 'WARN', match_undefined: true } } } },
    'logs',
    [],
  ],
  [
    'records without a body match none',
    { logs: { exclude: { match_type: 'regexp', bodies: ['.*'] } } },
    'logs',
    ['one a', 'one b', 'one c', 'one a', 'two a', 'two a', 'three b', 'three c'],
  ],
];

for (const [name, written, signal, expected] of rules)
  test(name, async () => {
    const { process } = await open(written);
    assert.deepEqual(labelsOf(process(batchWith(signal, load))), expected);
  });

const problems: readonly (readonly [object, RegExp])[] = [
  [{}, /nothing is dropped: add "metrics", "logs" or "traces"/],
  [
    { metrics: { metric: ['name == "a"', 'name == "a" or Len(unit) > 1'] } },
    /metrics::metric::1: column 16 of the condition: function "Len" is not supported/,
  ],
  [
    { logs: { log_record: ['name == "a"'] } },
    /logs::log_record::0: column 1 .*path "name" is not supported; of a log/,
  ],
  [{ metric_conditions: ['name == "a"'] }, /metric_conditions::0: column 1 .*needs its context before it/],
  [
    { metric_conditions: ['metric.name == "a"'], metrics: { metric: ['name == "b"'] } },
    /metrics: cannot be used beside "metric_conditions"/,
  ],
  [
    { logs: { log_record: ['body == "a"'], include: { match_type: 'strict', bodies: ['a'] } } },
    /logs::include: cannot be used beside conditions/,
  ],
  [{ logs: { include: { match_type: 'strict' } } }, /logs::include: needs a key beside "match_type"/],
  [{ metrics: { include: { match_type: 'expr', metric_names: ['a'] } } }, /match_type/],
  [{ metrics: { exclude: { match_type: 'regexp', metric_names: ['('] } } }, /metric_names::0: is no regular/],
  [{ logs: { include: { match_type: 'strict', severity_number: { min: 'loud' } } } }, /min/],
];

for (const [written, message] of problems)
  test(`refused: ${JSON.stringify(written)}`, () => {
    assert.throws(() => loadProcessor('filter', written), message);
  });

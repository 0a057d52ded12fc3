import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeverityNumber, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import fc from 'fast-check';
import { parseCondition } from '../../../../src/processors/filter/condition.ts';
import type { Context, Subject } from '../../../../src/processors/filter/paths.ts';
import { ConditionError } from '../../../../src/processors/filter/tokens.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import { exponentialHistogram, gauge, resource, sum } from '../../../../src/telemetry/metrics/build.ts';
import { histogramOf } from '../../../../src/telemetry/metrics/histogram.ts';
import { interval, spanOf } from '../../batch-with.ts';

const of = resource({ 'k8s.namespace.name': 'shop' });
const scope = { name: 'earshot', version: '1.2' };
const described = { name: 'wait.time', unit: 's', meaning: 'Waits.' } as const;

const waits = sum({ ...described, kind: 'sum' }, interval, [
  { value: 1.5, attributes: { cause: 'neighbor', depth: 2, isHot: true } },
]);
const counts = gauge({ ...described, kind: 'gauge', unit: '{thread}' }, interval, [{ value: 7 }]);
const durations = exponentialHistogram({ ...described, kind: 'exponential_histogram' }, interval, [
  { value: histogramOf({ scale: 0, buckets: new Map([[1, 4]]), zeroCount: 0, sum: 12 }) },
]);
const pointOf = (metric: typeof waits | typeof counts | typeof durations): Subject => {
  const [datapoint] = metric.dataPoints;
  return { resource: of, scope, metric, ...(datapoint && { datapoint }) };
};

const log: Subject = {
  ...{ resource: of, scope },
  log: {
    ...event(
      { name: 'earshot.wait' },
      { resource: of, at: interval.end, observed: interval.end, attributes: { list: ['a', 'b'] } },
    ),
    body: 'waited 5 ms',
    severityNumber: SeverityNumber.WARN,
    severityText: 'WARN',
  },
};
const span: Subject = {
  ...{ resource: of, scope },
  span: { ...spanOf(of, 'a'), kind: SpanKind.CLIENT, status: { code: SpanStatusCode.ERROR, message: 'no' } },
  spanevent: { name: 'exception', time: [0, 0], attributes: { escaped: true } },
};

const holds = (text: string, context: Context, subject: Subject) =>
  parseCondition(text, { context, lowest: [context] }).test(subject);

const cases: readonly (readonly [Context, Subject, Readonly<Record<string, boolean>>])[] = [
  [
    'metric',
    pointOf(waits),
    {
      'name == "wait.time"': true,
      'metric.name == "wait.time"': true,
      'not name == "wait.time"': false,
      'unit != "s"': false,
      'type == METRIC_DATA_TYPE_SUM and is_monotonic == true': true,
      'aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA': true,
      'resource.attributes["k8s.namespace.name"] == "shop"': true,
      'instrumentation_scope.name == "earshot" and scope.version == "1.2"': true,
      'IsMatch(name, "^wait\\\\..*e$")': true,
      'IsMatch(name, "(?i)^WAIT")': true,
      'HasAttrKeyOnDatapoint("cause")': true,
      'HasAttrKeyOnDatapoint("constructor")': false,
      'HasAttrOnDatapoint("cause", "neighbor")': true,
      'HasAttrOnDatapoint("cause", "self")': false,
      true: true,
      'false == true': false,
    },
  ],
  [
    'datapoint',
    pointOf(waits),
    {
      'attributes["cause"] == "neighbor"': true,
      'datapoint.attributes["depth"] >= 2.0 and attributes["depth"] < +3': true,
      'attributes["absent"] == nil': true,
      'attributes["toString"] == nil': true,
      'attributes["cause"] != nil': true,
      'attributes["isHot"] > false': true,
      'attributes["depth"] == "2"': false,
      'attributes["depth"] != "2"': true,
      'attributes["depth"] < "3"': false,
      'nil <= nil': true,
      'nil < 1': false,
      'value_double == 1.5 and value_int == nil': true,
      'IsMatch(attributes["depth"], "^2$")': true,
      'IsMatch(attributes["absent"], ".*")': false,
      'metric.name == "no" or value_double > .5 and not (value_double > 2)': true,
      'not not true': true,
    },
  ],
  ['datapoint', pointOf(counts), { 'value_int == 7 and value_double == nil and count == nil': true }],
  ['datapoint', pointOf(durations), { 'count == 4 and sum == 12 and value_double == nil': true }],
  [
    'log',
    log,
    {
      'body == "waited 5 ms"': true,
      'IsMatch(body, "\\\\d+ ms")': true,
      'severity_number >= SEVERITY_NUMBER_WARN': true,
      'severity_number < SEVERITY_NUMBER_ERROR and severity_text == "WARN"': true,
      'log.event_name == "earshot.wait"': true,
      'attributes["list"][1] == "b" and attributes["list"][2] == nil': true,
      'trace_id.string == ""': true,
      'body["absent"]["more"] == nil or true': false, // does not come to `or`
    },
  ],
  [
    'span',
    span,
    {
      'name == "test" and kind == SPAN_KIND_CLIENT': true,
      'status.code == STATUS_CODE_ERROR and status.message == "no"': true,
      'attributes["label"] == "a"': true,
      'IsMatch(trace_id.string, "^a{32}$") and parent_span_id.string == ""': true,
    },
  ],
  [
    'spanevent',
    span,
    { 'name == "exception" and attributes["escaped"] == true and span.name == "test"': true },
  ],
  ['resource', { resource: of }, { 'attributes["k8s.namespace.name"] == "shop"': true }],
];

for (const [context, subject, conditions] of cases)
  for (const [text, expected] of Object.entries(conditions))
    test(`${context}: ${text}`, () => {
      if (text.startsWith('body["absent"]'))
        assert.throws(() => holds(text, context, subject), /a string has no key "absent"/);
      else assert.equal(holds(text, context, subject), expected);
    });

const refused: Readonly<Record<string, readonly [column: number, message: RegExp]>> = {
  '': [1, /is empty/],
  'name = "a"': [6, /"=" compares nothing: write "=="/],
  'name == "a" && true': [13, /write "and" for "&&"/],
  "name == 'a'": [9, /between double quotes/],
  'name == "a': [9, /no closing "/],
  'name == "\\d"': [10, /no escape "\\d"/],
  'name == a.b': [9, /path "a.b" is not supported; of a metric there are name, /],
  name: [5, /a comparison such as "==" expected, not the end/],
  'nam == "a"': [1, /path "nam" is not supported/],
  '(name == "a"': [13, /"\)" expected, not the end/],
  'name == "a" name': [13, /"and", "or" or the end expected, not "name"/],
  'Len(name) > 1': [
    1,
    /function "Len" is not supported; there are IsMatch, HasAttrKeyOnDatapoint, HasAttrOnDatapoint/,
  ],
  'type == SUM': [9, /no enum "SUM"/],
  'name == "a" + "b"': [13, /arithmetic \("\+"\) is not supported/],
  'name == ["a"]': [9, /lists are not supported/],
  'name == 0x00': [9, /bytes/],
  'resource.attributes == nil': [1, /needs a key: resource.attributes\["…"\]/],
  'resource.attributes[name] == "a"': [21, /a key is a text between double quotes, or a whole number/],
  'name["a"] == "a"': [5, /"name" has no keys/],
  'IsMatch(name, "(")': [15, /"\(" is no regular expression/],
  'IsMatch(name, name)': [15, /a text between double quotes expected/],
  'datapoint.value_int == 1': [1, /path "datapoint.value_int" is not supported/],
  not: [4, /a value expected, not the end/],
  'name == and': [9, /a value expected, not "and"/],
};

for (const [text, [column, message]] of Object.entries(refused))
  test(`refused: ${text}`, () => {
    assert.throws(
      () => parseCondition(text, { context: 'metric', lowest: ['metric'] }),
      (error) => {
        assert.ok(error instanceof ConditionError);
        assert.match(error.message, message);
        assert.equal(error.column, column);
        return true;
      },
    );
  });

test('functions over data points are for metrics alone', () => {
  assert.throws(
    () => parseCondition('HasAttrKeyOnDatapoint("a")', { context: 'datapoint', lowest: ['datapoint'] }),
    /for conditions of a metric alone/,
  );
});

test('without a context of its own each path names one, and the lowest counts', () => {
  const lowest = ['metric', 'datapoint'] as const;
  const contextOf = (text: string) => parseCondition(text, { lowest }).context;
  assert.equal(contextOf('resource.attributes["a"] == "b"'), 'resource');
  assert.equal(contextOf('metric.name == "a" and resource.attributes["a"] == "b"'), 'metric');
  assert.equal(contextOf('metric.name == "a" and datapoint.count > 1'), 'datapoint');
  assert.equal(contextOf('HasAttrKeyOnDatapoint("a")'), 'metric');
  assert.throws(() => contextOf('name == "a"'), /needs its context before it, one of "metric."/);
});

interface Formula {
  readonly text: string;
  readonly value: boolean;
}

const leaf = fc
  .record({ left: fc.integer({ min: -3, max: 3 }), right: fc.integer({ min: -3, max: 3 }) })
  .chain(({ left, right }) =>
    fc.constantFrom<Formula>(
      { text: `${left} < ${right}`, value: left < right },
      { text: `${left} >= ${right}`, value: left >= right },
      { text: `${left} == ${right}`, value: left === right },
      { text: `${left}!=${right}`, value: left !== right },
    ),
  );

/** Binds as it is written: `not` before `and` before `or`. */
const formula = fc.letrec<{ or: Formula; and: Formula; unary: Formula }>((tie) => ({
  or: fc.array(tie('and'), { minLength: 1, maxLength: 3 }).map((all) => ({
    text: all.map(({ text }) => text).join(' or '),
    value: all.some(({ value }) => value),
  })),
  and: fc.array(tie('unary'), { minLength: 1, maxLength: 3 }).map((all) => ({
    text: all.map(({ text }) => text).join(' and '),
    value: all.every(({ value }) => value),
  })),
  unary: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('unary').map(({ text, value }) => ({ text: `not ${text}`, value: !value })),
    tie('or').map(({ text, value }) => ({ text: `(${text})`, value })),
  ),
}));

test('conditions of any depth have the value that their grammar gives them', () => {
  fc.assert(
    fc.property(formula.or, ({ text, value }) => {
      assert.equal(parseCondition(text, { context: 'metric', lowest: ['metric'] }).test({}), value, text);
    }),
    { numRuns: 500 },
  );
});

test('a text that is no condition is refused at a column of it', () => {
  const pieces = [
    'name',
    '==',
    '"a"',
    '(',
    ')',
    'and',
    'not',
    '1',
    '.',
    '[',
    ']',
    ',',
    'IsMatch',
    '-',
    '"',
    ' ',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
      const text = parts.join(' ');
      try {
        parseCondition(text, { context: 'metric', lowest: ['metric'] });
      } catch (error) {
        assert.ok(error instanceof ConditionError, String(error));
        assert.ok(error.column >= 1 && error.column <= text.length + 1);
      }
    }),
  );
});

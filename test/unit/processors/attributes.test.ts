import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributes } from '../../../src/processors/attributes.ts';
import { bySignal, itemCount, signalNames } from '../../../src/telemetry/batch.ts';
import { batchWith, itemsIn } from '../batch-with.ts';
import { fakeHost } from '../fake-host.ts';
import { loadProcessor } from './load-processor.ts';

type Config = Parameters<typeof attributes.open>[0];

async function labels(rules: Pick<Config, 'include' | 'exclude'>, signal = signalNames[0] ?? 'metrics') {
  const actions = [{ key: 'label', action: 'update', value: 'new' }] as const;
  const { process } = await attributes.open({ actions: [...actions], ...rules }, fakeHost('attributes').host);
  const batch = process(batchWith(signal, { one: ['a', 'b'], two: ['c', 'd'] }));
  return itemsIn(batch).map(({ label }) => label);
}

for (const signal of signalNames)
  test(`items of ${signal} change, and resources do not`, async () => {
    const config = loadProcessor('attributes', { actions: [{ key: 'label', action: 'upsert', value: 1 }] });
    const { process } = await attributes.open(config as Config, fakeHost('attributes').host);
    const batch = batchWith(signal, { one: ['a', 'b'] });
    const item = { name: 'one', label: 1 };
    assert.deepEqual(itemsIn(process(batch)), [item, item]);
    assert.deepEqual(itemsIn(batch)[0], { name: 'one', label: 'a' }, 'the batch itself is as it was');
  });

const choices: readonly [
  title: string,
  rules: Pick<Config, 'include' | 'exclude'>,
  after: readonly string[],
][] = [
  [
    'include by resource',
    { include: { match_type: 'strict', resources: [{ key: 'name', value: 'two' }] } },
    ['a', 'b', 'new', 'new'],
  ],
  [
    'exclude by attribute',
    { exclude: { match_type: 'regexp', attributes: [{ key: 'label', value: '[ad]' }] } },
    ['a', 'new', 'new', 'd'],
  ],
  [
    'include, and of that exclude',
    {
      include: { match_type: 'strict', resources: [{ key: 'name', value: 'one' }] },
      exclude: { match_type: 'strict', attributes: [{ key: 'label', value: 'a' }] },
    },
    ['a', 'new', 'c', 'd'],
  ],
  [
    'all keys of a rule at once',
    {
      include: {
        match_type: 'regexp',
        metric_names: ['none', '^te'],
        resources: [{ key: 'name' }],
        attributes: [{ key: 'label', value: '^[bc]$' }, { key: 'label' }],
      },
    },
    ['a', 'new', 'new', 'd'],
  ],
  [
    'a strict value is no pattern',
    { include: { match_type: 'strict', attributes: [{ key: 'label', value: '.' }] } },
    ['a', 'b', 'c', 'd'],
  ],
];

for (const [title, rules, after] of choices)
  test(title, async () => {
    assert.deepEqual(await labels(rules), after);
  });

test('a rule with names of metrics matches nothing but metrics', async () => {
  const rules = { include: { match_type: 'strict' as const, metric_names: ['test'] } };
  assert.deepEqual(await labels(rules, 'metrics'), ['new', 'new', 'new', 'new']);
  assert.deepEqual(await labels(rules, 'logs'), ['a', 'b', 'c', 'd']);
});

test('data points that become equal are added up', async () => {
  const actions = [{ key: 'label', action: 'delete' as const }];
  const { process } = await attributes.open({ actions }, fakeHost('attributes').host);
  const batch = process(batchWith('metrics', { one: ['a', 'b', 'c', 'd'] }));
  assert.equal(itemCount(batch), 2, 'one for each metric');
  const values = bySignal(batch, {
    metrics: ({ resourceMetrics }) =>
      resourceMetrics.flatMap(({ scopeMetrics }) =>
        scopeMetrics.flatMap(({ metrics }) =>
          metrics.flatMap(({ dataPoints }) => dataPoints.map(({ value }) => value)),
        ),
      ),
  });
  assert.deepEqual(values, [2, 2]);
});

const mistakes: readonly [title: string, rule: object, message: RegExp][] = [
  ['no match_type', { resources: [{ key: 'a' }] }, /required key "match_type" is missing/],
  ['an empty rule', { match_type: 'strict' }, /include: needs "resources", "metric_names" or "attributes"/],
  [
    'no regular expression',
    { match_type: 'regexp', resources: [{ key: 'a', value: '(' }] },
    /include::resources::0::value: is no regular expression/,
  ],
  ['no pattern of names', { match_type: 'regexp', metric_names: ['['] }, /metric_names::0: is no regular/],
  ['an unknown key', { match_type: 'strict', services: ['a'] }, /unknown key "services"/],
];

for (const [title, include, message] of mistakes)
  test(`${title} is refused with a remedy`, () => {
    const actions = [{ key: 'a', action: 'delete' }];
    assert.throws(() => loadProcessor('attributes', { actions, include }), message);
  });

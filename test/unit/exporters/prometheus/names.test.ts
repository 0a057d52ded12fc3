import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  escapedLabel,
  escapedName,
  labelName,
  metricName,
  type NamedType,
  type Strategy,
} from '../../../../src/exporters/prometheus/names.ts';
import recorded from './otlptranslator.json' with { type: 'json' };

test('metrics have the names that Prometheus gives them', () => {
  assert.ok(recorded.metrics.length > 1000);
  for (const [namespace, strategy, name, unit, type, expected] of recorded.metrics as string[][]) {
    const metric = { name: `${name}`, unit: `${unit}`, type: type as NamedType };
    const given = metricName(metric, { namespace: `${namespace}`, strategy: strategy as Strategy });
    assert.equal(given ?? null, expected, `${strategy} ${JSON.stringify(metric)}`);
  }
});

test('attributes have the names that Prometheus gives them', () => {
  assert.equal(recorded.labels.length, 48);
  for (const [strategy, key, expected] of recorded.labels as string[][])
    assert.equal(labelName(`${key}`, strategy as Strategy) ?? null, expected, `${strategy} ${key}`);
});

test('a metric without a name is refused', () => {
  const metric = { name: '', unit: '', type: 'gauge' } as const;
  for (const strategy of ['UnderscoreEscapingWithSuffixes', 'NoTranslation'] as const)
    assert.equal(metricName(metric, { namespace: '', strategy }), undefined);
});

test('what a reader cannot read becomes underscores, in labels a colon too', () => {
  assert.equal(escapedName('1.ü:x'), '___:x');
  assert.equal(escapedLabel('1.ü:x'), '____x');
  assert.equal(escapedName('plain_name1'), 'plain_name1');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from '../../../../src/exporters/prometheus/settings.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { defaults, explicit, exponential, metricsOf, setUp, web } from './prometheus-fixture.ts';

const dropped = 'earshot.agent.exposition.points.dropped';
const changed = 'earshot.agent.exposition.labels.changed';
const at = '{instance="web-1",job="web"}';

test('deltas of a counter are shown as their total', () => {
  const { registry, samples } = setUp();
  registry.take(metricsOf({ name: 'work.time', unit: 's', value: 2 }));
  registry.take(metricsOf({ name: 'work.time', unit: 's', value: 3, from: 10, to: 20 }));
  assert.deepEqual(samples(), [`work_time_seconds_total${at} 5`]);
});

test('a level is the last one, a sum that also falls is a level without a suffix of ratios', () => {
  const { registry, lines } = setUp();
  registry.take(
    metricsOf(
      { name: 'level', unit: '1', kind: 'gauge', value: 2 },
      { name: 'open', unit: '1', kind: 'sum', value: 2 },
    ),
  );
  registry.take(
    metricsOf(
      { name: 'level', unit: '1', kind: 'gauge', value: 3, from: 10, to: 20 },
      { name: 'open', unit: '1', kind: 'sum', value: -1, from: 10, to: 20 },
    ),
  );
  assert.deepEqual(lines(), [
    ...['# HELP level_ratio A test.', '# TYPE level_ratio gauge', `level_ratio${at} 3`],
    ...['# HELP open A test.', '# TYPE open gauge', `open${at} 1`],
  ]);
});

test('a cumulative total replaces the one before; an older one is not shown', () => {
  const { registry, samples, counted } = setUp();
  const of = (value: number, to: number) => metricsOf({ name: 'a', value, to, isCumulative: true });
  registry.take(of(5, 10));
  registry.take(of(8, 20));
  assert.deepEqual([...registry.take(of(6, 15))], [['out_of_order', 1]]);
  assert.deepEqual(samples(), [`a_total${at} 8`]);
  assert.deepEqual(counted(dropped), { out_of_order: 1 });
});

test('a late delta is added, and the time stays that of the newest', () => {
  const { registry, samples } = setUp();
  registry.take(metricsOf({ name: 'a', value: 5, from: 10, to: 20 }));
  registry.take(metricsOf({ name: 'a', value: 1 }));
  assert.deepEqual(samples({ timestamps: true }), [`a_total${at} 6 20000`]);
});

test('a delta without a value changes no total, at its begin neither', () => {
  const { registry, samples } = setUp();
  for (const [n, value] of [Number.NaN, 2, Number.NaN, 3].entries())
    registry.take(metricsOf({ name: 'a', value, from: n * 10, to: n * 10 + 10 }));
  assert.deepEqual(samples(), [`a_total${at} 5`]);
});

test('histograms add up, and begin anew with other bounds', () => {
  const { registry, samples } = setUp();
  const of = (bounds: number[], to: number) =>
    metricsOf({ name: 'size', unit: 'By', value: explicit(bounds, [1, 2], 4), from: to - 10, to });
  registry.take(of([0.5], 10));
  registry.take(of([0.5], 20));
  const bucket = (le: string) => `size_bytes_bucket{instance="web-1",job="web",le="${le}"}`;
  const total = [`size_bytes_sum${at} 8`, `size_bytes_count${at} 6`];
  assert.deepEqual(samples(), [`${bucket('0.5')} 2`, `${bucket('+Inf')} 6`, ...total]);
  registry.take(of([7], 30));
  assert.deepEqual(samples(), [
    ...[`${bucket('7')} 1`, `${bucket('+Inf')} 3`],
    ...[`size_bytes_sum${at} 4`, `size_bytes_count${at} 3`],
  ]);
});

test('a series for which nothing comes expires, and its name is free', async () => {
  const { registry, clock, samples, counted } = setUp({ metric_expiration: seconds(60) });
  registry.take(metricsOf({ name: 'a', value: 1 }, { name: 'b', value: 1 }));
  await clock.advance(seconds(40));
  registry.take(metricsOf({ name: 'b', value: 1, from: 10, to: 20 }));
  await clock.advance(seconds(40));
  assert.deepEqual(samples(), [`b_total${at} 2`]);
  assert.deepEqual(counted('earshot.agent.series.forgotten'), { '': 1 });
  assert.equal(registry.take(metricsOf({ name: 'a.total', kind: 'gauge', value: 1 })).size, 0);
});

test('series beyond max_series are not shown, until others expire', async () => {
  const { registry, clock, samples, counted } = setUp({ max_series: 2 });
  const of = (n: number) => metricsOf({ name: 'a', kind: 'gauge', value: n, attributes: { n } });
  for (const n of [1, 2, 3]) registry.take(of(n));
  assert.equal(samples().length, 2);
  assert.deepEqual(counted(dropped), { max_series: 1 });
  await clock.advance(seconds(301));
  registry.expire();
  assert.equal(registry.take(of(3)).size, 0);
  assert.deepEqual(samples(), ['a{instance="web-1",job="web",n="3"} 3']);
});

test('a name belongs to metrics of one type, names of buckets and of OpenMetrics too', () => {
  const { registry, lines, counted } = setUp();
  registry.take(metricsOf({ name: 'a', value: explicit([1], [1, 0]) }, { name: 'b', value: 1 }));
  for (const name of ['a', 'a.bucket', 'a.count', 'b', 'b.total', 'target.info'])
    assert.deepEqual(
      [...registry.take(metricsOf({ name, kind: 'gauge', value: 1 }))],
      [['type_conflict', 1]],
      name,
    );
  assert.deepEqual(counted(dropped), { type_conflict: 6 });
  assert.equal(lines().filter((line) => line.startsWith('# TYPE')).length, 2);
});

test('what would have the name and labels of another series is not shown', () => {
  const { registry, samples, counted } = setUp();
  registry.take(
    metricsOf({ name: 'a.b', kind: 'gauge', value: 1 }, { name: 'a_b', kind: 'gauge', value: 2 }),
  );
  registry.take(metricsOf({ name: 'a.b', kind: 'gauge', value: 3, resource: { ...web, zone: 'z' } }));
  assert.deepEqual(samples(), [`a_b${at} 1`, 'target_info{instance="web-1",job="web",zone="z"} 1']);
  assert.deepEqual(counted(dropped), { collision: 2 });
});

test('a target whose attributes become known stays the same series', () => {
  const { registry, samples } = setUp();
  registry.take(metricsOf({ name: 'a', value: 1 }));
  registry.take(metricsOf({ name: 'a', value: 1, from: 10, to: 20, resource: { ...web, zone: 'z' } }));
  assert.deepEqual(samples(), [`a_total${at} 2`, 'target_info{instance="web-1",job="web",zone="z"} 1']);
});

test('resources without a service have neither job nor instance, and no target_info', () => {
  const { registry, samples, counted } = setUp();
  const of = (host: string) =>
    metricsOf({ name: 'a', kind: 'gauge', value: 1, resource: { 'host.name': host } });
  registry.take([...of('one'), ...of('two')]);
  assert.deepEqual(samples(), ['a 1']);
  assert.deepEqual(counted(dropped), { collision: 1 });
});

test('attributes of a resource become labels where that is configured', () => {
  const { registry, samples } = setUp({ resource_to_telemetry_conversion: { enabled: true } });
  for (const name of ['one', 'two'])
    registry.take(metricsOf({ name: 'a', kind: 'gauge', value: 1, resource: { 'host.name': name } }));
  assert.deepEqual(samples(), ['a{host_name="one"} 1', 'a{host_name="two"} 1']);
});

test('labels: scope, constants, names that become equal, names of the exporter', () => {
  const { registry, samples, counted } = setUp({
    ...{ without_scope_info: false, namespace: 'n', const_labels: { 'the.zone': 'z', c: 'constant' } },
  });
  const attributes = { 'a.b': 1, a_b: 'two', job: 'mine', c: 'own', list: ['x', 'y'], empty: '', '..': 'x' };
  registry.take(
    metricsOf({
      name: 'a',
      kind: 'gauge',
      value: 1,
      attributes,
      resource: { ...web, 'service.namespace': 'shop', k: 'v' },
    }),
  );
  const labels = [
    ...['a_b="1;two"', 'c="own"', 'instance="web-1"', 'job="shop/web"', 'list="[\\"x\\",\\"y\\"]"'],
    ...['otel_scope_name="scope"', 'otel_scope_version="1.2"', 'the_zone="z"'],
  ];
  assert.deepEqual(samples(), [
    `n_a{${labels.join(',')}} 1`,
    'n_target_info{c="constant",instance="web-1",job="shop/web",k="v",the_zone="z"} 1',
  ]);
  assert.deepEqual(counted(changed), { joined: 1, replaced: 1, left_out: 1 });
});

test('the bound of a bucket is no attribute', () => {
  const { registry, samples, counted } = setUp();
  registry.take(metricsOf({ name: 'a', value: explicit([], [1], 2), attributes: { le: 'mine' } }));
  assert.deepEqual(samples()[0], 'a_bucket{instance="web-1",job="web",le="+Inf"} 1');
  assert.deepEqual(counted(changed), { replaced: 1 });
});

test('other settings give other names, and totals go on', () => {
  const { registry, samples, counted } = setUp({ translation_strategy: 'NoTranslation' });
  registry.take(metricsOf({ name: 'a.b', value: 2 }, { name: 'a.c', value: 1 }, { name: 'a_c', value: 1 }));
  const settings = { ...defaults, namespace: 'n' };
  registry.apply(settingsOf(settings));
  registry.take(metricsOf({ name: 'a.b', value: 3, from: 10, to: 20 }));
  assert.deepEqual(samples(), [`n_a_b_total${at} 5`, `n_a_c_total${at} 1`]);
  assert.deepEqual(counted(dropped), { type_conflict: 1 });
});

test('a histogram of another kind with the same name does not disturb the first', () => {
  const { registry, samples } = setUp();
  registry.take(metricsOf({ name: 'a', value: explicit([1], [1, 1], 3) }));
  assert.deepEqual(
    [...registry.take(metricsOf({ name: 'a', value: exponential(0, [1]) }))],
    [['collision', 1]],
  );
  assert.equal(samples().at(-1), `a_count${at} 2`);
});

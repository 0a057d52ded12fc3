import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs/light.js';
import { protobufOf } from '../../../../src/exporters/prometheus/exposition/protobuf.ts';
import { explicit, exponential, metricsOf, setUp } from './prometheus-fixture.ts';

const at = 'instance="web-1",job="web"';

test('exponential histograms are exact classic buckets at powers of two, shared by all series', () => {
  const { registry, samples } = setUp();
  const of = (n: string, value: ReturnType<typeof exponential>) =>
    metricsOf({ name: 'a', value, attributes: { n } });
  // scale 1: two buckets for each power; zero counts and negative values are at most the least bound
  registry.take(of('x', exponential(-2, [1, 2, 4, 8], { scale: 1, count: 15 })));
  registry.take(
    of('y', exponential(2, [5], { zeroCount: 1, count: 8, negative: { offset: 0, bucketCounts: [2] } })),
  );
  const lines = (n: string, buckets: object, count: number) => [
    ...Object.entries(buckets).map(([le, atMost]) => `a_bucket{${at},n="${n}",le="${le}"} ${atMost}`),
    ...[`a_sum{${at},n="${n}"} 1.5`, `a_count{${at},n="${n}"} ${count}`],
  ];
  assert.deepEqual(samples(), [
    ...lines('x', { 1: 3, 2: 15, 4: 15, 8: 15, '+Inf': 15 }, 15),
    ...lines('y', { 1: 3, 2: 3, 4: 3, 8: 8, '+Inf': 8 }, 8),
  ]);
});

test('bounds that were shown stay when the series with them has gone', async () => {
  const { registry, clock, samples } = setUp();
  registry.take(metricsOf({ name: 'a', value: exponential(3, [1]), attributes: { n: 1 } }));
  assert.equal(samples().length, 4);
  await clock.advance(200e9 as never);
  registry.take(metricsOf({ name: 'a', value: exponential(0, [1]), attributes: { n: 2 } }));
  await clock.advance(200e9 as never);
  assert.deepEqual(
    samples().map((line) => /le="([^"]*)"/.exec(line)?.[1]),
    ['2', '4', '8', '16', '+Inf', undefined, undefined],
  );
});

test('OpenMetrics: counters without suffix in their heads, bounds with a point, seconds, an end', () => {
  const { registry, lines } = setUp({ translation_strategy: 'UnderscoreEscapingWithoutSuffixes' });
  registry.take(
    metricsOf(
      { name: 'plain', value: 1, to: 10 },
      { name: 'x_total', value: 2, description: 'Says "a\\b\n".' },
      { name: 'y', value: explicit([1, 0.25], [1, 1, 0]) },
    ),
  );
  assert.deepEqual(lines({ openMetrics: true, timestamps: true }), [
    ...['# HELP plain A test.', '# TYPE plain unknown', `plain{${at}} 1 10.000`],
    ...['# HELP x Says \\"a\\\\b\\n\\".', '# TYPE x counter', `x_total{${at}} 2 10.000`],
    ...['# HELP y A test.', '# TYPE y histogram'],
    ...[`y_bucket{${at},le="1.0"} 1 10.000`, `y_bucket{${at},le="0.25"} 2 10.000`],
    ...[`y_bucket{${at},le="+Inf"} 2 10.000`, `y_count{${at}} 2 10.000`],
    '# EOF',
  ]);
});

test('text escapes quotes, backslashes and ends of lines', () => {
  const { registry, lines } = setUp();
  const value = Number.POSITIVE_INFINITY;
  registry.take(
    metricsOf({ name: 'a', kind: 'gauge', value, attributes: { k: '"\\\n' }, description: '"\\\n' }),
  );
  assert.deepEqual(lines(), ['# HELP a "\\\\\\n', '# TYPE a gauge', `a{${at},k="\\"\\\\\\n"} +Inf`]);
});

test('names with other characters are quoted for readers of UTF-8, and escaped for others', () => {
  const { registry, lines } = setUp({ translation_strategy: 'NoTranslation' });
  registry.take(metricsOf({ name: 'a.ü', value: 1, attributes: { 'b.c': 1, 'b"': 2 } }));
  assert.deepEqual(lines({ utf8: true }), [
    ...['# HELP "a.ü" A test.', '# TYPE "a.ü" counter'],
    `{"a.ü","b\\""="2","b.c"="1",${at}} 1`,
  ]);
  assert.deepEqual(lines(), [...['# HELP a__ A test.', '# TYPE a__ counter'], `a__{b_="2",b_c="1",${at}} 1`]);
});

test('what differs only in characters that a reader cannot read is one of them, and the other is counted', () => {
  const { registry, counted } = setUp({ translation_strategy: 'NoTranslation' });
  registry.take(metricsOf({ name: 'a.b', value: 1, attributes: { 'k.l': 1 } }));
  registry.take(metricsOf({ name: 'a_b', value: 1 }, { name: 'a.b', value: 1, attributes: { k_l: 1 } }));
  assert.deepEqual(counted('earshot.agent.exposition.points.dropped'), { type_conflict: 1, collision: 1 });
});

/** Fields by number, as they are on the wire; the program's own definitions are not used. */
function decode(bytes: Uint8Array): Record<number, (number | Uint8Array)[]> {
  const reader = protobuf.Reader.create(bytes);
  const found: Record<number, (number | Uint8Array)[]> = {};
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const type = tag & 7;
    const value = type === 0 ? Number(reader.uint64()) : type === 1 ? reader.double() : reader.bytes();
    found[tag >>> 3] = [...(found[tag >>> 3] ?? []), value];
  }
  return found;
}

const inner = (message: ReturnType<typeof decode>, field: number, at = 0) =>
  decode((message[field]?.[at] ?? assert.fail(`no field ${field}`)) as Uint8Array);
const textIn = (message: ReturnType<typeof decode>, field: number) =>
  `${Buffer.from(message[field]?.[0] as Uint8Array)}`;
const packed = (bytes: unknown) => {
  const reader = protobuf.Reader.create(bytes as Uint8Array);
  const values: number[] = [];
  while (reader.pos < reader.len) values.push(Number(reader.sint64()));
  return values;
};

test('protobuf: delimited families with native and classic histograms, begin and time', () => {
  const { registry } = setUp();
  registry.take(
    metricsOf(
      {
        name: 'a',
        value: exponential(-2, [5, 0, 7], { scale: 2, zeroCount: 1, count: 13 }),
        from: 7,
        to: 10,
      },
      { name: 'b', unit: 's', value: 2.5 },
      { name: 'c', kind: 'gauge', value: -1 },
    ),
  );
  const messages = [...protobufOf(registry.families(), { timestamps: true, utf8: false })].map((bytes) => {
    const reader = protobuf.Reader.create(bytes);
    const length = reader.uint32();
    assert.equal(length, reader.len - reader.pos);
    return decode(bytes.subarray(reader.pos));
  });
  assert.deepEqual(
    messages.map((message) => [textIn(message, 1), textIn(message, 2), message[3]]),
    [
      ['a', 'A test.', [4]],
      ['b_seconds_total', 'A test.', [0]],
      ['c', 'A test.', [1]],
    ],
  );
  const [a, b, c] = messages.map((message) => inner(message, 4));
  if (!a || !b || !c) return assert.fail();
  assert.deepEqual(
    [0, 1].map((n) => [textIn(inner(a, 1, n), 1), textIn(inner(a, 1, n), 2)]),
    [
      ['instance', 'web-1'],
      ['job', 'web'],
    ],
  );
  assert.deepEqual(a[6], [10_000]);
  const histogram = inner(a, 7);
  assert.deepEqual([histogram[1], histogram[2], histogram[6], histogram[7]], [[13], [1.5], [1e-128], [1]]);
  assert.deepEqual(histogram[5], [4]); // schema 2, zigzag
  assert.deepEqual(inner(histogram, 12), { 1: [1], 2: [3] }); // offset -1, zigzag
  assert.deepEqual(packed(histogram[13]?.[0]), [5, -5, 7]);
  assert.deepEqual(inner(histogram, 15)[1], [7]);
  assert.deepEqual(
    (histogram[3] ?? []).map((_, n) => inner(histogram, 3, n)),
    [
      { 1: [6], 2: [1] },
      { 1: [13], 2: [2] },
    ],
  );
  assert.deepEqual(inner(b, 3)[1], [2.5]);
  assert.deepEqual(inner(c, 2)[1], [-1]);
});

test('protobuf: a histogram coarser than schema -4 is a classic one', () => {
  const { registry } = setUp();
  registry.take(metricsOf({ name: 'a', value: exponential(0, [3], { scale: -5 }) }));
  const [bytes] = [...protobufOf(registry.families(), { timestamps: false, utf8: false })];
  const reader = protobuf.Reader.create(bytes ?? assert.fail());
  reader.uint32();
  const histogram = inner(inner(decode(reader.buf.subarray(reader.pos)), 4), 7);
  assert.deepEqual([histogram[1], histogram[5], histogram[6]], [[3], undefined, undefined]);
  assert.deepEqual(inner(histogram, 3), { 1: [3], 2: [2 ** 32] });
});

test('a summary has its quantiles, sum and count', () => {
  const { registry, lines } = setUp();
  const value = {
    count: 5,
    sum: 2.5,
    quantiles: [
      { quantile: 0.5, value: 0.25 },
      { quantile: 1, value: 2 },
    ],
  };
  registry.take(metricsOf({ name: 'a', value, isCumulative: true, attributes: { quantile: 'mine' } }));
  assert.deepEqual(lines(), [
    ...['# HELP a A test.', '# TYPE a summary', `a{${at},quantile="0.5"} 0.25`, `a{${at},quantile="1"} 2`],
    ...[`a_sum{${at}} 2.5`, `a_count{${at}} 5`],
  ]);
  const [bytes] = [...protobufOf(registry.families(), { timestamps: false, utf8: false })];
  const reader = protobuf.Reader.create(bytes ?? assert.fail());
  reader.uint32();
  const summary = inner(inner(decode(reader.buf.subarray(reader.pos)), 4), 4);
  assert.deepEqual([summary[1], summary[2]], [[5], [2.5]]);
  assert.deepEqual(inner(summary, 3, 1), { 1: [1], 2: [2] });
});

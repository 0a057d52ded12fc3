import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Pipeline } from '../../../src/config/config.ts';
import { type Connects, plan, type Vertex } from '../../../src/config/graph.ts';
import { describeCycle } from '../../../src/config/rules/service.ts';

const forward = [
  { from: 'metrics', to: 'metrics' },
  { from: 'logs', to: 'logs' },
] as const;

/** `metrics/a: r1 r2 > p1 > e1 c1` */
function pipeline(text: string): Pipeline {
  const [id = '', way = ''] = text.split(': ');
  const [receivers = [], processors = [], exporters = []] = way
    .split('>')
    .map((ids) => ids.split(' ').filter(Boolean));
  return { id, signal: id.startsWith('logs') ? 'logs' : 'metrics', receivers, processors, exporters };
}

const name = (vertex: Vertex) => vertex.instance;

function orderOf(texts: readonly string[], connects: Connects = new Map()): readonly Vertex[] {
  const planned = plan(texts.map(pipeline), connects);
  return planned.kind === 'order' ? planned.order : assert.fail('a cycle');
}

const edgesOf = (order: readonly Vertex[]) =>
  order.flatMap((from) => from.next.map(({ signal, to }) => `${name(from)} -${signal}-> ${name(to)}`)).sort();

test('a pipeline is a chain of its processors between its receivers and exporters', () => {
  assert.deepEqual(edgesOf(orderOf(['metrics: a b > x y > e f'])), [
    'processor metrics x -metrics-> processor metrics y',
    'processor metrics y -metrics-> exporter e',
    'processor metrics y -metrics-> exporter f',
    'receiver a -metrics-> processor metrics x',
    'receiver b -metrics-> processor metrics x',
  ]);
});

test('a receiver or exporter of several pipelines is one instance, a processor is one per pipeline', () => {
  const order = orderOf(['metrics: a > x > e', 'metrics/2: a > x > e', 'logs: a > > e']);
  assert.deepEqual(order.map(name).sort(), [
    'exporter e',
    'processor metrics x',
    'processor metrics/2 x',
    'receiver a',
  ]);
  assert.ok(edgesOf(order).includes('receiver a -logs-> exporter e'));
});

test('naming a receiver or an exporter twice in a pipeline sends nothing twice', () => {
  assert.deepEqual(edgesOf(orderOf(['metrics: a a > > e e'])), ['receiver a -metrics-> exporter e']);
});

test('a connector passes on only the signals it connects', () => {
  const connects: Connects = new Map([['c', [{ from: 'metrics', to: 'logs' }]]]);
  const order = orderOf(['metrics: a > > c', 'logs: c > > e', 'metrics/2: c a > > e'], connects);
  const connector = order.find(({ role }) => role === 'connector');
  assert.deepEqual(
    connector?.next.map(({ signal, to }) => `${signal} ${name(to)}`),
    ['logs exporter e'],
  );
});

test('pipelines that lead back to themselves are a cycle, reported with its path', () => {
  const connects: Connects = new Map([
    ['c', forward],
    ['d', forward],
  ]);
  const planned = plan(['metrics: a d > > c', 'metrics/2: c > x > d'].map(pipeline), connects);
  assert.ok(planned.kind === 'cycle');
  const names = planned.cycle.map(name);
  assert.equal(names[0], names.at(-1));
  assert.deepEqual([...new Set(names)].sort(), ['connector c', 'connector d', 'processor metrics/2 x']);
});

test('the two signals of one connector are no cycle', () => {
  const connects: Connects = new Map<string, NonNullable<ReturnType<Connects['get']>>>([
    ['f', forward],
    ['x', [{ from: 'metrics', to: 'logs' }]],
  ]);
  const texts = ['metrics: a > > f', 'metrics/2: f > > x', 'logs: x > > f', 'logs/2: f > > e'];
  assert.equal(plan(texts.map(pipeline), connects).kind, 'order');
});

test('every vertex comes before what it feeds', () => {
  const ids = (prefix: string) =>
    fc.subarray(
      [1, 2, 3].map((n) => `${prefix}${n}`),
      { minLength: 1 },
    );
  // Pipeline n exports only to connectors that later pipelines receive from: there is no cycle.
  const pipelines = fc.array(fc.record({ receivers: ids('r'), processors: ids('p'), exporters: ids('e') }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(pipelines, (parts) => {
      const connects: Connects = new Map(parts.map((_, n) => [`c${n}`, forward]));
      const chained = parts.map(
        (part, n): Pipeline => ({
          ...part,
          ...{ id: `metrics/${n}`, signal: 'metrics' },
          receivers: n > 0 ? [...part.receivers, `c${n - 1}`] : part.receivers,
          exporters: [...part.exporters, `c${n}`],
        }),
      );
      const planned = plan(chained.toReversed(), connects);
      assert.ok(planned.kind === 'order');
      const { order } = planned;
      for (const [index, vertex] of order.entries())
        for (const { to } of vertex.next) assert.ok(order.indexOf(to) > index);
    }),
  );
});

/** Pipelines of a processor each, chained by so many connectors; the last feeds `end`. */
function chain(length: number, end: string) {
  const connects: Connects = new Map(Array.from({ length }, (_, n) => [`c${n}`, forward]));
  const pipelines = Array.from(
    { length },
    (_, n): Pipeline => ({
      ...{ id: `metrics/${n}`, signal: 'metrics', processors: ['p'] },
      receivers: [`c${n}`],
      exporters: [n + 1 < length ? `c${n + 1}` : end],
    }),
  );
  return { pipelines, connects };
}

test('what leads to the same exporters has the same edges: there are not as many as the product', () => {
  const ids = (prefix: string) => Array.from({ length: 100 }, (_, n) => `${prefix}${n}`);
  const planned = plan(
    [{ id: 'metrics', signal: 'metrics', receivers: ids('r'), processors: [], exporters: ids('e') }],
    new Map(),
  );
  assert.ok(planned.kind === 'order');
  const edges = planned.order.flatMap(({ next }) => next);
  assert.deepEqual([edges.length, new Set(edges).size], [10_000, 100]);
});

test('pipelines chained by 5,000 connectors are ordered', () => {
  const { pipelines, connects } = chain(5_000, 'e');
  const planned = plan(pipelines, connects);
  assert.ok(planned.kind === 'order');
  const inOrder = pipelines.flatMap(({ id, receivers }) => [
    `connector ${receivers[0]}`,
    `processor ${id} p`,
  ]);
  assert.deepEqual(planned.order.map(name), [...inOrder, 'exporter e']);
});

test('a cycle of 5,000 connectors is found, and described by its ends', () => {
  const { pipelines, connects } = chain(5_000, 'c0');
  const planned = plan(pipelines, connects);
  assert.equal(planned.kind === 'cycle' && planned.cycle.length, 10_001);
  const connectors = describeCycle(pipelines, connects)?.match(/c\d+|\d+ more/g);
  assert.deepEqual(connectors, ['c1', 'c2', '9993 more', 'c0', 'c1']);
});

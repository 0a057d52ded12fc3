import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { hashToUnit } from '../../../../src/processors/sampling/hash.ts';
import { eventAttributes } from '../../../../src/telemetry/attributes/event.ts';
import { scope } from '../../../../src/telemetry/metrics/build.ts';
import type { Span } from '../../../../src/telemetry/spans.ts';
import { fixture, recordsOf, waits, weightedIn, workloadResource } from './fixture.ts';

const weightKey = eventAttributes.weight.key;

const spanOf = (traceId: string): Span => ({
  name: 'request',
  kind: SpanKind.SERVER,
  spanContext: () => ({ traceId, spanId: 'b'.repeat(16), traceFlags: TraceFlags.SAMPLED }),
  ...{ startTime: [1, 0], endTime: [1, 5_000_000], duration: [0, 5_000_000], ended: true },
  status: { code: SpanStatusCode.OK },
  attributes: {},
  ...{ links: [], events: [], droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  resource: workloadResource('web'),
  instrumentationScope: scope,
});

async function keptTraces(percentage: number, traceIds: readonly string[]): Promise<readonly string[]> {
  const { processor } = await fixture({ probabilistic: { percentage } }, { signal: 'traces' });
  const batch = processor.process({ signal: 'traces', spans: traceIds.map(spanOf) });
  assert.ok(batch.signal === 'traces');
  return batch.spans.map((span) => span.spanContext().traceId);
}

test('a whole percentage of waits is kept, and their weights are divided by it', async () => {
  const { processor } = await fixture({ probabilistic: { percentage: 20 } });
  const batch = processor.process(
    waits(...Array.from({ length: 10_000 }, () => ({ wait: 0.01, weight: 3 }))),
  );
  const kept = weightedIn([batch]);
  assert.ok(Math.abs(kept.length - 2000) < 160, `${kept.length}: four standard deviations are 160`);
  assert.ok(kept.every(({ weight }) => weight === 15));
});

test('a weight that would not be whole is one of the next two, right on average', async () => {
  const { processor } = await fixture({ probabilistic: { percentage: 40 } });
  const batch = processor.process(waits(...Array.from({ length: 10_000 }, () => ({ wait: 0.01 }))));
  const weights = weightedIn([batch]).map(({ weight }) => weight);
  assert.deepEqual([...new Set(weights)].sort(), [2, 3]);
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  assert.ok(Math.abs(mean - 2.5) < 0.04, String(mean));
});

test('at 100 percent each record is the same object', async () => {
  const { processor } = await fixture({ probabilistic: { percentage: 100 } });
  const batch = waits({ wait: 0.01 }, { wait: 0.02, weight: 7 });
  assert.deepEqual(recordsOf(processor.process(batch)), recordsOf(batch));
  recordsOf(processor.process(batch)).forEach((each, i) => {
    assert.equal(each, recordsOf(batch)[i]);
  });
});

test('waits of one workload are kept or dropped together, by the same hash in each agent', async () => {
  const written = { probabilistic: { percentage: 30, attribute: 'service.instance.id' } };
  const made = Array.from({ length: 200 }, (_, i) => ({ wait: 0.01, workload: `w${i % 50}` }));
  const keptBy = async (seed: number) => {
    const { processor } = await fixture(written, { seed });
    return recordsOf(processor.process(waits(...made))).map(
      ({ resource }) => resource.attributes['service.instance.id'],
    );
  };
  const one = await keptBy(1);
  assert.deepEqual(one, await keptBy(2));
  for (const workload of new Set(one)) assert.equal(one.filter((each) => each === workload).length, 4);
  const share = new Set(one).size / 50;
  assert.ok(share > 0.1 && share < 0.5, String(share));
});

test('an attribute of the record goes before one of the resource; without it each wait is drawn for itself', async () => {
  const { processor } = await fixture({ probabilistic: { percentage: 50, attribute: 'thread.name' } });
  const named = Array.from({ length: 100 }, () => ({ wait: 0.01, attributes: { 'thread.name': 'gc' } }));
  assert.ok([0, 100].includes(recordsOf(processor.process(waits(...named))).length));
  const nameless = Array.from({ length: 100 }, () => ({ wait: 0.01 }));
  const kept = recordsOf(processor.process(waits(...nameless))).length;
  assert.ok(kept > 25 && kept < 75, String(kept));
});

test('another seed keeps other values', () => {
  const texts = Array.from({ length: 1000 }, (_, i) => `pod-${i}`);
  const kept = (seed: number) => texts.filter((text) => hashToUnit(text, seed) < 0.5);
  const [one, two] = [kept(0), new Set(kept(22))];
  for (const count of [one.length, two.size]) assert.ok(Math.abs(count - 500) < 64, String(count));
  const both = one.filter((text) => two.has(text)).length;
  assert.ok(Math.abs(both - 250) < 55, `${both}: independent`);
});

test('a trace is kept if the last 56 bits of its id reach the threshold of consistent sampling', async () => {
  // at 25 % the threshold is 0xc0 followed by zeros
  const ids = ['bfffffffffffff', 'c0000000000000', 'ffffffffffffff', '00000000000000'].map(
    (random) => `${'e'.repeat(18)}${random}`,
  );
  assert.deepEqual(await keptTraces(25, ids), [ids[1], ids[2]]);
  assert.deepEqual(await keptTraces(100, ids), ids);
});

test('a higher percentage keeps all traces that a lower one keeps', async () => {
  const ids = Array.from(
    { length: 500 },
    (_, i) =>
      `${'0'.repeat(18)}${BigInt(Math.floor(hashToUnit(String(i), 0) * 2 ** 32))
        .toString(16)
        .padStart(8, '0')}000000`,
  );
  const few = await keptTraces(10, ids);
  const many = await keptTraces(30, ids);
  assert.ok(few.length > 20 && many.length > few.length);
  assert.ok(few.every((id) => many.includes(id)));
});

test('a span gets a weight, and the rest of it stays', async () => {
  const { processor } = await fixture({ probabilistic: { percentage: 25 } }, { signal: 'traces' });
  const span = spanOf('f'.repeat(32));
  const batch = processor.process({ signal: 'traces', spans: [span] });
  assert.ok(batch.signal === 'traces');
  assert.deepEqual(batch.spans, [{ ...span, attributes: { [weightKey]: 4 } }]);
});

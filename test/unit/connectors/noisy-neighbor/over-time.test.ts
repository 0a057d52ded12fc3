import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedulerCounters } from '../../../../src/receivers/scheduler/emits.ts';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { brief, connector, only } from './connector.ts';
import { hurtBy, windowBatch, windowSeconds } from './windows.ts';

/** Streams of windows with a known answer. */

const calm = { web: { run: 1, waits: { idle: 0.001 } } };
const hurt = { web: hurtBy('etl') };
const warn = { severities: [{ severity: 'WARN', score: 20 }] };
const state = ({ attributes }: { readonly attributes: object }) =>
  (attributes as Readonly<Record<string, unknown>>)[findingAttributes.state.key];

for (const { windows: k, of, stream, begins, ends } of [
  { windows: 1, of: 1, stream: '.x.x.', begins: [1, 3], ends: [2, 4] },
  { windows: 2, of: 3, stream: 'x..x..x..', begins: [], ends: [] },
  { windows: 2, of: 3, stream: '.x.x....', begins: [3], ends: [6] },
  { windows: 3, of: 5, stream: 'xx...xx..x...', begins: [9], ends: [] },
  { windows: 3, of: 5, stream: 'x.x.x.x....x....', begins: [4], ends: [] },
  { windows: 3, of: 5, stream: 'xxx.....xxx.....', begins: [2, 10], ends: [7, 15] },
  { windows: 5, of: 5, stream: 'xxxx.xxxxx', begins: [9], ends: [] },
])
  test(`${k} of ${of} windows: ${stream} begins ${begins.length} findings and ends ${ends.length}`, async (t) => {
    const { windows } = await connector(t, { ...warn, sustained: { windows: k, of } });
    const changes = [...stream].map((window) => windows(window === 'x' ? hurt : calm).map(state));
    const at = (wanted: string) => changes.flatMap((of, n) => (of.includes(wanted) ? [n] : []));
    assert.deepEqual([at('begin'), at('end')], [begins, ends]);
  });

test('a rule with sustained_for begins that long after it is sustained, and from the beginning after a break', async (t) => {
  const rule = { severity: 'WARN', score: 20, sustained_for: '30s' };
  const { windows } = await connector(t, { severities: [rule] });
  const needed = 2 + 30 / windowSeconds;
  assert.deepEqual(windows(hurt, needed - 1), []);
  windows(calm, 3);
  assert.deepEqual(windows(hurt, needed - 1), []);
  assert.deepEqual(brief(windows(hurt)), ['begin WARN web noisy_neighbor etl']);
});

test('an escalation by time comes when it is due, once, and stays until the end', async (t) => {
  const rule = { active_for: '60s', severity: 'FATAL', attributes: { page: 'yes' } };
  const { windows } = await connector(t, { ...warn, escalations: [rule], cool_down: '2m' });
  windows(hurt, 2);
  assert.deepEqual(windows(hurt, 60 / windowSeconds - 1), []);
  const escalated = only(windows(hurt));
  assert.deepEqual(brief([escalated]), ['escalate FATAL web noisy_neighbor etl']);
  assert.equal(escalated.attributes.page, 'yes');
  assert.deepEqual(windows(hurt, 120 / windowSeconds - 1), []);
  assert.deepEqual(brief(windows(hurt)), ['repeat FATAL web noisy_neighbor etl']);
  assert.deepEqual(brief(windows(calm, 3)), ['end FATAL web noisy_neighbor etl']);
});

for (const { hysteresis, goesOn } of [
  { hysteresis: 0.76, goesOn: true },
  { hysteresis: 0.78, goesOn: false },
])
  test(`a score of 31 against 40 is ${goesOn ? 'still' : 'no longer'} a finding at a hysteresis of ${hysteresis}`, async (t) => {
    const { windows } = await connector(t, { severities: [{ severity: 'WARN', score: 40 }], hysteresis });
    windows({ web: hurtBy('etl', { length: 0.02 }) }, 2);
    const half = { web: hurtBy('etl', { preemptions: { neighbor: 5 }, length: 0.001 }) };
    assert.deepEqual(windows(half, 12).map(state), goesOn ? [] : ['end']);
  });

test('a neighbor that grows is a rising trend, one that shrinks a falling, one that varies a steady one', async (t) => {
  const trendOf = async (part: (n: number) => number) => {
    const { windows } = await connector(t, warn);
    const records = Array.from({ length: 70 }, (_, n) => {
      const time = part(n);
      return windows({
        web: hurtBy('etl', {
          waits: { neighbor: time },
          blame: [{ cause: 'neighbor', culprit: 'etl', time, excess: time }],
        }),
      });
    }).flat();
    const ended = windows(calm, 3);
    return [...records, ...ended].at(-1)?.attributes[findingAttributes.trend.key];
  };
  assert.equal(await trendOf((n) => 0.2 + 0.02 * n), 'rising');
  assert.equal(await trendOf((n) => 2 - 0.02 * n), 'falling');
  assert.equal(await trendOf((n) => 1 + 0.3 * ((n * 7) % 5)), 'steady');
});

test('what is usual at one hour of the week is no measure for another', async (t) => {
  const { give } = await connector(t, warn);
  const hour = 3600 / windowSeconds;
  const idle = (length: number) => ({ web: { run: 1, waits: { idle: 0.001 }, length } });
  const [busy, quiet] = [0.02, 0.0002];
  for (let n = 0; n < 4 * hour; n++) give(windowBatch(n, idle(n < 2 * hour ? busy : quiet)));
  const week = 168 * hour;
  const usual = (from: number) => {
    const records = [0, 1].flatMap((n) => give(windowBatch(from + n, hurt)).records);
    for (let n = 2; n < 5; n++) give(windowBatch(from + n, calm));
    return Number(only(records).attributes[findingAttributes.baseline.key]);
  };
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual / expected - 1) < 0.2, `${actual}, not ${expected}`);
  near(usual(week + hour), busy);
  near(usual(week + 3 * hour), quiet);
});

test('what is lost while a finding is active lowers its confidence as stated; limits of single waits do not', async (t) => {
  const confidence = async (reason?: string) => {
    const { windows, host } = await connector(t, { ...warn, cool_down: '5s' });
    const workloads = { web: hurtBy('etl', { count: 900 }) };
    windows(workloads, 2);
    if (reason !== undefined) host.counters.add(schedulerCounters.kernelDropped, 100, { reason });
    const { attributes } = only(windows(workloads));
    return {
      value: Number(attributes[findingAttributes.confidence.key]),
      loweredBy: attributes[findingAttributes.loweredBy.key],
    };
  };
  const whole = await confidence();
  assert.deepEqual(whole.loweredBy, []);
  for (const [reason, doubt] of [
    ['task_missed', 'loss'],
    ['pair_full', 'sampling'],
    ['pair_evicted', 'sampling'],
    ['clock_backwards', 'clock'],
  ] as const) {
    const { value, loweredBy } = await confidence(reason);
    assert.ok(Math.abs(value - 0.9 * whole.value) < 1e-9, `${reason}: ${value} of ${whole.value}`);
    assert.deepEqual(loweredBy, [`${doubt} 0.90`]);
  }
  for (const reason of ['ring_full', 'event_refused']) assert.deepEqual(await confidence(reason), whole);
});

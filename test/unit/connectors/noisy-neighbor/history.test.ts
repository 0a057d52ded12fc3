import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../../../src/connectors/noisy-neighbor/history.ts';
import type { UnixNanoseconds } from '../../../../src/telemetry/units.ts';

const second = 1_000_000_000n;
const hour = 3600n * second;
const week = 168n * hour;
const monday = 2812n * week;
const at = (time: bigint) => (monday + time) as UnixNanoseconds;
const settings = { minWindows: 12, seasonal: true };

/** Every five seconds from `from` on. */
function fill(
  history: History,
  from: bigint,
  windows: number,
  p99: (n: number) => number,
  share = () => 0.1,
): void {
  for (let n = 0; n < windows; n++)
    history.add(at(from + BigInt(n) * 5n * second), { p99: p99(n), share: share() });
}

const near = (actual: number | undefined, expected: number) =>
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) < 0.04 * expected,
    `${actual}, not ${expected}`,
  );

test('the usual p99 is the median of the windows, which spikes do not move', () => {
  const history = new History(settings);
  fill(history, 0n, 200, (n) => (n % 10 === 0 ? 1 : 0.001));
  const baseline = history.baseline(at(1000n * second));
  near(baseline?.p99, 0.001);
  assert.ok((baseline?.spread ?? 1) < 0.0001);
  assert.deepEqual([baseline?.windows, baseline?.source], [200, 'recent']);
});

test('the spread is half the range of the middle half', () => {
  const history = new History(settings);
  fill(history, 0n, 400, (n) => 0.001 * (1 + (n % 5)));
  near(history.baseline(at(0n))?.spread, 0.001);
});

test('too few windows have no usual p99', () => {
  const history = new History(settings);
  fill(history, 0n, 11, () => 0.001);
  assert.equal(history.baseline(at(0n)), undefined);
  fill(history, 60n * second, 1, () => 0.001);
  assert.notEqual(history.baseline(at(0n)), undefined);
});

test('the hour before counts, older ones no more', () => {
  const history = new History(settings);
  fill(history, 0n, 700, () => 0.001);
  fill(history, hour, 20, () => 0.001);
  near(history.baseline(at(hour))?.p99, 0.001);
  fill(history, 10n * hour, 20, () => 0.5);
  near(history.baseline(at(10n * hour))?.p99, 0.5);
});

test('the same hour a week later is what is usual, where that is wanted', () => {
  const [history, unseasonal] = [new History(settings), new History({ ...settings, seasonal: false })];
  for (const each of [history, unseasonal]) {
    fill(each, 0n, 700, () => 0.02);
    fill(each, 3n * hour, 700, () => 0.001);
    fill(each, week, 20, () => 0.3);
  }
  const usual = history.baseline(at(week));
  near(usual?.p99, 0.02);
  assert.equal(usual?.source, 'hour_of_week');
  near(unseasonal.baseline(at(week))?.p99, 0.3);
});

test('a growing share of waiting is a rising trend by its slope; noise and a step back are none', () => {
  const trendOf = (share: (n: number) => number) => {
    const history = new History(settings);
    for (let n = 0; n < 100; n++) history.add(at(BigInt(n) * 5n * second), { p99: 0.001, share: share(n) });
    return history.trend();
  };
  const rising = trendOf((n) => 0.1 + 0.001 * n + (n % 7 === 0 ? 0.3 : 0));
  assert.equal(rising?.direction, 'rising');
  near(rising?.perMinute, 0.012);
  assert.equal(trendOf((n) => 0.5 - 0.001 * n)?.direction, 'falling');
  assert.equal(trendOf((n) => 0.1 + 0.05 * ((n * 7919) % 13))?.direction, 'steady');
  assert.equal(trendOf(() => 0.1)?.direction, 'steady');
  assert.equal(new History(settings).trend(), undefined);
});

test('a stored history tells what the history did, and goes on as it would have', () => {
  const history = new History(settings);
  const windows = (each: History, from: number, to: number) => {
    for (let n = from; n < to; n++) {
      const p99 = n % 11 === 0 ? 0 : 0.001 * (1 + (n % 17));
      each.add(at(BigInt(n) * 60n * second), {
        p99: n % 5 === 0 ? undefined : p99,
        share: (n % 7) / 10 + n / 500,
      });
    }
  };
  for (const [from, to] of [
    [0, 0],
    [0, 30],
    [30, 95],
    [95, 200],
    [10_090, 10_120],
  ] as const) {
    windows(history, from, to);
    const restored = new History(settings, JSON.parse(JSON.stringify(history.stored())));
    const told = (of: History) => [of.baseline(at(BigInt(to) * 60n * second)), of.trend(), of.stored()];
    assert.deepEqual(told(restored), told(history), `after ${to} windows`);
    windows(history, to, to + 25);
    windows(restored, to, to + 25);
    assert.deepEqual(told(restored), told(history), `25 after ${to} windows`);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationProblem, parseDuration, printDuration } from '../../../../src/config/schema/duration.ts';
import { nanoseconds } from '../../../../src/telemetry/units.ts';

const duration = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat(10_000)).map(nanoseconds);

test('a duration is read as Go reads it', () => {
  const readings: [string, number][] = [
    ['0', 0],
    ['0s', 0],
    ['1h30m', 5400e9],
    ['200ms', 200e6],
    ['1.5s', 1.5e9],
    ['.5s', 0.5e9],
    ['1.s', 1e9],
    ['3us', 3e3],
    ['3µs', 3e3],
    ['3μs', 3e3],
    ['7ns', 7],
    ['1h1m1s1ms1us1ns', 3_661_001_001_001],
    ['2m1h', 3720e9],
    ['0.1s', 100e6],
  ];
  for (const [text, expected] of readings) assert.equal(parseDuration(text), expected, text);
});

test('an invalid duration is refused', () => {
  for (const text of [
    '',
    '10',
    '1',
    's',
    '10 s',
    '1d',
    '-1s',
    '+1s',
    '1s2',
    '1.5.5s',
    '1,5s',
    '1S',
    ' 1s',
    '1e3s',
    '3000000h',
  ])
    assert.equal(parseDuration(text), undefined, text);
});

test('every duration survives being printed and read', () => {
  fc.assert(fc.property(duration, (ns) => parseDuration(printDuration(ns)) === ns));
});

test('the parts of a duration add up, in any order', () => {
  const units = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 };
  const part = fc.record({
    amount: fc.nat(100),
    unit: fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
  });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const text = parts.map(({ amount, unit }) => `${amount}${unit}`).join('');
      const sum = parts.reduce((total, { amount, unit }) => total + amount * units[unit], 0);
      assert.equal(parseDuration(text), sum);
    }),
  );
});

test('a duration is printed in its shortest form', () => {
  const texts: [number, string][] = [
    [0, '0s'],
    [5400e9, '1h30m'],
    [10e9, '10s'],
    [1.5e9, '1.5s'],
    [200e6, '200ms'],
    [1_500, '1.5µs'],
    [7, '7ns'],
    [3600e9 + 1, '1h0.000000001s'],
  ];
  for (const [ns, text] of texts) assert.equal(printDuration(nanoseconds(ns)), text);
});

test('a number without a unit is refused with the remedy, except 0', () => {
  assert.equal(durationProblem(10, {}), 'duration 10 has no unit: write it like "10s" or "200ms"');
  assert.equal(durationProblem(0, {}), undefined);
});

test('limits are part of a duration, ends included', () => {
  const limits = { minimum: '100ms', maximum: '1m' };
  assert.equal(durationProblem('99ms', limits), 'must be at least 100ms, got "99ms"');
  assert.equal(durationProblem('100ms', limits), undefined);
  assert.equal(durationProblem('60s', limits), undefined);
  assert.equal(durationProblem('61s', limits), 'must be at most 1m, got "61s"');
});

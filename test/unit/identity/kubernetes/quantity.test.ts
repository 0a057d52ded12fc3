import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseQuantity } from '../../../../src/identity/kubernetes/quantity.ts';

const written = [
  ['250m', 0.25],
  ['1', 1],
  ['0.5', 0.5],
  ['.5', 0.5],
  ['2.', 2],
  ['100m', 0.1],
  ['100u', 0.0001],
  ['1500000n', 0.0015],
  ['0', 0],
  ['+3', 3],
  ['-1m', -0.001],
  ['1k', 1000],
  ['1e3', 1000],
  ['1E3', 1000],
  ['1E', 1e18],
  ['1e-3', 0.001],
  ['2Ki', 2048],
  ['1.5Mi', 1.5 * 1024 ** 2],
] as const;
for (const [text, value] of written)
  test(`the quantity ${text} is ${value}`, () => assert.equal(parseQuantity(text), value));

for (const text of [
  '',
  'm',
  '.',
  '1 m',
  '1mm',
  '1e3m',
  '1e',
  'Ki',
  '0x1',
  'NaN',
  '1K',
  '1ki',
  '--1',
  '1e99999',
  '1_0',
])
  test(`“${text}” is no quantity`, () => assert.equal(parseQuantity(text), undefined));

test('a number of milli-units is the same however it is written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000 }), (milli) => {
      const whole = Math.floor(milli / 1000);
      const fraction = String(milli % 1000).padStart(3, '0');
      const value = milli / 1000;
      for (const text of [
        `${milli}m`,
        `${whole}.${fraction}`,
        `${milli}000u`,
        `${milli}e-3`,
        `${milli}000000n`,
      ])
        assert.equal(parseQuantity(text), value, text);
    }),
  );
});

test('any text is a finite number or no quantity', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[-+.0-9eEmnukKMGTPEi]{0,12}$/), (text) => {
      const value = parseQuantity(text);
      assert.ok(value === undefined || Number.isFinite(value));
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  conversionOf,
  cpuCount,
  cpuLimit,
  estimateRequest,
  sharesOfRequest,
  type WeightConversion,
  weightOfRequest,
  weightOfShares,
} from '../../src/kernel/entitlement.ts';
import { milliseconds } from '../../src/telemetry/units.ts';

const conversions: readonly WeightConversion[] = ['linear', 'quadratic'];
const milliCpus = fc.integer({ min: 1, max: 256_000 });

test('a limit is the quota over its period, whatever the burst', () => {
  const quota = { quota: milliseconds(25), period: milliseconds(100), burst: milliseconds(50) };
  assert.equal(cpuLimit({ quota }), 0.25);
  assert.equal(cpuLimit({}), undefined);
});

test('a cpuset has so many CPUs', () => {
  assert.equal(cpuCount({ cpuset: '0-3,8' }), 5);
  assert.equal(cpuCount({}), undefined);
});

test('weights that runtimes are known to write', () => {
  // --cpu-shares 2000: runc 1.3.1 writes 77, 1.4.0 writes 170 (runc issue 4896)
  assert.equal(weightOfRequest(2000 / 1024, 'linear'), 77);
  assert.equal(weightOfRequest(2000 / 1024, 'quadratic'), 170);
  // 1024 shares: 39 and, the aim of the change, the default (runc issue 4772)
  assert.equal(weightOfRequest(1, 'linear'), 39);
  assert.equal(weightOfRequest(1, 'quadratic'), 100);
  for (const conversion of conversions) {
    assert.equal(weightOfRequest(0, conversion), 1);
    assert.equal(weightOfRequest(1000, conversion), 10_000);
  }
});

test('shares of common requests', () => {
  assert.deepEqual([0, 0.001, 0.1, 0.25, 1, 500].map(sharesOfRequest), [2, 2, 102, 256, 1024, 262_144]);
});

test('more requested is never written as less', () => {
  fc.assert(
    fc.property(milliCpus, milliCpus, fc.constantFrom(...conversions), (a, b, conversion) => {
      const [less, more] = [Math.min(a, b) / 1000, Math.max(a, b) / 1000];
      assert.ok(weightOfRequest(less, conversion) <= weightOfRequest(more, conversion));
    }),
  );
});

test('from shares a request is known to 1 m', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 255_999 }), (milli) => {
      const shares = sharesOfRequest(milli / 1000);
      const estimate = estimateRequest({ weight: weightOfShares(shares), shares }, 'linear');
      assert.ok(estimate !== undefined && Math.abs(estimate - milli / 1000) < 0.0015, `${estimate}`);
    }),
  );
});

test('from a weight a request is known to 13 m if it was linear, to 4 m or 4 % if quadratic', () => {
  fc.assert(
    fc.property(fc.integer({ min: 30, max: 255_000 }), (milli) => {
      const cpus = milli / 1000;
      const off = (conversion: WeightConversion) => {
        const weight = weightOfRequest(cpus, conversion);
        return Math.abs((estimateRequest({ weight }, conversion) ?? Number.NaN) - cpus);
      };
      assert.ok(off('linear') < 0.0135, `linear: ${off('linear')}`);
      assert.ok(off('quadratic') < Math.max(0.0402 * cpus, 0.0045), `quadratic: ${off('quadratic')}`);
    }),
  );
});

test('where nothing was requested nothing is estimated', () => {
  for (const conversion of conversions) {
    assert.equal(estimateRequest({ weight: 1 }, conversion), undefined);
    assert.equal(estimateRequest({ weight: weightOfShares(2), shares: 2 }, conversion), undefined);
    assert.equal(estimateRequest({ weight: weightOfShares(3), isIdle: true }, conversion), undefined);
    assert.equal(estimateRequest({}, conversion), undefined);
  }
});

test('a known request tells which conversion was used', () => {
  assert.equal(conversionOf(39, 1), 'linear');
  assert.equal(conversionOf(100, 1), 'quadratic');
  assert.equal(conversionOf(50, 1), undefined);
  assert.equal(conversionOf(1, 0), undefined, 'both');
});

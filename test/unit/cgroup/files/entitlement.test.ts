import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuCount, cpuLimit, weightOfShares } from '../../../../src/cgroup/files/entitlement.ts';
import { milliseconds } from '../../../../src/telemetry/units.ts';

test('a limit is the quota divided by its period, for any burst', () => {
  const quota = { quota: milliseconds(25), period: milliseconds(100), burst: milliseconds(50) };
  assert.equal(cpuLimit({ quota }), 0.25);
  assert.equal(cpuLimit({}), undefined);
});

test('a cpuset is a limit of its number of CPUs', () => {
  assert.equal(cpuCount({ cpuset: '0-3,8' }), 5);
  assert.equal(cpuCount({}), undefined);
});

test('default shares have the default weight', () => {
  assert.equal(weightOfShares(1024), 100);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { who } from '../../../../src/receivers/scheduler/abi.ts';
import { WhoIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import { cgroupId } from '../../../../src/telemetry/units.ts';

test('a cgroup is found by the serial number it was learnt with', () => {
  const index = new WhoIndex(10);
  index.learn(7n, cgroupId(42n));
  assert.equal(index.find(7n), 42n);
  assert.equal(index.findCgroup(7n), 42n);
  assert.equal(index.find(8n), undefined);
});

test('pseudo cgroups have names and no cgroup, and cannot be learnt', () => {
  const index = new WhoIndex(10);
  for (const pseudo of Object.values(who)) index.learn(pseudo, cgroupId(42n));
  assert.deepEqual(
    [who.idle, who.kernel, who.overflow].map((it) => index.find(it)),
    ['idle', 'kernel', 'overflow'],
  );
  for (const pseudo of Object.values(who)) assert.equal(index.findCgroup(pseudo), undefined);
});

test('a cell without a cgroup id teaches nothing', () => {
  const index = new WhoIndex(10);
  index.learn(7n, cgroupId(0n));
  assert.equal(index.find(7n), undefined);
});

test('beyond its limit the oldest are forgotten', () => {
  const index = new WhoIndex(2);
  for (const serial of [1n, 2n, 3n]) index.learn(serial, cgroupId(serial));
  assert.deepEqual(
    [1n, 2n, 3n].map((serial) => index.find(serial)),
    [undefined, 2n, 3n],
  );
});

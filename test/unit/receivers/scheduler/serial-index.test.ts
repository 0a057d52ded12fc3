import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pseudoSerials } from '../../../../src/receivers/scheduler/abi.ts';
import { SerialIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import { cgroupId } from '../../../../src/telemetry/units.ts';

test('a cgroup is found by the serial number it was learnt with', () => {
  const index = new SerialIndex(10);
  index.learn(7n, cgroupId(42n));
  assert.equal(index.find(7n), 42n);
  assert.equal(index.findCgroup(7n), 42n);
  assert.equal(index.find(8n), undefined);
});

test('pseudo cgroups have names and no cgroup, and cannot be learnt', () => {
  const index = new SerialIndex(10);
  for (const pseudo of Object.values(pseudoSerials)) index.learn(pseudo, cgroupId(42n));
  assert.deepEqual(
    [pseudoSerials.idle, pseudoSerials.kernel, pseudoSerials.overflow].map((it) => index.find(it)),
    ['idle', 'kernel', 'overflow'],
  );
  for (const pseudo of Object.values(pseudoSerials)) assert.equal(index.findCgroup(pseudo), undefined);
});

test('a cell without a cgroup id teaches nothing', () => {
  const index = new SerialIndex(10);
  index.learn(7n, cgroupId(0n));
  assert.equal(index.find(7n), undefined);
});

test('beyond its limit the oldest are forgotten', () => {
  const index = new SerialIndex(2);
  for (const serial of [1n, 2n, 3n]) index.learn(serial, cgroupId(serial));
  assert.deepEqual(
    [1n, 2n, 3n].map((serial) => index.find(serial)),
    [undefined, 2n, 3n],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Serials } from '../../../../src/cgroup/serials.ts';
import { pseudoSerials } from '../../../../src/receivers/scheduler/abi.ts';
import { SerialIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import { cgroupId } from '../../../../src/telemetry/units.ts';

test('a cgroup is found by its serial', () => {
  const index = new SerialIndex(new Serials(10));
  index.learn(7n, cgroupId(42n));
  assert.equal(index.find(7n), 42n);
  assert.equal(index.findCgroup(7n), 42n);
  assert.equal(index.find(8n), undefined);
});

test('pseudo cgroups have names and no cgroup, and cannot be added', () => {
  const index = new SerialIndex(new Serials(10));
  for (const pseudo of Object.values(pseudoSerials)) index.learn(pseudo, cgroupId(42n));
  assert.deepEqual(
    [pseudoSerials.idle, pseudoSerials.kernel, pseudoSerials.overflow].map((it) => index.find(it)),
    ['idle', 'kernel', 'overflow'],
  );
  for (const pseudo of Object.values(pseudoSerials)) assert.equal(index.findCgroup(pseudo), undefined);
});

test('a cell without a cgroup id is not added', () => {
  const index = new SerialIndex(new Serials(10));
  index.learn(7n, cgroupId(0n));
  assert.equal(index.find(7n), undefined);
});

test('a cgroup without a cell is found by the serial that its life-cycle has', () => {
  const serials = new Serials(10);
  serials.follow([() => serials.set(7n, cgroupId(42n))]);
  assert.equal(new SerialIndex(serials).find(7n), 42n);
});

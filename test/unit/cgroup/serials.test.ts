import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Serials } from '../../../src/cgroup/serials.ts';
import { cgroupId } from '../../../src/telemetry/units.ts';

test('a serial number of a removed cgroup keeps its meaning', () => {
  const serials = new Serials(10);
  serials.set(7n, cgroupId(70n));
  serials.markRemoved(7n);
  assert.equal(serials.find(7n), 70n);
});

test('beyond the limit removed cgroups are forgotten first, then the oldest', () => {
  const serials = new Serials(2);
  serials.set(1n, cgroupId(10n));
  serials.set(2n, cgroupId(20n));
  serials.markRemoved(2n);
  serials.set(3n, cgroupId(30n));
  assert.deepEqual(
    [1n, 2n, 3n].map((serial) => serials.find(serial)),
    [10n, undefined, 30n],
  );
  serials.set(4n, cgroupId(40n));
  assert.deepEqual(
    [1n, 3n, 4n].map((serial) => serials.find(serial)),
    [undefined, 30n, 40n],
  );
});

test('a living cgroup that is forgotten is a loss, a removed one is not', () => {
  let lost = 0;
  const serials = new Serials(2, () => lost++);
  for (const serial of [1n, 2n]) serials.set(serial, cgroupId(serial));
  serials.markRemoved(2n);
  serials.set(3n, cgroupId(3n));
  assert.equal(lost, 0);
  serials.set(4n, cgroupId(4n));
  assert.equal(lost, 1);
  assert.equal(serials.find(1n), undefined);
});

test('an unknown serial number is looked up in turn until it is known', () => {
  const serials = new Serials(10);
  const calls: string[] = [];
  const find = (name: string, serial: bigint) => () => {
    calls.push(name);
    serials.set(serial, cgroupId(serial * 10n));
  };
  serials.follow([find('events', 1n), find('iterator', 2n)]);
  assert.equal(serials.find(1n), 10n);
  assert.deepEqual(calls.splice(0), ['events']);
  assert.equal(serials.find(2n), 20n);
  assert.deepEqual(calls.splice(0), ['events', 'iterator']);
  assert.equal(serials.find(2n), 20n);
  assert.deepEqual(calls, [], 'a known one is not looked up');
  serials.follow([]);
  assert.equal(serials.find(3n), undefined);
});

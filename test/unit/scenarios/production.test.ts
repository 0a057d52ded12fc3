import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Production } from '../../scenarios/production.ts';

function machine() {
  const at = { now: 0, ran: 0, all: 0, steal: 0 };
  const load = { path: '/load', ran: () => at.ran };
  const production = new Production({
    firstCpu: () => ({ all: at.all, steal: at.steal }),
    now: () => at.now,
  });
  return { at, load, production };
}

test('a load that gets its part of the CPU is produced', () => {
  const { at, load, production } = machine();
  production.require(load, 0.4);
  Object.assign(at, { now: 1e9, ran: 0.4e9 });
  assert.deepEqual(production.lacks(), []);
});

test('a load that gets less than its part is not produced', () => {
  const { at, load, production } = machine();
  production.require(load, 0.4);
  Object.assign(at, { now: 2e9, ran: 0.6e9 });
  assert.deepEqual(production.lacks(), ['/load got 0.30 of a CPU, not 0.4']);
});

test('what a load ran before it was required does not count', () => {
  const { at, load, production } = machine();
  Object.assign(at, { now: 5e9, ran: 5e9 });
  production.require(load, 0.4);
  at.now = 6e9;
  assert.equal(production.lacks().length, 1);
});

test('nothing is produced on a CPU that the hypervisor takes', () => {
  const { at, load, production } = machine();
  production.require(load, 0.4);
  Object.assign(at, { now: 1e9, ran: 0.5e9, all: 100, steal: 11 });
  assert.deepEqual(production.lacks(), ['the hypervisor took 11 % of the CPU']);
});

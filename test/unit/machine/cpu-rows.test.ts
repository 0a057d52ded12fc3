import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuRowsOf } from '../../../src/machine/cpu-rows.ts';

test('CPU numbers with gaps have a row each, up to the highest', () => {
  assert.equal(cpuRowsOf('0\n'), 1);
  assert.equal(cpuRowsOf('0-63\n'), 64);
  assert.equal(cpuRowsOf('0-3,8-11\n'), 12);
  assert.equal(cpuRowsOf('0,2,127'), 128);
});

test('a list without CPUs is refused', () => {
  assert.throws(() => cpuRowsOf('\n'), /cannot count CPUs: '' is no list/);
});

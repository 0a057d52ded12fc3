import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestRecord } from './record.ts';
import { formatTable } from './table.ts';
import { judge, type VerifierCounts } from './verdict.ts';
import { parseRecords } from './vm.ts';

const kernel = { series: '6.1', version: '6.1.0-56' };
const passed: GuestRecord = { kind: 'test', name: 'counts', ms: 1, outcome: 'passed', text: '' };
const load = (count: number): GuestRecord => ({ kind: 'load', loadMs: 5, verified: { on_switch: count } });
const end: GuestRecord = { kind: 'end' };
const recorded: VerifierCounts = { '6.1': { on_switch: 1000 } };

function verdict(records: readonly GuestRecord[], obstacle?: string) {
  return judge(kernel, { records, console: '', seconds: 1, obstacle }, recorded);
}

test('a machine whose tests pass has no failures', () => {
  const { failures, notes } = verdict([load(1000), passed, end]);
  assert.deepEqual([failures, notes], [[], []]);
});

test('a machine that ends early, is killed or runs no test has failed', () => {
  assert.deepEqual(verdict([load(1000), passed]).failures, ['the tests did not end']);
  assert.deepEqual(verdict([load(1000), passed], 'killed after 300 s').failures, [
    'the machine was killed after 300 s',
  ]);
  assert.deepEqual(verdict([load(1000), end]).failures, ['no test passed']);
  assert.deepEqual(verdict([passed, end]).failures, ['the verifier counted nothing']);
});

test('a failed test is named with its reason', () => {
  const failed: GuestRecord = {
    kind: 'test',
    name: 'sums',
    ms: 1,
    outcome: 'failed',
    text: '1 instead of 2',
  };
  assert.deepEqual(verdict([load(1000), passed, failed, end]).failures, ['sums: 1 instead of 2']);
});

test('a skip is a failure on a kernel from which on its reason is none', () => {
  const skip = (text: string) =>
    verdict([load(1000), passed, { kind: 'test', name: 'quota', ms: 1, outcome: 'skipped', text }, end]);
  const old = skip('no cpu.stat.local (6.6)');
  assert.deepEqual([old.failures, old.skipped], [[], ['quota: no cpu.stat.local (6.6)']]);
  assert.deepEqual(skip('no hash (5.10)').failures, ['quota was skipped: no hash (5.10)']);
  assert.deepEqual(skip('not today').failures, ['quota was skipped: not today']);
});

test("the verifier's count may grow by a tenth, and not beyond the limit", () => {
  assert.deepEqual(verdict([load(1100), passed, end]).failures, []);
  assert.match(verdict([load(1101), passed, end]).failures.join(), /1101 .*1000 are recorded: record it/);
  assert.match(verdict([load(50_001), passed, end]).failures[0] ?? '', /over 50000/);
  assert.match(verdict([load(0), passed, end]).failures.join(), /count of on_switch is not known/);
  assert.match(verdict([load(800), passed, end]).notes.join(), /only 800/);
});

test('a kernel without recorded counts is held to the limit alone', () => {
  const run = { records: [load(2000), passed, end], console: '', seconds: 1, obstacle: undefined };
  const { failures, notes } = judge(kernel, run, {});
  assert.deepEqual(failures, []);
  assert.match(
    notes.join(),
    /no verifier counts are recorded: record it with `npm run test:kernels -- 6.1 --record`/,
  );
});

test('records are lines; what the end of the machine cut off is none', () => {
  assert.deepEqual(parseRecords('{"kind":"end"}\r\n{"kind":"diag'), [end]);
});

test('the table has a column a kernel and a row for each comparison', () => {
  const off: GuestRecord = { kind: 'diagnostic', text: 'wait: off by -0.25 %' };
  const table = formatTable([verdict([load(1000), passed, off, end]), verdict([])]);
  assert.match(table, /^kernel +6\.1 +6\.1$/m);
  assert.match(table, /^result +ok +FAILED$/m);
  assert.match(table, /^error: wait +-0\.25 % +-$/m);
});

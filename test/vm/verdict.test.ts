import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestRecord } from './record.ts';
import { formatTable } from './table.ts';
import { failuresOf, judge, judgeAttempts, type VerifierCounts } from './verdict.ts';
import { parseRecords } from './vm.ts';

const kernel = { series: '6.1', version: '6.1.0-56' };
const passed: GuestRecord = {
  kind: 'test',
  suite: 'waits',
  name: 'counts',
  ms: 1,
  outcome: 'passed',
  text: '',
};
const load = (count: number): GuestRecord => ({ kind: 'load', loadMs: 5, verified: { on_switch: count } });
const end: GuestRecord = { kind: 'end' };
const recorded: VerifierCounts = { '6.1': { on_switch: 1000 } };

function verdict(records: readonly GuestRecord[], obstacle?: string) {
  return judge(kernel, { records, console: '', seconds: 1, obstacle }, recorded);
}

test('verdict: passing tests are no failure', () => {
  const of = verdict([load(1000), passed, end]);
  assert.deepEqual([failuresOf(of), of.notes], [[], []]);
});

test('verdict: a machine that ends early, is killed or runs no test has failed', () => {
  assert.deepEqual(failuresOf(verdict([load(1000), passed])), ['the tests did not end']);
  assert.deepEqual(failuresOf(verdict([load(1000), passed], 'killed after 300 s')), [
    'the machine was killed after 300 s',
  ]);
  assert.deepEqual(failuresOf(verdict([load(1000), end])), ['no test passed']);
  assert.deepEqual(failuresOf(verdict([passed, end])), ['the verifier counted nothing']);
});

test('verdict: a failed test is named with its reason', () => {
  const failed: GuestRecord = {
    kind: 'test',
    suite: 'waits',
    name: 'sums',
    ms: 1,
    outcome: 'failed',
    text: '1 instead of 2',
  };
  assert.deepEqual(failuresOf(verdict([load(1000), passed, failed, end])), ['sums: 1 instead of 2']);
});

test('verdict: suites with a failed test run once more, and a test has failed unless it passed once', async () => {
  const failing = (name: string): GuestRecord => ({
    ...passed,
    name,
    outcome: 'failed',
    text: '1 instead of 2',
  });
  const sums: GuestRecord = { ...passed, name: 'sums' };
  const other: GuestRecord = { ...passed, suite: 'layout', name: 'names' };
  const judged = async (...attempts: (readonly GuestRecord[])[]) => {
    const booted: (readonly string[] | undefined)[] = [];
    const of = await judgeAttempts(async (suites) => {
      booted.push(suites);
      return verdict([load(1000), ...(attempts[booted.length - 1] ?? assert.fail('booted too often')), end]);
    });
    return {
      booted,
      failures: failuresOf(of),
      notes: of.notes,
      passed: of.passed.length,
      seconds: of.seconds,
    };
  };
  const once = await judged([passed, sums, other]);
  assert.deepEqual(once, { booted: [undefined], failures: [], notes: [], passed: 3, seconds: 1 });
  const twice = await judged([failing('counts'), sums, other], [passed, failing('sums')]);
  assert.deepEqual(twice, {
    booted: [undefined, ['waits']],
    failures: [],
    notes: [
      'failed in the first of two attempts: counts: 1 instead of 2',
      'failed in the second of two attempts: sums: 1 instead of 2',
    ],
    passed: 3,
    seconds: 2,
  });
  assert.deepEqual((await judged([failing('counts'), other], [failing('counts'), sums])).failures, [
    'counts: 1 instead of 2',
  ]);
  assert.deepEqual((await judged([failing('counts'), sums], [sums])).failures, ['counts: 1 instead of 2']);
});

test('verdict: a skip is a failure from the kernel version its reason names', () => {
  const skip = (text: string, series = '6.1') => {
    const skipped: GuestRecord = {
      kind: 'test',
      suite: 'waits',
      name: 'quota',
      ms: 1,
      outcome: 'skipped',
      text,
    };
    const run = { records: [load(1000), passed, skipped, end], console: '', seconds: 1, obstacle: undefined };
    const verdict = judge({ series, version: '' }, run, recorded);
    return { failures: failuresOf(verdict), skipped: verdict.skipped };
  };
  const old = skip('no cpu.stat.local (6.6)');
  assert.deepEqual([old.failures, old.skipped], [[], ['quota: no cpu.stat.local (6.6)']]);
  assert.deepEqual(skip('no cpu.stat.local (6.6)', '6.1-rt').failures, []);
  assert.deepEqual(skip('no hash (5.10)', '6.12-rt').failures, ['quota was skipped: no hash (5.10)']);
  assert.deepEqual(skip('no hash (5.10)').failures, ['quota was skipped: no hash (5.10)']);
  assert.deepEqual(skip('not today').failures, ['quota was skipped: not today']);
});

test('verdict: verified instructions may grow by 10 %, up to the limit', () => {
  assert.deepEqual(failuresOf(verdict([load(1100), passed, end])), []);
  assert.match(failuresOf(verdict([load(1101), passed, end])).join(), /1101 .*1000 are recorded: record it/);
  assert.match(failuresOf(verdict([load(50_001), passed, end]))[0] ?? '', /over 50000/);
  assert.match(failuresOf(verdict([load(0), passed, end])).join(), /count of on_switch is not known/);
  assert.match(verdict([load(800), passed, end]).notes.join(), /only 800/);
});

test('verdict: a refusal is right where the kernel lacks what it names, and wrong elsewhere', () => {
  const refused = (series: string, text: string) =>
    failuresOf(
      judge(
        { series, version: '' },
        { records: [{ kind: 'refused', text }, end], console: '', seconds: 1, obstacle: undefined },
        {},
      ),
    ).length;
  assert.equal(refused('5.10-rt', 'a ring buffer may sleep on PREEMPT_RT'), 0);
  assert.ok(refused('5.10-rt', 'no BTF'));
  assert.ok(refused('6.1-rt', 'a ring buffer may sleep on PREEMPT_RT'));
  const run = { records: [load(1000), passed, end], console: '', seconds: 1, obstacle: undefined };
  assert.deepEqual(failuresOf(judge({ series: '5.10-rt', version: '' }, run, {})), [
    'the scheduler programs were not refused',
  ]);
});

test('verdict: without recorded counts only the limit applies', () => {
  const run = { records: [load(2000), passed, end], console: '', seconds: 1, obstacle: undefined };
  const of = judge(kernel, run, {});
  assert.deepEqual(failuresOf(of), []);
  assert.match(
    of.notes.join(),
    /no verifier counts are recorded: record it with `npm run test:vm -- 6.1 --record`/,
  );
});

test('verdict: on another architecture only the limit applies, and nothing is to be recorded', () => {
  const run = { records: [load(2000), passed, end], console: '', seconds: 1, obstacle: undefined };
  const of = judge(kernel, run, undefined);
  assert.deepEqual([failuresOf(of), of.notes], [[], []]);
});

test('records: one a line, a truncated last line is ignored', () => {
  assert.deepEqual(parseRecords('{"kind":"end"}\r\n{"kind":"diag'), [end]);
});

test('table: a column for each kernel, a row for each comparison', () => {
  const off: GuestRecord = { kind: 'diagnostic', text: 'wait: off by -0.25 %' };
  const table = formatTable([verdict([load(1000), passed, off, end]), verdict([])]);
  assert.match(table, /^kernel +6\.1 +6\.1$/m);
  assert.match(table, /^result +ok +FAILED$/m);
  assert.match(table, /^error: wait +-0\.25 % +-$/m);
});

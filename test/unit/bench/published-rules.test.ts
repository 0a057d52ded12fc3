import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishedRules } from '../../../bench/accuracy/published-rules.ts';
import { kernelTasks } from '../../lab/trace.ts';
import { type Written, writeTrace } from '../../lab/traces.ts';

const victim = 100n;
const hog = 200n;
const serials = new Map([
  [1, victim],
  [2, hog],
  [3, kernelTasks],
]);
const change = (at: number, prevPid: number, pid: number, rest: Partial<Written> = {}): Written => ({
  kind: 'switch',
  at,
  pid,
  prevPid,
  ...(pid ? { serial: serials.get(pid) ?? victim } : {}),
  ...(prevPid ? { prevSerial: serials.get(prevPid) ?? victim } : {}),
  ...rest,
});

/** The victim wakes while the hog runs; a kernel thread runs a little just before it; later it is preempted by the hog. */
const trace = writeTrace([
  change(0, 0, 2),
  { kind: 'wakeup', at: 60, pid: 1, serial: victim },
  change(100, 2, 3, { flags: ['prevRunnable'] }),
  change(105, 3, 1, { queued: 60 }),
  change(200, 1, 2, { flags: ['prevRunnable'], queued: 100, runDelay: 0 }),
  change(290, 2, 1, { flags: ['prevRunnable'], queued: 200, runDelay: 45 }),
  change(300, 1, 0),
]);
const blamed = (name: string) => {
  const rule = publishedRules(trace).find((of) => of.name === name);
  assert.ok(rule, `there is a rule ${name}`);
  const verdict = rule.verdicts.get(victim);
  return { blame: [...(verdict?.blame ?? [])], seen: verdict?.seen };
};

test('last-runner heuristic: the last runner gets all of a wait, and preempted waits are not seen', () => {
  assert.deepEqual(blamed('last to run'), { blame: [[kernelTasks, 45]], seen: 45 });
});

test('last-runner heuristic with preempted waits: all waits are seen', () => {
  assert.deepEqual(blamed('last to run, preempted waits too'), {
    blame: [
      [kernelTasks, 45],
      [hog, 90],
    ],
    seen: 135,
  });
});

test('preemptor count: preemptors are counted, without durations', () => {
  assert.deepEqual(blamed('preemptor count').blame, [[hog, 1]]);
});

test('end-of-slice overlap: slices from before the wait are charged', () => {
  assert.deepEqual(blamed('end-of-slice overlap').blame, [
    [hog, 100 + 90],
    [kernelTasks, 5],
  ]);
});

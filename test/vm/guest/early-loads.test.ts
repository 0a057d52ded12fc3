import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findCpuHierarchy, readMountinfo } from '../../../src/cgroup/hierarchy.ts';
import { scanCgroups } from '../../../src/cgroup/scan.ts';
import { removeCgroups, type TestCgroup } from '../../kernel/scheduler-fixture.ts';
import { type EarlyLoads, measureEarlyLoads, sleeperThreads } from './early-loads.ts';

const second = 1e9;
/** A run of a thread that is not interrupted, and what the kernel counts at a tick alone. */
const slice = 0.03 * second;
const quotaPeriod = 0.1 * second;

/** Between the least and the most that it can be, and 2 % more or less. */
function assertBetween(actual: number, [least, most]: readonly [number, number], what: string): void {
  assert.ok(
    actual >= least * 0.98 - slice && actual <= most * 1.02 + slice,
    `${what}: ${actual}, not between ${least} and ${most}`,
  );
}

describe('loads that begin before the programs attach', () => {
  let loads: EarlyLoads;
  before(async () => {
    loads = await measureEarlyLoads();
  });
  after(removeCgroups);

  /** Of the kernel: at the least, and at the most. */
  function since(value: (moment: EarlyLoads['begin'][0]) => number): readonly [number, number] {
    const { begin, end } = loads;
    return [value(end[0]) - value(begin[1]), value(end[1]) - value(begin[0])];
  }
  const ranSince = (cgroup: TestCgroup) => since(({ ran }) => ran.get(cgroup) ?? Number.NaN);
  const passed = () => since(({ at }) => at);
  const all = () => {
    const { victim, hog, starving, sleepers, neighbor, superior, fair, realTime } = loads;
    return [victim, hog, starving, sleepers, neighbor, superior, fair, realTime];
  };

  test('run time is what cpu.stat has since then', () => {
    for (const cgroup of all()) {
      const { run } = loads.total.of(cgroup);
      assertBetween(run, ranSince(cgroup), `${cgroup.path} ran`);
    }
  });

  test('a thread that always wants to run waits whenever it does not run', () => {
    const { total, victim, hog, neighbor, starving } = loads;
    for (const [cgroup, threads] of [
      [victim, 1],
      [hog, 2],
      [neighbor, 1],
      [starving, 1],
    ] as const) {
      const { wait, run } = total.of(cgroup);
      const [least, most] = passed();
      assertBetween(wait + run, [threads * least, threads * most], `${cgroup.path} waited and ran`);
    }
  });

  test('a wait that began before is counted from then on, and whole where it ends', () => {
    const { total, starving } = loads;
    const { wait, completed, classes } = total.of(starving);
    assert.ok(wait <= passed()[1], `waited ${wait} of ${passed()[1]}`);
    assert.ok(completed > wait, `of waits that ended, ${completed}, ${wait} is since then`);
    assert.ok(classes.other > 0.9 * wait, JSON.stringify(classes));
  });

  test('throttled time is what cpu.stat has since then', () => {
    const { total, fair, limited } = loads;
    const [least, most] = since(({ throttled }) => throttled);
    assert.ok(least > second, `throttled only ${least} ns`);
    const { throttled } = total.of(fair).classes;
    // the kernel adds a time of throttling at its end
    assertBetween(throttled, [least - quotaPeriod, most + quotaPeriod], 'throttled');
    assertBetween(total.pair(fair, limited).throttled, [throttled, throttled], 'by the quota above');
  });

  test('a real-time thread in a cgroup whose quota has run out is not throttled', () => {
    const { total, realTime, superior } = loads;
    const { wait, classes } = total.of(realTime);
    assert.equal(classes.throttled, 0);
    assert.equal(total.blamed(realTime, 'throttled'), 0);
    const behind = total.pair(realTime, superior).other;
    assert.ok(behind > 0 && behind <= wait, `${behind} of ${wait} behind the thread of a higher priority`);
  });

  test('a thread that slept until then is counted from its first wait on', () => {
    const { total, sleepers, woken, end } = loads;
    const { wait, run } = total.of(sleepers);
    const awake = [end[0].at - woken, end[1].at - woken].map((ns) => ns * sleeperThreads);
    assertBetween(wait + run, awake as [number, number], 'waited and ran');
  });

  test('each culprit has the name of its cgroup and what it ran', () => {
    const { total, victim, hog, starving, sleepers } = loads;
    const scan = scanCgroups(findCpuHierarchy(readMountinfo()));
    assert.ok(scan);
    const names = new Set([...scan.cgroups.keys()].map(String));
    for (const key of total.pairs.keys())
      assert.ok(
        key.split(' ').every((id) => id === 'kernel' || names.has(id)),
        `${key} have no names`,
      );
    for (const cgroup of all()) {
      const { other } = total.of(cgroup).classes;
      const named = total.blamed(cgroup, 'other');
      assert.ok(
        Math.abs(named - other) <= 0.01 * other + 1e6,
        `${cgroup.path}: ${named} of ${other} is named`,
      );
    }
    for (const culprit of [hog, starving, sleepers])
      assertBetween(total.pair(victim, culprit).other, ranSince(culprit), `behind ${culprit.path}`);
  });

  test('less than 0.5 % of all waits is unknown', () => {
    const { total } = loads;
    const sum = (of: (cgroup: TestCgroup) => number) => all().reduce((all, cgroup) => all + of(cgroup), 0);
    const unknown = sum((cgroup) => total.of(cgroup).classes.unknown);
    const wait = sum((cgroup) => total.of(cgroup).wait);
    assert.ok(unknown < 0.005 * wait, `${unknown} of ${wait}: ${JSON.stringify(total.drops)}`);
  });
});

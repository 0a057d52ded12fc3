import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Account,
  account,
  longestLoad,
  makeCgroup,
  openScheduler,
  removeCgroups,
  spin,
  type TestCgroup,
} from '../../kernel/scheduler-fixture.ts';
import { type Early, start } from './early-loads.ts';

const crowdSize = 24;
const measuredMs = 6000;
/** A run of a thread that is not interrupted, and what the kernel counts at a tick alone. */
const slice = 0.03e9;

/** The least and the most that it can be: readings begin and end between two looks. */
type Bounds = readonly [number, number];

interface Measured {
  readonly total: Account;
  readonly elapsed: Bounds;
  /** CPU time of each meanwhile. */
  readonly ran: (cgroup: TestCgroup) => Bounds;
}

async function measure(
  loads: readonly Early[],
  options: Parameters<typeof openScheduler>[0],
): Promise<Measured> {
  const source = openScheduler(options);
  const look = () => ({
    at: Number(process.hrtime.bigint()),
    ran: new Map(loads.map(({ cgroup }) => [cgroup, cgroup.ran()])),
  });
  try {
    const looks = [look()];
    const total = await account(source, async () => {
      looks.push(look());
      await sleep(measuredMs);
      looks.push(look());
    });
    looks.push(look());
    const between = (value: (of: ReturnType<typeof look>) => number): Bounds => {
      const [first = 0, second = 0, third = 0, last = 0] = looks.map(value);
      return [third - second, last - first];
    };
    return {
      ...{ total, elapsed: between(({ at }) => at) },
      ran: (cgroup) => between(({ ran }) => ran.get(cgroup) ?? Number.NaN),
    };
  } finally {
    source.close();
  }
}

describe('maps that are smaller than the node, and loads that begin before', () => {
  let loads: readonly Early[] = [];
  before(async () => {
    const crowd = Array.from({ length: crowdSize }, (_, i) => makeCgroup(`full-${i}`));
    loads = await Promise.all(crowd.map((cgroup) => start(cgroup, spin(longestLoad, 1), 0)));
  });
  after(async () => {
    for (const { load } of loads) load.signal('SIGTERM');
    await Promise.all(loads.map(({ load }) => load.ended));
    await removeCgroups();
  });

  test('beyond max_workloads sums are exact for each class, and all culprits have names', async (context) => {
    const { total, elapsed, ran } = await measure(loads, { maxWorkloads: 16 });
    const { drops } = total;
    const own = loads.filter(({ cgroup }) => total.cgroups.has(cgroup.id)).map(({ cgroup }) => cgroup);
    const shared = loads.filter(({ cgroup }) => !total.cgroups.has(cgroup.id)).map(({ cgroup }) => cgroup);
    const overflow = total.cgroups.get('overflow');
    context.diagnostic(`${own.length} have cells, ${shared.length} share one: ${JSON.stringify(drops)}`);
    // How many of each there are depends on which css ids were free.
    assert.ok(own.length > 1 && shared.length > 1 && overflow);
    assert.ok((drops.no_slot ?? 0) > 0, 'that they share one is counted');
    const sharedRan = shared.map(ran).reduce(([least, most], of) => [least + of[0], most + of[1]]);
    assertBetween(overflow.run, sharedRan, 'run of those that share a cell');
    const lived: Bounds = [shared.length * elapsed[0], shared.length * elapsed[1]];
    assertBetween(overflow.wait + overflow.run, lived, 'run and wait of those that share a cell');
    assert.ok(overflow.classes.unknown < 0.005 * overflow.wait, JSON.stringify(overflow.classes));
    for (const victim of own) {
      const { other } = total.of(victim).classes;
      assertNear(total.blamed(victim, 'other'), other, 0.01 * other, `named culprits of ${victim.path}`);
      for (const { cgroup: culprit } of loads)
        if (culprit !== victim)
          assertBetween(total.pair(victim, culprit).other, ran(culprit), `behind ${culprit.path}`);
    }
    let named = 0;
    for (const [key, { other }] of total.pairs) if (key.startsWith('overflow ')) named += other;
    assertNear(named, overflow.classes.other, 0.01 * overflow.classes.other, 'named culprits of the rest');
  });

  test('beyond max_pairs some time has no name, and no culprit has more than it ran', async (context) => {
    const { total, ran } = await measure(loads, { maxPairs: 64 }); // of 552
    context.diagnostic(JSON.stringify(total.drops));
    let named = 0;
    let other = 0;
    for (const { cgroup: victim } of loads) {
      named += total.blamed(victim, 'other');
      other += total.of(victim).classes.other;
      for (const { cgroup: culprit } of loads) {
        const blamed = total.pair(victim, culprit).other;
        const most = ran(culprit)[1] * 1.02 + slice;
        assert.ok(blamed <= most, `${culprit.path} ran ${most} at most, and is to blame for ${blamed}`);
      }
    }
    context.diagnostic(`${((named / other) * 100).toFixed(1)} % is named`);
    assert.ok(named > 0 && named < 0.9 * other, `${named} of ${other} has names`);
    assert.ok(
      (total.drops.pair_full ?? 0) + (total.drops.pair_evicted ?? 0) > 0,
      'that some have none is counted',
    );
  });
});

/** 2 % more or less: slices are prorated, and the kernel counts up to the last tick. */
function assertBetween(actual: number, [least, most]: Bounds, what: string): void {
  assert.ok(
    actual >= least * 0.98 - slice && actual <= most * 1.02 + slice,
    `${what}: ${actual}, not between ${least} and ${most}`,
  );
}

function assertNear(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} instead of ${expected}`);
}

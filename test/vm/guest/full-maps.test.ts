import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BpfHost, BpfObject } from '../../../src/bpf/bpf.ts';
import { readBigint, wordsOf } from '../../../src/bpf/u64.ts';
import { readAbi } from '../../../src/receivers/scheduler/abi.ts';
import {
  type Account,
  account,
  bpf,
  endLoad,
  longestLoad,
  makeCgroup,
  openScheduler,
  removeCgroups,
  spin,
  type TestCgroup,
} from '../../kernel/scheduler-fixture.ts';
import { type Early, start } from './early-loads.ts';

const crowdSize = 24;
/** More than css ids are in use in the machine. */
const roomyWorkloads = 1024;
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

/** The css ids of cgroups whose loads run, from the cells of programs that have room for all. */
async function slotsOf(loads: readonly Early[]): Promise<readonly number[]> {
  let opened: BpfObject | undefined;
  const host: BpfHost = {
    ...bpf,
    open(spec) {
      opened = bpf.open(spec);
      return opened;
    },
  };
  const source = openScheduler({ host, maxWorkloads: roomyWorkloads });
  try {
    if (!opened) throw new Error('nothing was opened');
    const { cell } = readAbi(opened);
    const cells = opened.map('cells');
    const bytes = new Uint8Array(cells.maxEntries * cell.size);
    const slots = new Map<bigint, number>();
    while (!loads.every(({ cgroup }) => slots.has(cgroup.id))) {
      await sleep(100);
      cells.copy(bytes);
      for (let i = 0; i < cells.maxEntries; i++)
        slots.set(readBigint(wordsOf(bytes), i * cell.size + cell.cgroup), i % roomyWorkloads);
    }
    return loads.map(({ cgroup }) => slots.get(cgroup.id) ?? Number.NaN);
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
    await Promise.all(loads.map(({ load }) => endLoad(load)));
    await removeCgroups();
  });

  test('beyond max_workloads sums are exact for each class, and all culprits have names', async (context) => {
    const slots = await slotsOf(loads);
    const half = crowdSize / 2;
    const overflow = slots.toSorted((a, b) => a - b)[half] ?? Number.NaN; // the last slot is shared
    const { total, elapsed, ran } = await measure(loads, { maxWorkloads: overflow + 1 });
    const { drops } = total;
    const own = loads.filter(({ cgroup }) => total.cgroups.has(cgroup.id)).map(({ cgroup }) => cgroup);
    const shared = loads.filter(({ cgroup }) => !total.cgroups.has(cgroup.id)).map(({ cgroup }) => cgroup);
    const rest = total.cgroups.get('overflow');
    context.diagnostic(`${own.length} have cells, ${shared.length} share one: ${JSON.stringify(drops)}`);
    assert.deepEqual([own.length, shared.length], [half, half]);
    assert.ok(rest);
    assert.ok((drops.no_slot ?? 0) > 0, 'that they share one is counted');
    const sharedRan = shared.map(ran).reduce(([least, most], of) => [least + of[0], most + of[1]]);
    assertBetween(rest.run, sharedRan, 'run of those that share a cell');
    const lived: Bounds = [shared.length * elapsed[0], shared.length * elapsed[1]];
    assertBetween(rest.wait + rest.run, lived, 'run and wait of those that share a cell');
    assert.ok(rest.classes.unknown < 0.005 * rest.wait, JSON.stringify(rest.classes));
    for (const victim of own) {
      const { other } = total.of(victim).classes;
      assertNear(total.blamed(victim, 'other'), other, 0.01 * other, `named culprits of ${victim.path}`);
      for (const { cgroup: culprit } of loads)
        if (culprit !== victim)
          assertBetween(total.pair(victim, culprit).other, ran(culprit), `behind ${culprit.path}`);
    }
    let named = 0;
    for (const [key, { other }] of total.pairs) if (key.startsWith('overflow ')) named += other;
    assertNear(named, rest.classes.other, 0.01 * rest.classes.other, 'named culprits of the rest');
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

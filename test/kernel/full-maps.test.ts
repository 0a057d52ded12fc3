import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WaitClass, waitClasses } from '../../src/receivers/scheduler/source.ts';
import { attach } from './attach.ts';
import { endLoad, longestLoad, makeCgroup, spin, startIn, type TestCgroup } from './scheduler-fixture.ts';

/** Nodes that are larger than the maps, with loads that began before the agent. */

const second = 1e9;

/** Threads that spin on one CPU until all of them are ended, or the test is, however late they begin. */
function spinIn(context: TestContext, ...cgroups: readonly TestCgroup[]): () => Promise<unknown> {
  const loads = cgroups.map((cgroup) => startIn(cgroup, spin(longestLoad, 1), 0));
  const end = () => Promise.all(loads.map(endLoad));
  context.after(end);
  return end;
}

test('a culprit whose css id is beyond max_workloads is named, and victims beyond it share one exact total', async (context) => {
  const victim = makeCgroup('victim');
  const others = Array.from({ length: 20 }, (_, i) => makeCgroup(`fills-${i}`));
  const neighbor = makeCgroup('neighbor');
  assert.equal(others.length, 20);
  const end = spinIn(context, victim, neighbor);
  while (Math.min(victim.ran(), neighbor.ran()) < second / 5) await sleep(20);
  const source = attach({ maxWorkloads: 16 });
  const before = neighbor.ran();
  while (neighbor.ran() < before + second) await sleep(100);
  source.drain();
  const { cgroups, pairs, drops } = source.read();
  await end();
  const named = pairs
    .filter(({ culprit }) => culprit === neighbor.id)
    .reduce((sum, { other }) => sum + other, 0);
  assert.ok(named > 0.9 * second, `the neighbor was named for ${named} ns`);
  const shared = cgroups.find(({ cgroup }) => cgroup === 'overflow');
  assert.ok(shared && shared.wait > 0, 'the neighbor waited too');
  const sum = waitClasses.reduce((all, name: WaitClass) => all + shared.classes[name], 0);
  assert.equal(sum, shared.wait);
  assert.ok((drops.no_slot ?? 0) > 0, 'waits beyond max_workloads are counted');
});

test('a new neighbor is named although pairs of others fill the map', async (context) => {
  const size = { crowd: 24, maxPairs: 256 }; // of 552
  const crowd = Array.from({ length: size.crowd }, (_, i) => makeCgroup(`crowd-${i}`, { weak: true }));
  const ids = new Set<unknown>(crowd.map(({ id }) => id));
  const late = makeCgroup('late');
  const source = attach({ maxPairs: size.maxPairs });
  const endCrowd = spinIn(context, ...crowd);
  const read = async () => {
    await sleep(500);
    source.drain();
    const ran = late.ran();
    const { cgroups, pairs, drops } = source.read();
    const ofCrowd = pairs.filter(({ victim }) => ids.has(victim));
    return {
      ...{ ran, drops, waited: sumOf(cgroups.map(({ classes }) => classes.other)) },
      other: sumOf(cgroups.filter(({ cgroup }) => ids.has(cgroup)).map(({ classes }) => classes.other)),
      paired: sumOf(ofCrowd.map(({ other }) => other)),
      named: sumOf(ofCrowd.filter(({ culprit }) => culprit === late.id).map(({ other }) => other)),
    };
  };
  let last = await read();
  while (crowd.some((cgroup) => cgroup.ran() === 0) || !last.drops.pair_full) last = await read();
  const endLate = spinIn(context, late);
  // At most all that was waited is without a pair, and divided by a quarter of the map for each entry: with a chance of
  // exp(-time / that) a pair is without a name after it. Until that is a thousandth:
  for (let exponent = 0; exponent < Math.log(1000); ) {
    const next = await read();
    exponent += (next.ran - last.ran) / (last.waited / (size.maxPairs / 4));
    last = next;
  }
  let [behind, named, refused] = [0, 0, 0];
  // A short reading may have room for all pairs.
  while (behind < 10 * second || refused === 0) {
    const next = await read();
    behind += size.crowd * (next.ran - last.ran);
    named += next.named;
    last = next;
    assert.ok(next.paired <= next.other, 'no other pair has the time of those without a name');
    refused += next.drops.pair_full ?? 0;
  }
  await Promise.all([endCrowd(), endLate()]);
  assert.ok(named > 0.95 * behind, `the new one was named for ${named} of ${behind} ns`);
});

const sumOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

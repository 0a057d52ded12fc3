import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CgroupRegistry, openRegistry } from '../../../src/cgroup/registry.ts';
import {
  type CgroupId,
  cgroupId,
  type MonotonicNanoseconds,
  type Nanoseconds,
  seconds,
  type UnixNanoseconds,
} from '../../../src/telemetry/units.ts';
import { usualOr } from '../../lab/thorough.ts';
import { type Act, FakeHierarchy, tick } from './registry-history-model.ts';

/** Random histories of a hierarchy, with late, partial or no events; the registry is asked for any time in them. */

const boot = 1_800_000_000_000_000_000n;

function watch(hierarchy: FakeHierarchy, { maxCgroups = 10_000, keepRemoved = seconds(3600) } = {}) {
  const known = { living: 0, removed: 0 };
  const lost = new Map<string, number>();
  const registry = openRegistry({
    ...{ maxCgroups, keepRemoved },
    scan: () => hierarchy.scan(),
    monotonic: () => hierarchy.now as MonotonicNanoseconds,
    now: () => (boot + hierarchy.now) as UnixNanoseconds,
    known: (state, by) => {
      known[state] += by;
    },
    lose: (reason) => lost.set(reason, (lost.get(reason) ?? 0) + 1),
  });
  const drain = () => {
    for (const change of hierarchy.take()) registry.apply(change);
  };
  return { registry, drain, known, lost };
}

const pathAt = (registry: CgroupRegistry, id: CgroupId, at: bigint) =>
  registry.path(id, (boot + at) as UnixNanoseconds);

function hasSameLiving(registry: CgroupRegistry, hierarchy: FakeHierarchy): void {
  const living = new Map([...registry.living()].map(({ id, path }) => [id, path]));
  assert.deepEqual([...living].sort(byId), [...hierarchy.living()].sort(byId));
}
const byId = ([a]: readonly [bigint, string], [b]: readonly [bigint, string]) => (a < b ? -1 : 1);

const index = fc.nat({ max: 40 });
const name = fc.nat({ max: 4 });
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('make'), parent: index, name, reuse: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('remove'), which: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('enter'), which: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rename'), which: index, name }) },
);
/** Acts during a scan. */
const meanwhile = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('drain') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass'), ticks: fc.nat({ max: 100 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ask'), which: index, ago: fc.nat({ max: 200 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('look up an unknown id') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('doubt') }) },
);
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: act }, { weight: 2, arbitrary: meanwhile }), {
  maxLength: 120,
  size: 'max',
});

test('with all events, however late, each id has its path at any time', () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const hierarchy = new FakeHierarchy();
      const { registry, drain, lost } = watch(hierarchy);
      registry.follow(drain);
      const isRightAt = (id: CgroupId, at: bigint) => {
        assert.equal(pathAt(registry, id, at), hierarchy.nameAt(id, at), `${id} at ${at / tick}`);
      };
      for (const step of steps)
        switch (step.kind) {
          case 'drain':
            drain();
            break;
          case 'pass':
            hierarchy.now += BigInt(step.ticks) * tick;
            break;
          case 'ask': {
            drain();
            const { ids } = hierarchy;
            const at = hierarchy.now - BigInt(step.ago) * tick + tick / 2n;
            isRightAt(ids[step.which % ids.length] ?? cgroupId(1n), at);
            break;
          }
          case 'look up an unknown id':
            assert.equal(registry.path(cgroupId(1n << 40n)), undefined);
            break;
          case 'doubt':
            registry.markStale();
            break;
          default:
            hierarchy.act(step);
        }
      drain();
      hasSameLiving(registry, hierarchy);
      for (const id of hierarchy.ids)
        for (let at = 999n * tick; at <= hierarchy.now; at += tick) isRightAt(id, at + tick / 2n);
      assert.deepEqual(lost, new Map());
    }),
    { numRuns: usualOr(50, 150) },
  );
});

test("with lost events a scan restores the present; on version 2 no id ever has another cgroup's path", () => {
  fc.assert(
    fc.property(steps, fc.boolean(), fc.infiniteStream(fc.nat({ max: 9 })), (all, isVersion2, dice) => {
      const steps = all.filter(({ kind }) => !(isVersion2 && kind === 'rename'));
      const hierarchy = new FakeHierarchy();
      const { registry, lost } = watch(hierarchy);
      const drain = () => {
        for (const change of hierarchy.take())
          if (dice.next().value !== 0) registry.apply(change);
          else registry.markStale();
      };
      registry.follow(drain);
      for (const step of steps) {
        if (step.kind === 'drain') drain();
        else if (step.kind === 'pass') hierarchy.now += BigInt(step.ticks) * tick;
        else if (!step.kind.startsWith('ask') && step.kind !== 'doubt')
          hierarchy.act({ ...(step as Act), reuse: false } as Act); // otherwise it cannot be known
      }
      drain();
      registry.markStale();
      hierarchy.now += BigInt(seconds(1));
      hasSameLiving(registry, hierarchy);
      for (const id of hierarchy.ids)
        for (let at = 999n * tick; at <= hierarchy.now; at += tick) {
          const path = pathAt(registry, id, at + tick / 2n);
          if (!isVersion2 || !hierarchy.existedAt(id, at)) continue;
          assert.ok(path === undefined || hierarchy.everNamed(id).includes(path), `${id} is not ${path}`);
        }
      assert.deepEqual(lost, new Map());
    }),
    { numRuns: usualOr(50, 150) },
  );
});

test('without events, existing cgroups are known within a second', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(act, { maxLength: 30, size: 'max' }), { maxLength: 5, size: 'max' }),
      (rounds) => {
        const hierarchy = new FakeHierarchy();
        const { registry } = watch(hierarchy);
        for (const acts of rounds) {
          for (const act of acts) hierarchy.act(act);
          hierarchy.now += BigInt(seconds(1));
          hasSameLiving(registry, hierarchy);
          for (const [id, path] of hierarchy.living()) assert.equal(registry.path(id), path);
        }
      },
    ),
    { numRuns: usualOr(50, 100) },
  );
});

test('entries stay within the limit, removed ones within their time, and evictions are counted', () => {
  const keepRemoved = Number(10n * tick) as Nanoseconds;
  fc.assert(
    fc.property(steps, fc.integer({ min: 3, max: 20 }), (steps, maxCgroups) => {
      const hierarchy = new FakeHierarchy();
      const { registry, drain, known, lost } = watch(hierarchy, { maxCgroups, keepRemoved });
      const everLiving = new Map<CgroupId, string>();
      for (const step of steps) {
        if (step.kind === 'pass') hierarchy.now += BigInt(step.ticks) * tick;
        else if (!step.kind.startsWith('ask') && step.kind !== 'doubt' && step.kind !== 'drain')
          hierarchy.act(step as Act);
        drain();
        registry.path(cgroupId(1n));
        assert.ok(known.living >= 0 && known.removed >= 0);
        assert.ok(known.living + known.removed <= maxCgroups, JSON.stringify(known));
        for (const [id, path] of hierarchy.living()) everLiving.set(id, path);
      }
      const living = new Set([...registry.living()].map(({ id }) => id));
      assert.equal(living.size, known.living);
      if (!lost.has('limit_living')) for (const id of hierarchy.living().keys()) assert.ok(living.has(id));
      hierarchy.now += BigInt(keepRemoved);
      registry.path(cgroupId(1n));
      assert.equal(known.removed, 0);
    }),
    { numRuns: usualOr(50, 150) },
  );
});

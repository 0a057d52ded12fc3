import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { samplingQuantum } from '../../src/receivers/scheduler/source.ts';
import { usualOr } from '../lab/thorough.ts';
import {
  assertBooked,
  assertConsistent,
  assertHistograms,
  assertMet,
  assertPairs,
  assertProgress,
  assertRecovered,
  assertRunTimes,
  assertSwitchesLost,
  assertTurns,
  assertUnpaired,
  assertWaits,
  assertWeights,
  longWait,
} from './agreement.ts';
import type { Kernel } from './expected.ts';
import { type Limits, type Played, play, stop } from './play.ts';
import { commandsOf, setupOf, turnsOf, type Weights } from './schedules.ts';

after(stop);

const kernels: readonly Kernel[] = ['tasks', 'queues', 'pelt'];
/** In commands, for each test. */
const effort = usualOr(1_000, 10_000);

for (const kernel of kernels) {
  const check = (
    schedule: Omit<Parameters<typeof commandsOf>[0], 'weights'>,
    weights: Weights,
    claim: (played: Played) => void,
    { isInterrupted = false, isInSteps = false, ...limits }: Limits = {},
  ) =>
    fc.assert(
      fc.asyncProperty(setupOf(kernel), commandsOf({ ...schedule, weights }), async (setup, commands) =>
        claim(await play({ ...setup, ...{ isInterrupted, isInSteps } }, commands, limits)),
      ),
      { numRuns: Math.ceil((limits.effort ?? effort) / schedule.length) },
    );
  const calm = { wake: 5, switch: 10, throttle: 0, unthrottle: 0 };
  const throttled = { wake: 5, switch: 10, throttle: 3, unthrottle: 3 };
  const restless = { wake: 5, switch: 10, move: 8, replace: 8, throttle: 0, unthrottle: 0 };
  const crowded = { wake: 8, switch: 40, throttle: 0, unthrottle: 0 };

  test(`${kernel}: classes of each wait follow the CPU's history, and sum to the wait`, () =>
    check({ length: 150, power: 7 }, calm, assertWaits));
  test(`${kernel}: stolen time is no cgroup's run time`, () =>
    check({ length: 150, power: 7, stolen: kernel === 'pelt' ? 0 : 255 }, calm, assertWaits));
  test(`${kernel}: a reused css id carries nothing over to the next cgroup`, () =>
    check({ length: 150, power: 7 }, restless, assertWaits));
  test(`${kernel}: throttled time belongs to the quota, independent of the CPU's history`, () =>
    check({ length: 150, power: 7 }, throttled, assertWaits));
  test(`${kernel}: waits of seconds are exact within an epoch`, () =>
    check({ length: 1500, power: 7 }, crowded, assertWaits, { effort: usualOr(8_000, 120_000) }));
  test(`${kernel}: with many rotating cgroups culprits stay named, and no time is unknown`, async () => {
    const take = async (
      turns: Omit<Parameters<typeof turnsOf>[0], 'kernel' | 'length'>,
      claim: (played: Played) => void,
    ) =>
      fc.assert(
        fc.asyncProperty(turnsOf({ ...turns, kernel, length: 1000 }), async ([setup, commands]) =>
          claim(await play(setup, commands, { isFinished: true, slots: 64, limits: { events: 1 << 20 } })),
        ),
        { numRuns: usualOr(1, 2) },
      );
    // Few enough for a coarse epoch, and slow enough for a fine one.
    await take({ cgroups: { min: 30, max: 44 }, slice: { min: 90_000, max: 400_000 } }, (played) => {
      assertTurns(played);
      assert.equal(played.totals.drops.unnamed_shared ?? 0, 0);
    });
    let unnamedShared = 0;
    await take({ cgroups: { min: 30, max: 60 }, slice: { min: 5_000, max: 60_000 } }, (played) => {
      assertTurns(played);
      unnamedShared += played.truth.unnamedShared;
    });
    assert.ok(unnamedShared > 0, 'some are too many and too quick');
  });
  test(`${kernel}: each nanosecond of another cgroup or a quota is charged to one pair`, () =>
    check({ length: 150, power: 7 }, throttled, assertPairs));
  const watched = { ...throttled, iterate: 4 };
  const missed = { ...calm, miss: 4, move: 0 };
  const recovering = { isFinished: true, constants: { recovers_switches: 1 } };
  test(`${kernel}: waits in progress are counted as they pass, and not again at their end`, () =>
    check({ length: 150, power: 7 }, { ...calm, iterate: 4 }, assertProgress, { isFinished: true }));
  test(`${kernel}: throttled waits in progress are counted as they pass`, () =>
    check({ length: 150, power: 7 }, watched, assertProgress, { isFinished: true }));
  test(`${kernel}: waits in progress are charged to pairs as they pass`, () =>
    check({ length: 150, power: 7 }, watched, assertPairs, { isFinished: true }));
  test(`${kernel}: waits in progress are exact after each step of the iterator, whatever happens between two`, () =>
    check({ length: 300, power: 7 }, { ...calm, iterate: 12 }, assertProgress, {
      isFinished: true,
      isInSteps: true,
    }));
  test(`${kernel}: throttled waits in progress are exact after each step of the iterator`, () =>
    check({ length: 300, power: 7 }, { ...throttled, iterate: 12 }, assertProgress, {
      isFinished: true,
      isInSteps: true,
    }));
  test(`${kernel}: a wait that ends during the iterator's visit is counted once`, () =>
    check({ length: 150, power: 7 }, { ...calm, move: 0, iterate: 8 }, assertMet, {
      isFinished: true,
      isInterrupted: true,
    }));
  test(`${kernel}: a missed switch is recovered`, () =>
    check({ length: 150, power: 7 }, missed, assertRecovered, recovering));
  test(`${kernel}: a wait in progress that ends with a missed switch is recovered`, () =>
    check({ length: 150, power: 7 }, { ...missed, iterate: 3 }, assertRecovered, recovering));
  test(`${kernel}: a missed switch is counted as a loss if it is not recovered`, () =>
    check({ length: 150, power: 7 }, missed, assertSwitchesLost, { isFinished: true }));
  test(`${kernel}: slices below the quantum are charged by sampling, and none is lost`, () =>
    check({ length: 300, power: 3 }, throttled, assertBooked, { constants: { quantum: samplingQuantum } }));
  test(`${kernel}: a wait is counted in one bucket, also across CPUs`, () =>
    check({ length: 150, power: 10 }, throttled, assertHistograms));
  test(`${kernel}: run time is the sum of a cgroup's slices`, () =>
    check({ length: 150, power: 7, stolen: 255 }, throttled, assertRunTimes));
  test(`${kernel}: weights of events cover all long waits, suppressed ones included`, () =>
    check({ length: 300, power: 6 }, calm, assertWeights, {
      constants: { min_wait: longWait, event_interval: 20_000_000, event_burst: 40_000_000 },
      limits: { events: 4096 },
    }));
  test(`${kernel}: time without a pair is counted`, () =>
    check({ length: 150, power: 7 }, calm, assertUnpaired, { limits: { pairs: 1 } }));
  test(`${kernel}: what exceeds a map is counted as a loss, and the rest stays exact`, () =>
    check({ length: 300, power: 6 }, watched, assertConsistent, {
      isFinished: true,
      constants: { task_sets: 2 },
      limits: { tasks: 2, open_waits: 1, pairs: 5, throttles: 2, events: 1024 },
    }));
}

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { usualOr } from '../lab/thorough.ts';
import {
  assertBooked,
  assertConsistent,
  assertHistograms,
  assertMadeUp,
  assertMet,
  assertPairs,
  assertProgress,
  assertRunTimes,
  assertTurns,
  assertWaits,
  assertWeights,
  longWait,
  quantum,
} from './agreement.ts';
import type { Kernel } from './expected.ts';
import { type Limits, type Played, play, stop } from './play.ts';
import { commandsOf, setupOf, turnsOf, type Weights } from './schedules.ts';

after(stop);

const kernels: readonly Kernel[] = ['tasks', 'queues', 'pelt'];
/** In commands, for each test. */
const effort = usualOr(2_000, 10_000);

for (const kernel of kernels) {
  const check = (
    schedule: Omit<Parameters<typeof commandsOf>[0], 'weights'>,
    weights: Weights,
    claim: (played: Played) => void,
    limits: Limits = {},
  ) =>
    fc.assert(
      fc.asyncProperty(setupOf(kernel), commandsOf({ ...schedule, weights }), async (setup, commands) =>
        claim(await play({ ...setup, isMet: limits.isMet ?? false }, commands, limits)),
      ),
      { numRuns: Math.ceil((limits.effort ?? effort) / schedule.length) },
    );
  const calm = { wake: 5, switch: 10, throttle: 0, unthrottle: 0 };
  const throttled = { wake: 5, switch: 10, throttle: 3, unthrottle: 3 };
  const restless = { wake: 5, switch: 10, move: 8, replace: 8, throttle: 0, unthrottle: 0 };
  const crowded = { wake: 8, switch: 40, throttle: 0, unthrottle: 0 };

  test(`${kernel}: the classes of every wait are who had the CPU meanwhile, and sum to the wait`, () =>
    check({ length: 150, power: 7 }, calm, assertWaits));
  test(`${kernel}: stolen time is nobody's run time`, () =>
    check({ length: 150, power: 7, stolen: kernel === 'pelt' ? 0 : 255 }, calm, assertWaits));
  test(`${kernel}: a css id that goes to another cgroup takes nothing with it`, () =>
    check({ length: 150, power: 7 }, restless, assertWaits));
  test(`${kernel}: throttled time is the quota's, whoever had the CPU`, () =>
    check({ length: 150, power: 7 }, throttled, assertWaits));
  test(`${kernel}: waits that reach back for seconds are known within an epoch`, () =>
    check({ length: 1500, power: 7 }, crowded, assertWaits, { effort: usualOr(15_000, 120_000) }));
  test(`${kernel}: many cgroups that take turns keep their names, and no time is unknown`, async () => {
    const take = async (
      turns: Omit<Parameters<typeof turnsOf>[0], 'kernel' | 'length'>,
      claim: (played: Played) => void,
    ) =>
      fc.assert(
        fc.asyncProperty(turnsOf({ ...turns, kernel, length: 1000 }), async ([setup, commands]) =>
          claim(await play(setup, commands, { isFinished: true, slots: 64, limits: { events: 1 << 20 } })),
        ),
        { numRuns: 2 },
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
  test(`${kernel}: every ns of another cgroup or of a quota is booked on a pair, once`, () =>
    check({ length: 150, power: 7 }, throttled, assertPairs));
  const watched = { ...throttled, iterate: 4 };
  const untold = { ...calm, untold: 4, move: 0 };
  test(`${kernel}: waits in progress count as they pass, and no more once they have ended`, () =>
    check({ length: 150, power: 7 }, { ...calm, iterate: 4 }, assertProgress, { isFinished: true }));
  test(`${kernel}: throttled waits in progress count as they pass`, () =>
    check({ length: 150, power: 7 }, watched, assertProgress, { isFinished: true }));
  test(`${kernel}: waits in progress are booked on pairs as they pass`, () =>
    check({ length: 150, power: 7 }, watched, assertPairs, { isFinished: true }));
  test(`${kernel}: a wait that ends while it is looked at is counted once`, () =>
    check({ length: 150, power: 7 }, { ...calm, move: 0, iterate: 8 }, assertMet, {
      isFinished: true,
      isMet: true,
    }));
  test(`${kernel}: a switch nobody is told of is made up for`, () =>
    check({ length: 150, power: 7 }, untold, assertMadeUp, { isFinished: true }));
  test(`${kernel}: a wait in progress that ends with such a switch is made up for`, () =>
    check({ length: 150, power: 7 }, { ...untold, iterate: 3 }, assertMadeUp, { isFinished: true }));
  test(`${kernel}: small pieces are booked by sampling, and none is lost`, () =>
    check({ length: 300, power: 3 }, throttled, assertBooked, { constants: { quantum } }));
  test(`${kernel}: a wait is counted in one bucket, wherever it passed`, () =>
    check({ length: 150, power: 10 }, throttled, assertHistograms));
  test(`${kernel}: run time is what the slices of a cgroup come to`, () =>
    check({ length: 150, power: 7, stolen: 255 }, throttled, assertRunTimes));
  test(`${kernel}: reports stand for all long waits, those held back included`, () =>
    check({ length: 300, power: 6 }, calm, assertWeights, {
      constants: { min_wait: longWait, event_interval: 20_000_000, event_burst: 40_000_000 },
      limits: { events: 4096 },
    }));
  test(`${kernel}: what does not fit is counted, and the rest stays right`, () =>
    check({ length: 300, power: 6 }, watched, assertConsistent, {
      isFinished: true,
      constants: { task_sets: 2 },
      limits: { tasks: 2, open_waits: 1, pairs: 5, throttles: 2, events: 1024 },
    }));
}

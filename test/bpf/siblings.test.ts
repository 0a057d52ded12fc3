/** Before 6.18: of a wait it is known when its group was throttled, whoever among those below the quota uses it up. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { usualOr } from '../lab/thorough.ts';
import { assertPairs, assertProgress, assertWaits } from './agreement.ts';
import type { Setup } from './command.ts';
import { type Limits, type Played, play, stop } from './play.ts';
import { commandsOf, setupOf, type Weights } from './schedules.ts';
import { groups, Script } from './script.ts';
import { quotaLevels } from './throttled-time.ts';

after(stop);

const runs = usualOr(15, 100);
const [one, other] = [10, 11];
/** As the pair map has them. */
const serials = { victim: 11, neighbor: 12, one: 15, other: 16 };

/** A pod that has a quota, the script's victim, with a thread in each of two containers. */
function pod(kernel: 'queues' | 'pelt', { hasOwnQuotas = false } = {}) {
  const script = new Script(kernel);
  const neighbor = script.thread('neighbor');
  for (const [i, thread] of [one, other].entries())
    script
      .do(`group ${groups.victim} ${5 + i} ${15 + i} ${1005 + i} ${Number(hasOwnQuotas)}`)
      .do(`thread ${thread} ${1000 + thread} ${4 + i} 0`);
  return { script, neighbor };
}

/** A container in a group in a pod, each with a quota, and a thread of the group beside it. */
function nested(kernel: 'queues' | 'pelt') {
  const script = new Script(kernel);
  const neighbor = script.thread('neighbor');
  script.do(`group ${groups.victim} 5 ${serials.one} 1005 1`).do(`group 4 6 ${serials.other} 1006 1`);
  script.do(`thread ${one} ${1000 + one} 4 0`).do(`thread ${other} ${1000 + other} 5 0`);
  script.wake(one, other, neighbor).switch(other);
  return { script, neighbor, waiting: other, sibling: one };
}

/** No more groups with a quota than are distinguished in one path; no quota stops a real-time thread. */
const realistic = (setup: Setup): Setup => {
  let left = quotaLevels;
  const quotas = setup.parents.map((_, i) => (setup.quotas?.[i] ?? true) && left-- > 0);
  return { ...setup, quotas, realTime: [], throttlesRunning: true };
};

for (const kernel of ['queues', 'pelt'] as const) {
  const check = (weights: Weights, claim: (played: Played) => void, limits: Limits = {}) =>
    fc.assert(
      fc.asyncProperty(
        setupOf(kernel),
        commandsOf({ length: 150, power: 7, weights: { ...weights, move: 0 } }),
        async (setup, commands) => claim(await play(realistic(setup), commands, limits)),
      ),
      { numRuns: runs },
    );
  const throttled = { wake: 5, switch: 10, throttle: 3, unthrottle: 3 };
  const watched = { ...throttled, iterate: 4 };
  test(`${kernel}: no class has time of another, and with one quota above a thread none is unknown`, () =>
    check(throttled, assertWaits));
  test(`${kernel}: no culprit is charged time in which a quota stopped the victim`, () =>
    check(throttled, assertPairs));
  test(`${kernel}: the same of waits in progress`, async () => {
    await check(watched, assertProgress, { isFinished: true });
    await check(watched, assertPairs, { isFinished: true });
  });

  for (const fate of ['preempted', 'sleeps'] as const)
    for (const hasOwnQuotas of [false, true])
      test(`${kernel}: of the pod's quota a sibling exhausts as it ${fate === 'sleeps' ? 'falls asleep' : 'runs'} it is known when it throttled a container ${hasOwnQuotas ? 'with' : 'without'} a quota`, async () => {
        const { script, neighbor } = pod(kernel, { hasOwnQuotas });
        script.wake(one, other, neighbor).switch(other).after(1).runOut('victim').switch(neighbor);
        script.after(1).unthrottle('victim').switch(other).after(1).switch(one);
        script.after(5).runOut('victim').switch(neighbor, fate);
        const played = await script.after(20).unthrottle('victim').after(3).switch(other).play();
        assert.deepEqual(played.lastWait(1011), { other: 8, throttled: 20 });
        const { pairs } = played.totals;
        assert.equal(pairs.get(`${serials.other}<${serials.neighbor}`)?.other, 3e6);
        assert.equal(pairs.get(`${serials.other}<${serials.one}`)?.other, 5e6);
        assert.equal(pairs.get(`${serials.other}<${serials.victim}`)?.throttled, 21e6, 'by the pod');
        // what was before a container with a quota was first looked at
        assert.equal(played.losses().throttle_unknown ?? 0, hasOwnQuotas ? 1 : 0);
      });

  test(`${kernel}: of a quota two levels up that a sibling exhausts it is known when it throttled a container`, async () => {
    const { script, neighbor, waiting, sibling } = nested(kernel);
    script.after(1).runOut('victim').switch(neighbor).after(1).unthrottle('victim').switch(waiting);
    script.after(1).switch(sibling).after(5).runOut('victim').switch(neighbor).after(20).unthrottle('victim');
    const played = await script.after(3).switch(waiting).play();
    assert.deepEqual(played.lastWait(1000 + waiting), { other: 8, throttled: 20 });
    const { pairs } = played.totals;
    assert.equal(pairs.get(`${serials.other}<${serials.one}`)?.other, 5e6, 'behind the sibling');
    assert.equal(pairs.get(`${serials.other}<${serials.victim}`)?.throttled, 21e6, 'by the pod');
  });

  test(`${kernel}: where two quotas above a container ran out in turn, the rest of its wait is nobody's fault`, async () => {
    const { script, neighbor, waiting, sibling } = nested(kernel);
    script.after(1).runOut('victim').switch(neighbor).after(1).unthrottle('victim').switch(sibling);
    script.after(10).do('run_out 4').switch(neighbor).after(1).do('unthrottle 4 0').switch(sibling);
    script.after(1).runOut('victim').switch(neighbor).after(1).unthrottle('victim');
    const played = await script.switch(waiting).play();
    assert.deepEqual(played.lastWait(1000 + waiting), { throttled: 3, unknown: 11 });
    assert.equal(played.totals.pairs.get(`${serials.other}<${serials.neighbor}`)?.other ?? 0, 0);
    assert.equal(played.losses().throttle_unknown, 1);
  });

  test(`${kernel}: what a quota above did while a container slept does not hide when it throttled it later`, async () => {
    const { script, neighbor } = pod(kernel, { hasOwnQuotas: true });
    script.wake(one, other, neighbor).switch(other).after(1).runOut('victim').switch(neighbor);
    script.after(1).unthrottle('victim').switch(other).after(1).switch(one, 'sleeps');
    script.after(5).runOut('victim').switch(neighbor).after(10).unthrottle('victim').switch(one);
    script.after(1).wake(other).after(2).runOut('victim').switch(neighbor).after(20).unthrottle('victim');
    const played = await script.after(3).switch(other).play();
    if (kernel === 'queues') assert.deepEqual(played.lastWait(1011), { other: 5, throttled: 20 });
    // It counts without a thread: 30 ms of the last 42, so 13 at least of these 25.
    else assert.deepEqual(played.lastWait(1011), { throttled: 13, unknown: 12 });
  });

  test(`${kernel}: threads that wake up while their quota is exhausted are throttled first, and then wait`, async () => {
    const script = new Script(kernel);
    const [neighbor, first, second] = [
      script.thread('neighbor'),
      script.thread('victim'),
      script.thread('victim'),
    ];
    script.wake(neighbor, first).switch(first).after(5).runOut('victim').switch(neighbor, 'sleeps');
    script.after(1).wake(first).after(10).wake(second).after(20).unthrottle('victim');
    const played = await script.after(4).switch(second).after(2).switch(first).play();
    assert.deepEqual(played.lastWait(1002), { throttled: 20, other: 4 });
    assert.deepEqual(played.lastWait(1001), { throttled: 30, other: 4, self: 2 });
  });

  test(`${kernel}: a container that its own quota stops stays throttled as a sibling wakes up with their pod's used up`, async () => {
    const script = new Script(kernel);
    const neighbor = script.thread('neighbor');
    for (const [i, thread] of [one, other].entries())
      script
        .do(`group ${groups.victim} ${5 + i} ${15 + i} ${1005 + i} ${Number(thread === one)}`)
        .do(`thread ${thread} ${1000 + thread} ${4 + i} 0`);
    script.wake(one, other, neighbor).switch(one).after(1).runOut('victim').switch(neighbor);
    script.after(1).unthrottle('victim').switch(other).after(1).switch(one, 'sleeps');
    const container = 4;
    script.after(5).do(`run_out ${container}`).switch(neighbor).after(5).wake(other).throttle('victim');
    script.after(10).do(`unthrottle ${container} 0`).after(10).unthrottle('victim').after(4).switch(one);
    const played = await script.play();
    assert.deepEqual(played.lastWait(1010), { other: 4, throttled: 25 });
  });

  test(`${kernel}: a quota that runs out and is refilled as a thread runs on in the kernel throttles no wait after it`, async () => {
    const script = new Script(kernel);
    const [neighbor, victim] = [script.thread('neighbor'), script.thread('victim')];
    script.wake(neighbor, victim).switch(victim).after(1).runOut('victim').switch(neighbor);
    script
      .after(1)
      .unthrottle('victim')
      .switch(victim)
      .after(5)
      .throttle('victim')
      .after(10)
      .unthrottle('victim');
    script
      .after(1)
      .switch(neighbor)
      .after(3)
      .switch(victim)
      .after(1)
      .switch(neighbor)
      .after(4)
      .switch(victim);
    const played = await script.play();
    assert.deepEqual(played.lastWait(1001), { other: 4 });
    assert.deepEqual(played.classes('victim'), { throttled: 1, unknown: 3, other: 4 });
  });

  test(`${kernel}: throttling of which the beginning is unknown is known from where it was seen to go on`, async () => {
    const script = new Script(kernel, { cpus: 2 });
    const neighbor = script.thread('neighbor');
    const container = 4;
    const [first, second, sibling] = [10, 11, 12];
    script.do(`group ${groups.victim} 5 15 1005 1`).do(`group ${groups.victim} 6 16 1006 0`);
    for (const thread of [first, second]) script.do(`thread ${thread} ${1000 + thread} ${container} 0`);
    script.do(`thread ${sibling} ${1000 + sibling} ${container + 1} 0`);
    script.wake(first, sibling, neighbor).switch(first).after(1).runOut('victim').switch(neighbor);
    script.after(1).unthrottle('victim').switch(first).after(1).switch(sibling, 'sleeps');
    script.after(1).runOut('victim').switch(neighbor).after(2).unthrottle('victim');
    script.do(`throttle ${container} 0`).wake(first).after(10).do(`migrate ${first} 1 1`);
    script.after(5).do(`unthrottle ${container} 0`).wake(second).after(3).switch(second);
    const played = await script.play();
    assert.deepEqual(played.lastWait(1000 + second), { other: 3 });
  });

  test(`${kernel}: with too many threads on a CPU to say when a wait was throttled, it is nobody's fault`, async () => {
    const script = new Script(kernel);
    const [neighbor, first] = [script.thread('neighbor'), script.thread('victim')];
    const crowd = Array.from({ length: 30 }, () => script.thread('neighbor'));
    script
      .wake(neighbor, first, ...crowd)
      .switch(first)
      .after(5)
      .runOut('victim')
      .switch(neighbor, 'sleeps');
    const played = await script
      .after(1)
      .wake(first)
      .after(30)
      .unthrottle('victim')
      .after(4)
      .switch(first)
      .play();
    if (kernel === 'queues') assert.deepEqual(played.lastWait(1001), { throttled: 29, unknown: 5 });
    else assert.deepEqual(played.lastWait(1001), { throttled: 30, other: 4 }, 'it counts without a thread');
    assert.equal(played.blamed('victim', 'neighbor'), kernel === 'queues' ? 0 : 4);
    assert.equal(played.losses().throttle_unknown ?? 0, kernel === 'queues' ? 1 : 0);
  });
}

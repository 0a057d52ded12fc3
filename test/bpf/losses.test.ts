import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { stop } from './play.ts';
import { Script, type ScriptOptions } from './script.ts';

after(stop);

const queueKernels = ['queues', 'pelt'] as const;

/** One thread waits while its group is throttled `periods` times; another one of the group runs in between. */
function starvedOver(
  periods: number,
  kernel: (typeof queueKernels)[number],
  options: ScriptOptions = {},
): Script {
  const script = new Script(kernel, options);
  const [starved, lucky, neighbor] = [
    script.thread('victim'),
    script.thread('victim'),
    script.thread('neighbor'),
  ];
  script.wake(starved, lucky, neighbor).switch(lucky);
  for (let k = 1; k <= periods; k++) {
    script.after(20).throttle('victim').switch(neighbor);
    script
      .after(80)
      .unthrottle('victim')
      .switch(k === periods ? starved : lucky);
  }
  return script;
}

for (const kernel of queueKernels)
  for (const periods of [2, 4, 5, 8, 12, 30, 40])
    test(`${kernel}: a wait over ${periods} throttled periods is throttled for all of them`, async () => {
      const played = await starvedOver(periods, kernel).play();
      const { throttled, self = 0, unknown = 0, ...others } = played.lastWait(1000);
      assert.deepEqual({ throttled, others }, { throttled: 80 * periods, others: {} });
      assert.equal(self + unknown, 20 * periods);
      assert.equal(played.blamed('victim', 'neighbor'), 0);
    });

/** Two groups run out of their quotas by turns, and a neighbor runs while both are throttled. */
function twoQuotas(kernel: (typeof queueKernels)[number], options: ScriptOptions): Script {
  const script = new Script(kernel, options);
  const [victim, limited, neighbor] = [
    script.thread('victim'),
    script.thread('limited'),
    script.thread('neighbor'),
  ];
  script.wake(victim, limited, neighbor).switch(victim);
  for (let k = 0; k < 3; k++) {
    script.after(5).throttle('victim').switch(limited);
    script.after(5).throttle('limited').switch(neighbor);
    script.after(90).unthrottle('victim').unthrottle('limited').switch(victim);
    script.after(1).switch(limited);
    script.after(1).switch(victim);
  }
  return script.after(1).switch(undefined, 'sleeps');
}

for (const kernel of queueKernels)
  test(`${kernel}: a quota there is no room for never becomes the neighbor's fault`, async () => {
    const played = await twoQuotas(kernel, { limits: { throttles: 1 } }).play();
    assert.equal(played.blamed('limited', 'neighbor'), 0);
    assert.equal(played.blamed('victim', 'neighbor'), 0);
    const { throttled = 0, unknown = 0 } = played.classes('limited');
    assert.ok(throttled + unknown >= 270, `${throttled} + ${unknown}`);
    assert.ok((played.losses().throttle_evicted ?? 0) > 0);
  });

test('tasks: a throttled task there is no room for waits for an unknown time, not for the neighbor', async () => {
  for (const [room, expected] of [
    [8, { throttled: 95 }],
    [1, { unknown: 96 }],
  ] as const) {
    const script = new Script('tasks', { limits: { open_waits: room } });
    const [first, second, neighbor] = [
      script.thread('victim'),
      script.thread('victim'),
      script.thread('neighbor'),
    ];
    script.wake(first, second, neighbor).switch(first);
    script.after(5).throttle('victim').switch(second, 'throttled').switch(neighbor, 'throttled');
    script.after(95).unthrottle('victim').switch(first, 'sleeps');
    const played = await script.after(1).switch(second, 'sleeps').play();
    assert.deepEqual(played.lastWait(1000), { throttled: 95 });
    assert.deepEqual(played.lastWait(1001), room === 1 ? expected : { throttled: 95, self: 1 });
    assert.equal(played.losses().open_wait_full ?? 0, room === 1 ? 1 : 0);
    assert.equal(played.blamed('victim', 'neighbor'), 0);
  }
});

for (const kernel of queueKernels)
  test(`${kernel}: a real-time thread of a throttled group waits for the CPU, not for the quota`, async () => {
    const script = new Script(kernel);
    const fair = script.thread('victim');
    const realTime = script.thread('victim', { isRealTime: true });
    const neighbor = script.thread('neighbor');
    script.wake(fair, neighbor).switch(fair);
    script.after(5).throttle('victim').switch(neighbor);
    script.after(1).wake(realTime);
    script.after(5).switch(realTime);
    const played = await script.after(1).switch(neighbor).after(1).switch(realTime).play();
    assert.deepEqual(played.lastWait(1001), { other: 1 });
    assert.deepEqual(played.classes('victim'), { other: 6 });
    assert.equal(played.totals.pairs.get('11<12')?.preemptions, 1);
  });

test('tasks: only the first throttling of a wait is its own; then it waits in the queue', async () => {
  const { script, waiter, sibling, neighbor } = throttledWithSibling();
  script.after(50).unthrottle('victim').switch(sibling);
  script.after(10).throttle('victim').switch(neighbor, 'throttled');
  script.after(30).unthrottle('victim').switch(waiter);
  const played = await script.play();
  assert.deepEqual(played.lastWait(1000), { throttled: 50, self: 10, other: 30 });
  assert.equal(played.blamed('victim', 'neighbor'), 50 + 30); // the sibling waited, too, and was not throttled
});

test('tasks: what a reading charges of such a wait is charged once, and rightly', async () => {
  const { script, waiter, sibling, neighbor } = throttledWithSibling();
  script.after(20).iterate();
  script.after(30).unthrottle('victim').switch(sibling);
  script.after(5).iterate();
  script.after(5).throttle('victim').switch(neighbor, 'throttled');
  script.after(10).iterate();
  script.after(20).unthrottle('victim').switch(waiter);
  const played = await script.play();
  assert.deepEqual(played.lastWait(1000), { throttled: 50, self: 10, other: 30 });
  assert.equal(played.inProgress(), 10); // the sibling's, which goes on
});

test('tasks: a throttled thread that moves to another group waits for an unknown time', async () => {
  const script = new Script('tasks');
  const [waiter, neighbor] = [script.thread('victim'), script.thread('neighbor')];
  script.wake(waiter, neighbor).switch(waiter);
  script.after(5).throttle('victim').switch(neighbor, 'throttled');
  script.after(50).do('move 0 3');
  const played = await script.after(10).switch(waiter).play();
  assert.deepEqual(played.lastWait(1000), { unknown: 60 });
  assert.equal(played.losses().throttle_moved, 1);
});

test('tasks: a throttled thread that moves to a CPU where its group is throttled waits there for an unknown time', async () => {
  const script = new Script('tasks', { cpus: 2 });
  const [waiter, neighbor, other] = [
    script.thread('victim'),
    script.thread('neighbor'),
    script.thread('neighbor'),
  ];
  script.wake(waiter, neighbor).do(`wake ${other} 1`).do(`switch 1 ${other} 0 1`).switch(waiter);
  script.after(5).do('throttle 1 1').throttle('victim').switch(neighbor, 'throttled');
  script.after(50).do(`migrate ${waiter} 1 0`);
  script.after(30).do('unthrottle 1 1');
  const played = await script.after(5).do(`switch 1 ${waiter} 0 1`).play();
  assert.deepEqual(played.lastWait(1000), { throttled: 50, unknown: 35 });
  assert.equal(played.losses().throttle_moved, 1);
});

test('tasks: a thread that moves as soon as it is throttled, and comes back, waits for the CPU', async () => {
  const script = new Script('tasks', { cpus: 2 });
  const [waiter, neighbor] = [script.thread('victim'), script.thread('neighbor')];
  script.wake(waiter, neighbor).switch(neighbor).after(1).switch(waiter);
  script.after(5).throttle('victim').switch(neighbor, 'throttled');
  script.do(`migrate ${waiter} 1 0`).do(`migrate ${waiter} 0 0`);
  const played = await script.after(25).switch(waiter).play();
  assert.deepEqual(played.lastWait(1000), { other: 25 });
  assert.equal(played.blamed('victim', 'neighbor'), 26);
});

/** After 5 ns the waiter is throttled, and a sibling is in the queue; another cgroup has the CPU. */
function throttledWithSibling() {
  const script = new Script('tasks');
  const [waiter, sibling, neighbor] = [
    script.thread('victim'),
    script.thread('victim'),
    script.thread('neighbor'),
  ];
  script.wake(waiter, sibling, neighbor).switch(waiter);
  script.after(5).throttle('victim').switch(neighbor, 'throttled');
  return { script, waiter, sibling, neighbor };
}

/** A pid of which all choices are this set. */
function newcomer(sets: number, set: number): number {
  for (let pid = 1008; ; pid++) {
    const others = [0x9e3779b1, 0x85ebca6b].map((multiplier) => Math.imul(pid, multiplier) >>> 8);
    if ([pid, ...others].every((choice) => (choice & (sets - 1)) === set)) return pid;
  }
}

for (const kernel of ['tasks', ...queueKernels] as const)
  test(`${kernel}: a wait in progress is counted once although its thread loses its entry`, async () => {
    const waits = async (sets: number) => {
      const script = new Script(kernel, { constants: { task_sets: sets }, limits: { tasks: sets } });
      const waiting = [1000, 1002, 1004, 1006].map((pid) => script.thread('victim', { pid })); // of one set
      const last = script.thread('neighbor', { pid: 1001 });
      const late = script.thread('neighbor', { pid: newcomer(2, 0) });
      script.wake(...waiting, last);
      for (const thread of [...waiting, last]) script.after(1).switch(thread);
      script.after(50).iterate();
      script.after(1).wake(late).switch(late, 'sleeps');
      for (const thread of waiting) script.after(1).switch(thread, 'sleeps');
      return script.after(1).switch(undefined, 'sleeps').play();
    };
    const [roomy, tight] = [await waits(64), await waits(2)];
    assert.equal(tight.losses().task_evicted, 1);
    assert.equal(tight.inProgress(), 0);
    assert.equal(tight.wait('victim'), roomy.wait('victim'));
    assert.deepEqual(tight.classes('victim'), roomy.classes('victim'));
  });

test('tasks: a sleeper with a wrong stamp that there is no room to remember is no wait', async () => {
  const script = new Script('tasks', { cpus: 2, limits: { open_waits: 1 } });
  const [throttled, sleeper, neighbor] = [
    script.thread('victim'),
    script.thread('limited'),
    script.thread('neighbor'),
  ];
  script.wake(throttled, sleeper, neighbor).switch(sleeper);
  script.after(1).do(`switch 0 ${throttled} 2 1`); // the sleeper is left in the queue
  script.after(1).throttle('victim').switch(neighbor, 'throttled');
  script.after(50).do(`migrate ${sleeper} 1 0`);
  script.after(1000).do(`wake ${sleeper} 1`);
  const played = await script.after(1).do(`switch 1 ${sleeper} 0 1`).play();
  assert.equal(played.wait('limited'), 0);
  assert.equal(played.losses().delayed_dequeue, 1);
});

/** Sleepers that are left in the queue of CPU 0, moved to CPU 1, and woken up there after 1 s; one runs there until then. */
function sleepers(count: number, { wokenOn = 1 } = {}): Script {
  const script = new Script('tasks', { cpus: 3 });
  const hog = script.thread('neighbor');
  const threads = Array.from({ length: count }, () => script.thread('victim'));
  script
    .wake(...threads)
    .do(`wake ${hog} 1`)
    .do(`switch 1 ${hog} 0 1`);
  for (const thread of threads) script.after(1).switch(thread).after(1).do('switch 0 -1 2 1');
  for (const thread of threads) script.do(`migrate ${thread} 1 1`);
  script.after(1000);
  if (wokenOn !== 1) for (const thread of threads) script.do(`drop ${thread}`);
  for (const thread of threads) script.do(`wake ${thread} ${wokenOn}`);
  return script;
}

test('tasks: the wait of a sleeper that was moved counts from the next switch of its CPU', async () => {
  const before = (await sleepers(1).play()).wait('victim');
  const script = sleepers(1).after(3).do('switch 1 -1 1 1').after(20).iterate();
  const progress = await script.play();
  const played = await script.after(4).do('switch 1 1 0 1').play();
  assert.equal(progress.wait('victim') - before, 20);
  assert.equal(played.wait('victim') - before, 24);
  assert.equal(played.inProgress(), 0);
  assert.equal(played.losses().begin_late, 1);
  assert.equal(played.losses().delayed_dequeue, undefined);
});

test('tasks: a sleeper that was moved is found on the CPU on which it wakes up', async () => {
  const before = (await sleepers(1).play()).wait('victim');
  const script = sleepers(1, { wokenOn: 2 }).after(3).do('switch 2 -1 0 1');
  const played = await script.after(20).do('switch 2 1 0 1').play();
  assert.equal(played.wait('victim') - before, 20);
  assert.equal(played.losses().begin_late, 1);
});

test('tasks: of four sleepers that were moved to a CPU, it looks after three', async () => {
  const before = (await sleepers(4).play()).wait('victim');
  const script = sleepers(4).after(3).do('switch 1 -1 1 1').after(20);
  for (const thread of [1, 2, 3, 4]) script.do(`switch 1 ${thread} 0 1`).do('switch 1 -1 1 1');
  const played = await script.play();
  assert.equal(played.wait('victim') - before, 3 * 20);
  assert.equal(played.losses().begin_late, 3);
  assert.equal(played.losses().delayed_dequeue, 1);
});

for (const kernel of ['tasks', ...queueKernels] as const)
  test(`${kernel}: a thread that runs alone for an hour is the culprit of waits behind it`, async () => {
    const script = new Script(kernel);
    const [waiter, hog, other] = [
      script.thread('victim'),
      script.thread('neighbor'),
      script.thread('limited'),
    ];
    script.wake(hog, other).after(0).switch(hog);
    script.after(1_200_000).wake(waiter).after(2_400_000).switch(other);
    for (let i = 0; i < 20; i++) script.after(1).switch(i % 2 ? other : hog); // into an epoch
    const played = await script.after(1).switch(waiter).play();
    assert.ok((played.lastWait(1000).unknown ?? 0) < 1);
    const behindHog = played.blamed('victim', 'neighbor');
    assert.ok(Math.abs(behindHog - 2_400_010) < 10, `${behindHog} ms`);
  });

test('a new pair comes in if its time is above what one stands for, and time without a pair is counted', async () => {
  const script = new Script('tasks');
  const [waiter, small, large] = [
    script.thread('victim'),
    script.thread('limited'),
    script.thread('neighbor'),
  ];
  script.do(`admit_each ${1e9}`).wake(waiter, small, large).switch(small);
  script.after(0.001).switch(large).after(1000).switch(waiter);
  const played = await script.play();
  assert.equal(played.blamed('victim', 'neighbor'), 1000);
  assert.equal(played.blamed('victim', 'limited'), 0);
  assert.equal(played.totals.unpaired, 2000, 'of the victim and of the large one');
  assert.ok((played.totals.drops.pair_full ?? 0) > 0);
});

test('a single wait is refused while the ring is filling, and adds to the weight of the next', async () => {
  const script = new Script('tasks', { constants: { event_room: 0 } });
  const [waiter, neighbor] = [script.thread('victim'), script.thread('neighbor')];
  script.wake(waiter, neighbor).switch(neighbor);
  for (let i = 0; i < 3; i++) script.after(5).switch(waiter).after(5).switch(neighbor);
  const { totals } = await script.play();
  assert.equal(totals.waits.length, 1);
  assert.equal(totals.drops.event_refused, totals.pending);
  assert.ok(totals.pending > 0);
});

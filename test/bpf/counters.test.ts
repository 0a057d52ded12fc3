import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { stop } from './play.ts';
import { Script } from './script.ts';

after(stop);

/** One thread waits while two of other groups take turns, and gets the CPU then. */
async function playTurns(options: ConstructorParameters<typeof Script>[1], turns = 1, ms = 5) {
  const script = new Script('tasks', options);
  const [waiter, first, second] = [
    script.thread('victim'),
    script.thread('neighbor'),
    script.thread('limited'),
  ];
  script.wake(first, second).switch(first).wake(waiter);
  for (let k = 0; k < turns; k++) script.after(ms).switch(k % 2 ? first : second);
  const played = await script.after(ms).switch(waiter).play();
  return { losses: played.losses(), classes: played.classes('victim') };
}

test('a pair without room is counted, one with room is not', async () => {
  // the waiter behind two, and one of them behind the other; each preempts the one before
  assert.equal((await playTurns({ limits: { pairs: 64 } })).losses.pair_full, undefined);
  assert.ok(((await playTurns({ limits: { pairs: 1 } })).losses.pair_full ?? 0) > 0);
});

test('a wait of a cgroup beyond the slots is counted, each once; of one within them none is', async () => {
  assert.equal((await playTurns({ constants: { slots: 32 } })).losses.no_slot, undefined);
  // css ids are 2, 3 and 4, and the last slot is shared: each of the three waits
  assert.equal((await playTurns({ constants: { slots: 3 } })).losses.no_slot, 3);
});

test('a wait within the history is explained; of a longer one the rest is unknown, and counted', async () => {
  const short = await playTurns({}, 1000, 4);
  assert.equal(short.losses.history_truncated, undefined);
  assert.ok((short.classes.unknown ?? 0) < 0.01);
  const long = await playTurns({}, 12_000, 4);
  assert.equal(long.losses.history_truncated, 1);
  const known = Object.entries(long.classes).filter(([name]) => name !== 'unknown');
  assert.equal((long.classes.unknown ?? 0) + known.reduce((sum, [, ms]) => sum + ms, 0), 12_001 * 4);
  assert.ok((long.classes.unknown ?? 0) > 1000, JSON.stringify(long));
});

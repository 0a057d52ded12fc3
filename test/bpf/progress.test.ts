import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { usualOr } from '../lab/thorough.ts';
import { stop } from './play.ts';
import { Script } from './script.ts';

after(stop);

/** More than a visit of one thread makes, or a switch or a move that ends its wait. */
const mostAccesses = 200;
/** Between two of those at which something else happens. */
const stride = usualOr(4, 1);

const visit = 'visit 1 0 1';
const ends = {
  moves: ['migrate 0 1 0'],
  ends: ['switch 0 0 1 1'],
} as const;

/** A thread waits for 5 ms, is perhaps charged for them, and for 5 ms more; then one thing happens in the midst of another. */
async function playWait(
  accesses: number,
  { first, midst, isAgain }: { first: string; midst: readonly string[]; isAgain: boolean },
) {
  const script = new Script('tasks', { cpus: 2 });
  const [waiter, neighbor] = [script.thread('victim'), script.thread('neighbor')];
  script.wake(waiter, neighbor).switch(neighbor);
  script.after(1).switch(waiter).after(1).switch(neighbor).after(5);
  if (isAgain) script.do(visit);
  script.after(5).do(`interrupt ${accesses} ${midst.length}`).do(first);
  for (const line of midst) script.do(line);
  return script;
}

for (const isAgain of [false, true])
  for (const [how, lines] of Object.entries(ends))
    for (const isMidst of [false, true]) {
      const when = isMidst ? 'in the midst of a visit' : 'with a visit in its midst';
      const before = isAgain ? ', charged before' : '';
      test(`a wait that ${how} ${when}${before} is counted once`, async () => {
        for (let accesses = 1; accesses <= mostAccesses; accesses += stride) {
          const [first = '', midst] = isMidst ? [visit, lines] : [lines[0], [visit]];
          const script = await playWait(accesses, { first, midst, isAgain });
          const hasMoved = how === 'moves';
          if (hasMoved) script.after(5).do('switch 1 0 1 1').after(1).do('switch 1 -1 1 1');
          const played = await script.play();
          const what = `after ${accesses} accesses`;
          assert.equal(played.inProgress(), 0, what);
          assert.equal(played.wait('victim'), hasMoved ? 16 : 11, what);
          assert.equal(played.losses().progress_lost ?? 0, 0, what);
        }
      });
    }

test('what was charged of a wait that ends with a missed switch is completed, also if its thread then sleeps in the queue', async () => {
  const script = new Script('tasks', { cpus: 2 });
  const [waiter, neighbor] = [script.thread('victim'), script.thread('neighbor')];
  script.wake(waiter, neighbor).switch(neighbor);
  script.after(1).switch(waiter).after(1).switch(neighbor);
  script.after(5).iterate();
  script.after(5).do(`switch 0 ${waiter} 0 0`); // without a tracepoint
  script.after(1).do(`switch 0 ${neighbor} 2 1`); // left in the queue
  script.do(`migrate ${waiter} 1 0`).after(100).do(`wake ${waiter} 1`);
  const played = await script.after(1).do(`switch 1 ${waiter} 0 1`).play();
  assert.equal(played.inProgress(), 0);
  assert.equal(played.wait('victim'), 1 + 5);
  assert.equal(played.losses().begin_late, 1);
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { stop } from './play.ts';
import { Script } from './script.ts';

after(stop);

/** More than a switch with an event makes. */
const mostAccesses = 150;

/** What the event of a wait of 10 ms says of the other CPU, which does this while the event is made, at any point. */
async function idleOf(
  before: (script: Script, other: number) => void,
  meanwhile: (other: number) => readonly string[],
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let accesses = 1; accesses <= mostAccesses; accesses++) {
    const script = new Script('tasks', { cpus: 2 });
    const [waiter, first, other] = [
      script.thread('victim'),
      script.thread('neighbor'),
      script.thread('limited'),
    ];
    script.wake(first).do(`wake ${other} 1`).switch(first);
    before(script, other);
    script.wake(waiter).after(10);
    const lines = meanwhile(other);
    script.do(`interrupt ${accesses} ${lines.length}`).switch(waiter);
    for (const line of lines) script.do(line);
    const { totals } = await script.after(1).switch(undefined, 'sleeps').play();
    const wait = totals.waits.find(({ pid }) => pid === 1000);
    assert.equal(wait?.wait, 10e6);
    times.push((wait?.idleCpu.time ?? 0) / 1e6);
  }
  return times;
}

const run = (other: number) => `switch 1 ${other} 0 1`;
const sleep = () => 'switch 1 -1 1 1';
const wake = (other: number) => `wake ${other} 1`;

test('a CPU that becomes idle while an event is made was not idle before', async () => {
  const times = await idleOf(
    (script, other) => script.do(run(other)),
    () => [sleep()],
  );
  assert.deepEqual([...new Set(times)], [0]);
});

test('a CPU that ceases to be idle while an event is made was idle until then, or that is not known', async () => {
  const times = await idleOf(
    (script, other) => script.do(run(other)).do(sleep()).do(wake(other)),
    (other) => [run(other)],
  );
  assert.deepEqual(new Set(times), new Set([0, 10]));
});

test('a CPU that overwrites its history while it is read was idle for no longer than it was', async () => {
  const turns = (other: number) => [sleep(), wake(other), run(other)];
  const times = await idleOf(
    (script, other) => {
      script.do(run(other));
      for (let k = 0; k < 20; k++) for (const line of turns(other)) script.do(line);
    },
    (other) => Array.from({ length: 20 }, () => turns(other)).flat(),
  );
  assert.deepEqual([...new Set(times)], [0]);
});

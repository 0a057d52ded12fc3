import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task } from '../../../src/component.ts';
import { startTask } from '../../../src/runtime/tasks.ts';
import { seconds, toSeconds } from '../../../src/telemetry/units.ts';
import { fakeWorld, losses, total } from './fake-world.ts';

function start(run: Task['run']) {
  const world = fakeWorld();
  const times: number[] = [];
  const task = startTask(
    {
      name: 'sweep',
      every: seconds(5),
      run(abort) {
        times.push(toSeconds(world.clock.elapsed()));
        return run(abort);
      },
    },
    { subject: { kind: 'service', id: 'names' }, ...world },
  );
  return { ...world, task, times };
}

test('a task runs soon after the start, then at each multiple of its interval', async () => {
  const { clock, times, task } = start(() => {});
  await clock.advance(seconds(12));
  assert.deepEqual(times, [1, 6, 11]);
  await task.stop();
  assert.equal(clock.timers, 0);
});

test('runs skipped during a long one are counted, and are no loss', async () => {
  const { clock, times, counters, task } = start(
    () => new Promise((resolve) => clock.setTimer(seconds(12), resolve)),
  );
  await clock.advance(seconds(17));
  assert.deepEqual(times, [1, 16]);
  const of = { component: 'service names', task: 'sweep' };
  assert.equal(total(counters, 'earshot.agent.task.skipped', of), 2);
  assert.deepEqual(losses(counters), []);
  const stopped = task.stop();
  await clock.advance(seconds(12));
  await stopped;
});

test('a failed run is counted and makes the component unhealthy until one succeeds', async () => {
  let isBroken = true;
  const { clock, counters, health, task } = start(() => {
    if (isBroken) throw new Error('no socket');
  });
  await clock.advance(seconds(6));
  assert.equal(total(counters, 'earshot.agent.task.errors'), 2);
  assert.deepEqual([...health.troubles], [['service names (sweep)', 'no socket']]);
  isBroken = false;
  await clock.advance(seconds(5));
  assert.equal(health.troubles.size, 0);
  await task.stop();
});

test('stop aborts a run and waits for its end, which is no failure', async () => {
  const { clock, counters, task } = start(
    (abort) =>
      new Promise((_, reject) => abort.addEventListener('abort', () => reject(new Error('aborted')))),
  );
  await clock.advance(seconds(1));
  await task.stop();
  await task.stop();
  assert.equal(total(counters, 'earshot.agent.task.errors'), 0);
  assert.equal(clock.timers, 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBesideEachOther, type Write } from '../../../scripts/beside-each-other.ts';

/** Tasks that write and end when the test says so. */
function tasksOf(count: number) {
  const written: string[] = [];
  const steps: { write: Write; end: () => void; fail: (error: Error) => void }[] = [];
  const tasks = Array.from(
    { length: count },
    () => (write: Write) =>
      new Promise<void>((end, fail) => {
        steps.push({ write, end, fail });
      }),
  );
  const all = runBesideEachOther(tasks, (text) => written.push(text));
  return { written, steps, all };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("texts of the first task come at once, those of the others when it is their task's turn", async () => {
  const { written, steps, all } = tasksOf(3);
  const [first, second, third] = steps;
  second?.write('2a');
  first?.write('1a');
  third?.write('3a');
  third?.end();
  await turn();
  assert.deepEqual(written, ['1a']);
  first?.end();
  await turn();
  assert.deepEqual(written, ['1a', '2a']);
  second?.write('2b');
  second?.end();
  await all;
  assert.deepEqual(written, ['1a', '2a', '2b', '3a']);
});

test('a failed task ends neither the others nor their texts', async () => {
  const { written, steps, all } = tasksOf(2);
  steps[0]?.write('1a');
  steps[0]?.fail(new Error('broken'));
  await turn();
  steps[1]?.write('2a');
  steps[1]?.end();
  await assert.rejects(all, /broken/);
  assert.deepEqual(written, ['1a', '2a']);
});

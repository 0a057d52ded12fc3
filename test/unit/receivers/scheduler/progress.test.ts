import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressReader } from '../../../../src/receivers/scheduler/progress.ts';

/** A kernel of so many tasks, of which some are visited for the first time; it writes a byte for each, as `on_progress`. */
function kernelOf(tasks: number, unknown: readonly number[] = []) {
  const known = new Set(Array.from({ length: tasks }, (_, task) => task));
  for (const task of unknown) known.delete(task);
  const runs: number[] = [];
  let open = 0;
  return {
    runs,
    open: () => open,
    *iterateInSteps(program: string, into: Uint8Array): Generator<number, void> {
      assert.equal(program, 'on_progress');
      open++;
      runs.push(0);
      try {
        for (let first = 0; first < tasks; first += into.length) {
          const count = Math.min(into.length, tasks - first);
          for (let i = 0; i < count; i++) into[i] = Number(!known.has(first + i));
          for (let i = 0; i < count; i++) known.add(first + i);
          runs[runs.length - 1] = (runs.at(-1) ?? 0) + count;
          yield count;
        }
      } finally {
        open--;
      }
    },
  };
}

test('all tasks are visited, at most 1,024 a step', () => {
  const kernel = kernelOf(50_000);
  const steps = [...new ProgressReader(kernel).charge()].length;
  assert.deepEqual(kernel.runs, [50_000]);
  assert.ok(steps >= Math.ceil(50_000 / 1024), `${steps} steps`);
});

test('all are visited again if one was visited for the first time, in whichever step', () => {
  for (const unknown of [0, 1023, 1024, 2999]) {
    const kernel = kernelOf(3000, [unknown]);
    const reader = new ProgressReader(kernel);
    for (const _ of reader.charge());
    assert.deepEqual(kernel.runs, [3000, 3000]);
    for (const _ of reader.charge());
    assert.deepEqual(kernel.runs, [3000, 3000, 3000], 'once');
  }
});

test('a run that is left is closed', () => {
  const kernel = kernelOf(3000);
  for (const _ of new ProgressReader(kernel).charge()) break;
  assert.equal(kernel.open(), 0);
});

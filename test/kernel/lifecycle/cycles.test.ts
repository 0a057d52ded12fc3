import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { heldBy, leftOf } from '../../lab/kernel-objects.ts';
import { usualOr } from '../../lab/thorough.ts';
import { openDescriptors } from '../native/fixture.ts';
import { openScheduler } from '../scheduler-fixture.ts';

const cycles = usualOr(30, 100);
const warmUp = usualOr(10, 20);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function rss(): number {
  collectGarbage();
  return process.memoryUsage.rss();
}

test('repeated attach and close leaks no descriptor, program, map or memory', async () => {
  const own = { prog: new Set<number>(), map: new Set<number>(), link: new Set<number>() };
  let descriptors = 0;
  let early = 0;
  for (let cycle = 0; cycle < cycles; cycle++) {
    if (cycle === 1) descriptors = openDescriptors();
    if (cycle === warmUp) early = rss();
    const source = openScheduler({ maxWorkloads: 64, maxPairs: 64 });
    source.read();
    for (const kind of ['prog', 'map', 'link'] as const)
      for (const id of heldBy(process.pid)[kind]) own[kind].add(id);
    source.close();
    collectGarbage(); // else the memory allocator keeps the pages of garbage that was collected late
  }
  assert.equal(openDescriptors(), descriptors);
  assert.ok(own.prog.size >= 5 * cycles && own.link.size >= 5 * cycles && own.map.size >= 9 * cycles);
  assert.deepEqual(await leftOf(own), [], 'what has no id any more takes no kernel memory');
  const grown = rss() - early;
  assert.ok(grown < 16 * 2 ** 20, `${grown} bytes more after ${cycles - warmUp} cycles`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Entry, Room } from '../../../src/delivery/room.ts';
import { settle } from '../fake-clock.ts';

test('what would fit does not pass what waits for more room', async () => {
  const room = new Room({ limits: [{ sizer: 'items', most: 10, overflow: 'queue_full' }], blocks: true });
  const sizeOf = (items: number) => ({ requests: 1, items, bytes: 0 });
  const entered: (readonly [number, Entry])[] = [];
  const enter = async (items: number) => entered.push([items, await room.enter(sizeOf(items))]);
  for (const items of [8, 5, 1]) void enter(items);
  await settle();
  assert.deepEqual(entered, [[8, undefined]]);
  room.leave(sizeOf(8));
  await settle();
  assert.deepEqual(entered, [
    [8, undefined],
    [5, undefined],
    [1, undefined],
  ]);
});

import type { Put, Queue, Request } from './queue.ts';
import type { Entry, Room, Size } from './room.ts';

export interface MemoryQueueOptions<R extends Request> {
  readonly room: Room;
  sizeOf(request: R): Size;
}

/** What waits in it is lost with the process. Leased requests count until their lease is released. */
export function createMemoryQueue<R extends Request>({ room, sizeOf }: MemoryQueueOptions<R>): Queue<R> {
  const waiting: R[] = [];
  function added(request: R, entry: Entry): Put {
    if (entry === 'closed') return 'shutdown';
    if (entry === undefined) waiting.push(request);
    return entry;
  }
  return {
    put(request) {
      const entry = room.enter(sizeOf(request));
      return entry instanceof Promise ? entry.then((late) => added(request, late)) : added(request, entry);
    },
    lease() {
      const request = waiting.shift();
      return request && { request, release: () => room.leave(sizeOf(request)), keep: () => false };
    },
    get size() {
      return room.requests;
    },
    drain() {
      room.close();
      const left = waiting.splice(0);
      for (const request of left) room.leave(sizeOf(request));
      return left;
    },
    async close() {},
  };
}

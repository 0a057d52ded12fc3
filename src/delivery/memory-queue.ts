import type { Overflow, Queue, Request } from './queue.ts';

export interface Bounds<R extends Request> {
  readonly requests: number;
  /** The sum of `weigh` over all requests. */
  readonly weight: number;
  readonly overflow: Overflow;
  weigh(request: R): number;
}

/** What waits in it is lost with the process. Leased requests count until their lease is released. */
export function createMemoryQueue<R extends Request>({
  requests,
  weight,
  overflow,
  weigh,
}: Bounds<R>): Queue<R> {
  const waiting: R[] = [];
  let size = 0;
  let load = 0;
  const remove = (request: R) => {
    size -= 1;
    load -= weigh(request);
  };
  return {
    put(request) {
      if (size >= requests) return 'queue_full';
      if (load + weigh(request) > weight) return overflow;
      size += 1;
      load += weigh(request);
      waiting.push(request);
      return undefined;
    },
    lease() {
      const request = waiting.shift();
      return request && { request, release: () => remove(request), keep: () => false };
    },
    get size() {
      return size;
    },
    drain() {
      const left = waiting.splice(0);
      for (const request of left) remove(request);
      return left;
    },
    async close() {},
  };
}

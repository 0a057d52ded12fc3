import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** Collects all garbage of the heap, now: 100 ms and more where it is large. */
export function collectGarbage(): void {
  collect ??= globalThis.gc ?? exposed();
  collect();
}

/** A context that is made with this flag has the function; others stay as they are. */
function exposed(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void; // V8's own
}

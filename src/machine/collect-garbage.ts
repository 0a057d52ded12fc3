import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

let collect: Collect | undefined;

/**
 * Frees everything that nothing refers to, compacts the rest and gives the pages back; blocks for some 50 ms, longer where the
 * heap is large. For the end of something large that does not come again soon, and for a limit of resident memory: V8 alone
 * would keep the pages for as long as they might be needed again.
 */
export function collectGarbage(): void {
  collect ??= exposedCollect();
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** V8 shows its function only to contexts that are made while the flag is set. */
function exposedCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const exposed: Collect = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return exposed;
}

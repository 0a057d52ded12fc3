import type { Static } from 'typebox';
import { waitAttributes } from '../../telemetry/attributes/wait.ts';
import type { tailSchema } from './config.ts';
import type { TailReason } from './emits.ts';
import type { Findings } from './findings.ts';
import type { Wait } from './wait.ts';
import { workloadKey } from './workload-key.ts';

/** Why a wait is kept whatever the other modes say; undefined: it is not. */
export function createTail(
  { min_wait: minWait, causes }: Static<typeof tailSchema>,
  findings: Findings | undefined,
): (wait: Wait) => TailReason | undefined {
  const wanted = new Set<unknown>(causes);
  return ({ item, duration }) => {
    if (minWait !== undefined && duration >= minWait) return 'min_wait';
    if (wanted.has(item.attributes[waitAttributes.cause.key])) return 'cause';
    return findings?.has(workloadKey(item.resource)) ? 'finding' : undefined;
  };
}

import type { Outcome } from '../component.ts';
import { nanoseconds } from '../telemetry/units.ts';
import type { Put } from './queue.ts';
import type { Delivered } from './retry.ts';

export const accepted = { kind: 'accepted' } as const satisfies Outcome;

/** Of a request that found no room. */
export function outcomeOfPut(put: Put): Outcome {
  switch (put) {
    case undefined:
    case 'kept':
      return accepted;
    case 'shutdown':
      return { kind: 'retry', reason: 'the agent is stopping', code: put };
    case 'request_too_large':
      return { kind: 'refused', reason: 'element size too large', code: put };
    default:
      return { kind: 'retry', reason: 'sending queue is full', code: put };
  }
}

/** What was lost for a reason that may pass, can be sent again by its source. */
export function outcomeOfDelivery(delivered: Delivered): Outcome {
  if (delivered.kind !== 'lost') return delivered;
  const { because, kind: _, ...failure } = delivered;
  return { kind: because === 'refused' ? 'refused' : 'retry', ...failure };
}

const rank = ['accepted', 'partial', 'retry', 'refused'] as const satisfies readonly Outcome['kind'][];

/**
 * Of a batch that went several ways, or in several requests: the worst of them. What each rejected adds up, to all `items` of the
 * batch at most; a delay is the longest.
 */
export function together(outcomes: readonly Outcome[], items: number): Outcome {
  const worst = rank.findLast((kind) => outcomes.some((outcome) => outcome.kind === kind)) ?? 'accepted';
  const found = outcomes.find(({ kind }) => kind === worst) ?? accepted;
  switch (found.kind) {
    case 'partial': {
      const rejected = outcomes.reduce((sum, each) => sum + (each.kind === 'partial' ? each.rejected : 0), 0);
      return { ...found, rejected: Math.min(rejected, items) };
    }
    case 'retry': {
      const delays = outcomes.flatMap((each) => (each.kind === 'retry' ? (each.after ?? []) : []));
      return delays.length > 0 ? { ...found, after: nanoseconds(Math.max(...delays)) } : found;
    }
    default:
      return found;
  }
}

import { cpus, percentage } from '../../../views/quantities.ts';
import { type Observation, requestOf } from '../window.ts';
import { rivalsOf } from './rivals.ts';

/** Of the wait behind neighbors, what a larger weight is to remove. */
const enough = 0.5;
/** Weights are advised in such steps of the present one, … */
const step = 0.1;
/** … up to there: more is a matter of the machine. */
const mostTimes = 10;
/** Of the wait behind neighbors, what may be behind those of which nothing else is known. */
const mostUnknown = 0.05;

/**
 * The weight with which half of the wait behind neighbors would not have been, on a machine that shares by weight, however
 * much all of them want: of the time in which the victim can run, which does not become longer, it has its part by weight.
 */
export function weightAdvice(victim: Observation, workloads: readonly Observation[]): string | undefined {
  const neighbors = rivalsOf(victim, workloads, ['neighbor']);
  const wait = victim.causes.get('neighbor') ?? 0;
  const unknown = Math.max(0, wait - neighbors.reduce((sum, { time }) => sum + time, 0));
  if (unknown > mostUnknown * wait) return undefined;
  const ratio = neighbors.reduce((sum, of) => sum + of.ratio, 0);
  const runnable = victim.run + (victim.causes.get('self') ?? 0) + wait;
  const part = ((1 - enough) * wait - unknown) / runnable;
  const times = Math.ceil((ratio * (1 / part - 1)) / step - 1e-9) * step;
  if (!(times > 1 && times <= mostTimes)) return undefined;
  const removed = 1 - (runnable / (1 + times / ratio) + unknown) / wait;
  const request = requestOf(victim.resource.attributes);
  return (
    `${times.toFixed(1)} times its CPU weight ${request === undefined ? '' : `(a request of ${cpus(times * request)} instead of ${cpus(request)}, where weights are in proportion to requests) `}` +
    `would have removed at least about ${percentage(removed)} of its wait behind neighbors: while both wanted the CPU, they had ` +
    `${ratio.toFixed(1)} s for each second of its own`
  );
}

import type { Static } from 'typebox';
import { eventAttributes } from '../../telemetry/attributes/event.ts';
import { seconds } from '../../telemetry/units.ts';
import type { rateLimitSchema } from './config.ts';
import type { KeptReason } from './emits.ts';
import { merge } from './merge.ts';
import type { Mode } from './mode.ts';
import { RecentMap } from './recent-map.ts';
import type { Surroundings } from './surroundings.ts';
import { type Rate, type TokenBucket, takeToken } from './token-bucket.ts';
import type { Item, Kept, Wait } from './wait.ts';
import { workloadKey } from './workload-key.ts';

/** Of one workload, or of one on one CPU. */
interface Limited<T extends Item> {
  readonly bucket: TokenBucket;
  /** Stands for all waits since the last one that was kept. */
  pending: Wait<T> | undefined;
}

/** Time after which a workload that does not wait any more has its last waits reported. */
const releaseEvery = seconds(1);

/**
 * A token bucket for each workload. Waits without a token are merged into one, which takes the next token: itself or the
 * wait that comes then.
 */
export function createRateLimit<T extends Item>(
  { events_per_second: perSecond, burst = Math.max(1, perSecond), per }: Static<typeof rateLimitSchema>,
  { clock, random, tally, maxWorkloads }: Surroundings<T>,
): Mode<T> {
  const rate: Rate = { perSecond, burst };
  const workloads = new RecentMap<string, Limited<T>>(maxWorkloads);
  const keyOf = per === 'workload' ? keyByWorkload : keyByWorkloadAndCpu;

  function add(wait: Wait<T>, { pending }: Limited<T>): Wait<T> {
    if (pending === undefined) return wait;
    tally.drop('rate_limit');
    return merge(pending, wait, random);
  }

  function take(limited: Limited<T>, reason: KeptReason): readonly Kept<T>[] {
    const { pending } = limited;
    limited.pending = undefined;
    return pending === undefined ? [] : [{ ...pending, reason }];
  }

  return {
    take(wait) {
      const now = clock.elapsed();
      const key = keyOf(wait.item);
      const full = { bucket: { tokens: burst, filledAt: now }, pending: undefined };
      const limited: Limited<T> = workloads.get(key) ?? full;
      const evicted = workloads.set(key, limited);
      limited.pending = add(wait, limited);
      const early = evicted ? take(evicted, 'evicted') : [];
      return takeToken(limited.bucket, rate, now) ? [...early, ...take(limited, 'rate_limit')] : early;
    },
    held: {
      name: 'rate_limit',
      every: releaseEvery,
      release() {
        const now = clock.elapsed();
        return [...workloads.values()].flatMap((limited) =>
          limited.pending !== undefined && takeToken(limited.bucket, rate, now)
            ? take(limited, 'rate_limit')
            : [],
        );
      },
      flush: () => workloads.drain().flatMap((limited) => take(limited, 'rate_limit')),
    },
  };
}

const keyByWorkload = ({ resource }: Item) => workloadKey(resource);

const keyByWorkloadAndCpu = ({ resource, attributes }: Item) =>
  `${attributes[eventAttributes.cpu.key]} ${workloadKey(resource)}`;

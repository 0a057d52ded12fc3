import { type Nanoseconds, nanoseconds, toSeconds } from '../../telemetry/units.ts';

export interface Rate {
  /** Tokens. */
  readonly perSecond: number;
  /** Tokens at most, at least one. */
  readonly burst: number;
}

/** At first full. */
export interface TokenBucket {
  tokens: number;
  filledAt: Nanoseconds;
}

/** Whether there was a token. */
export function takeToken(bucket: TokenBucket, { perSecond, burst }: Rate, now: Nanoseconds): boolean {
  const passed = toSeconds(nanoseconds(now - bucket.filledAt));
  bucket.tokens = Math.min(burst, bucket.tokens + passed * perSecond);
  bucket.filledAt = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

import type { Logger } from 'pino';
import { printDuration } from '../config/schema/duration.ts';
import { endsWithin, type TimerClock } from '../machine/clock.ts';
import { messageOf } from '../telemetry/health.ts';
import type { Nanoseconds } from '../telemetry/units.ts';

export interface Limited {
  /** What is done, for the log: `close receiver "scheduler"`. */
  readonly what: string;
  readonly limit: Nanoseconds;
  readonly clock: TimerClock;
  readonly log: Logger;
}

/** Waits for work up to a limit. Never throws: what fails or lasts longer is logged. */
export async function inTime(
  work: () => Promise<unknown>,
  { what, limit, clock, log }: Limited,
): Promise<void> {
  try {
    const isDone = await endsWithin(clock, limit, work());
    if (!isDone) log.error(`cannot ${what}: not done within ${printDuration(limit)}`);
  } catch (error) {
    log.error(`cannot ${what}: ${messageOf(error)}`);
  }
}

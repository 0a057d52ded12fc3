import type { TimerClock } from '../machine/clock.ts';
import { type Nanoseconds, nanoseconds, seconds } from '../telemetry/units.ts';

/** The first run comes soon even with a long interval, so that a start shows at once that it works. */
const firstAfter = seconds(1);

export interface Work {
  readonly every: Nanoseconds;
  /** Never throws. */
  run(): Promise<void>;
  onSkipped(times: number): void;
}

export interface Schedule {
  /** Ends the timer; resolves when a run that has begun has ended. */
  stop(): Promise<void>;
}

/** Runs work at each multiple of its interval; multiples that pass during a run are skipped. */
export function startSchedule({ every, run, onSkipped }: Work, clock: TimerClock): Schedule {
  let due = clock.elapsed() + Math.min(firstAfter, every);
  let running: Promise<void> | undefined;
  let isStopped = false;
  let timer = schedule();

  function schedule() {
    return clock.setTimer(nanoseconds(Math.max(0, due - clock.elapsed())), tick);
  }

  function tick(): void {
    running = run().finally(() => {
      running = undefined;
      if (!isStopped) next();
    });
  }

  function next(): void {
    const passed = Math.max(0, Math.floor((clock.elapsed() - due) / every));
    if (passed > 0) onSkipped(passed);
    due += (passed + 1) * every;
    timer = schedule();
  }

  return {
    async stop() {
      isStopped = true;
      timer.cancel();
      await running;
    },
  };
}

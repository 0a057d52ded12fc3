import type { Task } from '../component.ts';
import type { TimerClock } from '../machine/clock.ts';
import type { Counters } from '../telemetry/counters.ts';
import { type Health, messageOf, type Subject } from '../telemetry/health.ts';
import { runtimeCounters } from './emits.ts';
import { startSchedule } from './schedule.ts';

export interface TaskContext {
  /** The component or service that has the task. */
  readonly subject: Pick<Subject, 'kind' | 'id' | 'pipeline'>;
  readonly clock: TimerClock;
  readonly counters: Counters;
  readonly health: Health;
}

export interface RunningTask {
  /** Aborts a run that has begun; resolves when it has ended. Nothing runs after that. */
  stop(): Promise<void>;
}

/** Runs a task at each multiple of its interval. */
export function startTask(task: Task, { subject, clock, counters, health }: TaskContext): RunningTask {
  const of = { ...subject, task: task.name };
  const attributes = { component: `${subject.kind} ${subject.id}`, task: task.name };
  const abort = new AbortController();

  async function run(): Promise<void> {
    try {
      await task.run(abort.signal);
      health.healthy(of);
    } catch (error) {
      if (abort.signal.aborted) return; // asked for
      counters.add(runtimeCounters.taskErrors, 1, attributes);
      health.unhealthy(of, messageOf(error), { sentence: 'A task failed.' });
    }
  }

  const onSkipped = (times: number) => counters.add(runtimeCounters.taskSkipped, times, attributes);
  const schedule = startSchedule({ every: task.every, run, onSkipped }, clock);
  return {
    stop() {
      abort.abort();
      return schedule.stop();
    },
  };
}

import type { Logger } from 'pino';
import { endsWithin, type TimerClock } from '../machine/clock.ts';
import { type Nanoseconds, nanoseconds, seconds } from '../telemetry/units.ts';
import type { Graph } from './graph.ts';
import { inTime } from './in-time.ts';
import type { Instance } from './instance.ts';
import type { Services } from './services.ts';

export interface RetireContext {
  readonly clock: TimerClock;
  readonly log: Logger;
  readonly services: Services;
}

const retireLimit = seconds(5);
/** For each `close`, and at least for what is saved before, even if the deadline has passed: it is what detaches from the kernel. */
export const closeLimit = seconds(1);

export interface Retiring {
  /** Collects a last time, ends tasks, flushes, upstream first, and saves: after that the instances yield nothing. */
  quiesce(): Promise<void>;
  /** Delivers what is queued, within the deadline, and closes everything in reverse, services last. */
  close(): Promise<void>;
}

/** The end of instances of a graph, in the order of their opening; the deadline begins now. Never throws. */
export function retire(
  instances: readonly Instance[],
  { graph, clock, log, services }: RetireContext & { readonly graph: Graph },
): Retiring {
  const end = clock.elapsed() + retireLimit;
  const left = () => nanoseconds(Math.max(0, end - clock.elapsed()));
  const step = (what: string, work: () => Promise<unknown>) =>
    inTime(work, { what, limit: left(), clock, log });
  return {
    async quiesce() {
      for (const instance of instances) instance.skipBackoff();
      await step('collect a last time', () => all(instances, (instance) => instance.stopPulls()));
      for (const instance of instances) instance.cancelPulls();
      await step('end the tasks', () => all(instances, (instance) => instance.stopTasks()));
      // Batches that hang do so in an exporter, which accounts for them when it is closed.
      await endsWithin(clock, left(), graph.delivered());
      for (const instance of instances.toReversed())
        await step(`flush ${instance.name}`, () => instance.flush());
      const limit = nanoseconds(Math.max(left(), closeLimit));
      await all(instances, (instance) =>
        inTime(() => instance.save(), { what: `save ${instance.name}`, limit, clock, log }),
      );
    },
    async close() {
      await closeInstances(instances, { limit: left(), clock, log, services });
    },
  };
}

/** Within a limit for what is queued, and one for each close. */
export async function closeInstances(
  instances: readonly Instance[],
  { limit, clock, log, services }: RetireContext & { readonly limit: Nanoseconds },
): Promise<void> {
  await all(instances, (instance) =>
    inTime(() => instance.closeSender(limit), {
      ...{ what: `close the queue of ${instance.name}`, clock, log },
      limit: nanoseconds(limit + closeLimit), // after the deliveries, a disk that does not answer
    }),
  );
  for (const instance of instances.toReversed())
    await inTime(() => instance.close(), { what: `close ${instance.name}`, limit: closeLimit, clock, log });
  await services.release(instances.map(({ user }) => user));
}

const all = (instances: readonly Instance[], work: (instance: Instance) => Promise<void>) =>
  Promise.all(instances.map(work));

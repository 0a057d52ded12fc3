import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '@opentelemetry/resources';
import type { OwnMetricsConfig } from '../config/schema/telemetry.ts';
import { endsWithin, type TimerClock } from '../machine/clock.ts';
import { watchOwnProcess } from '../machine/own-process.ts';
import type { Counters } from '../telemetry/counters.ts';
import type { Health } from '../telemetry/health.ts';
import { seconds, type UnixNanoseconds } from '../telemetry/units.ts';
import { createProducer } from './producer.ts';
import { openReader } from './reader.ts';

/** The readers of the agent's own metrics. */
export interface OwnTelemetry {
  /** Opens the readers of these settings in place of the former. Rejects where one cannot listen; the former are opened again then. */
  apply(config: OwnMetricsConfig): Promise<void>;
  /** Sends a last time, within a limit. Never throws. */
  close(): Promise<void>;
}

interface Context {
  readonly counters: Counters;
  readonly clock: TimerClock;
  readonly health: Health;
  readonly ownResource: Resource;
}

/** A destination that does not answer must not keep the agent from ending. */
const closeLimit = seconds(2);

type Readers = Pick<OwnTelemetry, 'close'>;

const none: Readers = { close: async () => {} };

export function createOwnTelemetry(context: Context): OwnTelemetry {
  /** Of all totals, whenever their reader was opened. */
  const start = context.clock.now();
  let current: OwnMetricsConfig | undefined;
  let readers = none;
  const open = async (config: OwnMetricsConfig) => {
    readers = none;
    readers = await openReaders(config, { ...context, start });
    current = config;
  };
  return {
    async apply(next) {
      if (isDeepStrictEqual(next, current)) return;
      const former = current;
      await readers.close();
      try {
        await open(next);
      } catch (error) {
        if (former) await open(former);
        throw error;
      }
    },
    close: () => readers.close(),
  };
}

async function openReaders(
  { level, readers }: OwnMetricsConfig,
  { counters, clock, health, ownResource, start }: Context & { readonly start: UnixNanoseconds },
): Promise<Readers> {
  if (level === 'none' || readers.length === 0) return none;
  const { MeterProvider } = await import('@opentelemetry/sdk-metrics');
  const opened = await Promise.all(
    readers.map(async (config, index) => {
      const ownProcess = watchOwnProcess();
      const producer = createProducer({ counters, clock, ownProcess, start }, level);
      const subject = { kind: 'service', id: 'telemetry', task: `reader ${index}` } as const;
      const watcher = {
        succeeded: () => health.healthy(subject),
        failed: (reason: string) =>
          health.unhealthy(subject, reason, { sentence: 'Exporting own metrics failed.' }),
      };
      return { ...(await openReader(config, { producer, watcher })), ownProcess, subject };
    }),
  );
  const provider = new MeterProvider({ resource: ownResource, readers: opened.map(({ reader }) => reader) });
  const listening = await Promise.allSettled(opened.map(({ listen }) => listen()));
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    for (const { ownProcess } of opened) ownProcess.close();
    await Promise.all(listening.map((of) => (of.status === 'fulfilled' ? of.value?.close() : undefined)));
    // What fails at the end has been told by the watcher.
    await endsWithin(clock, closeLimit, provider.shutdown()).catch(() => {});
    for (const { subject } of opened) health.forget(subject);
  }

  const failed = listening.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') {
    await close();
    throw failed.reason;
  }
  return {
    close() {
      closed ??= close();
      return closed;
    },
  };
}

import { type Cgroups, cgroups as cgroupsRef } from '../../cgroup/cgroups.ts';
import { pathFilter } from '../../cgroup/filter.ts';
import type { Host, Receiver } from '../../component.ts';
import { clockOffset } from '../../machine/clock-offset.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import type { Batch, Signal } from '../../telemetry/batch.ts';
import { event } from '../../telemetry/logs.ts';
import { resource } from '../../telemetry/metrics/build.ts';
import { milliseconds, nanoseconds, type UnixNanoseconds } from '../../telemetry/units.ts';
import type { SchedulerConfig } from './config.ts';
import { costMeter } from './cost-meter.ts';
import { kernelCounter, waitEvent } from './emits.ts';
import { describeWait } from './events.ts';
import { Limits } from './limits.ts';
import { schedulerMetrics } from './metrics.ts';
import { openScheduler } from './open.ts';
import {
  type SchedulerSource,
  type SchedulingModes,
  samplingQuantum,
  type Waiter,
  type WantedOptions,
} from './source.ts';
import { finishInSteps } from './steps.ts';

export async function openReceiver(settings: SchedulerConfig, host: Host): Promise<Receiver> {
  const cgroups = await host.use(cgroupsRef);
  const source = await openScheduler(optionsOf(settings, host.signals), { host, cgroups });
  return receiveFrom(source, settings, { host, cgroups });
}

export function optionsOf(settings: SchedulerConfig, signals: ReadonlySet<Signal>): WantedOptions {
  return {
    ...(signals.has('logs') ? { minWait: settings.min_wait, sample: settings.sample } : noEvents),
    eventRate: settings.events_per_second,
    ...(settings.max_workloads !== undefined && { maxWorkloads: settings.max_workloads }),
    ...(settings.max_pairs !== undefined && { maxPairs: settings.max_pairs }),
  };
}

interface Surroundings {
  readonly host: Host;
  readonly cgroups: Pick<Cgroups, 'path'>;
}

/** The source closes with the receiver. */
export function receiveFrom(
  source: SchedulerSource,
  settings: SchedulerConfig,
  surroundings: Surroundings,
): Receiver {
  try {
    announce(source, surroundings.host);
    return receive(source, settings, surroundings);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** The ring holds 256 KiB; at this pace it takes 2,700 events a second. */
const drainEvery = milliseconds(500);

/** Without a pipeline for them the kernel side makes none. */
const noEvents = { minWait: nanoseconds(Number.MAX_SAFE_INTEGER), sample: 0 };

function announce(source: SchedulerSource, host: Host): void {
  const { programs, mapBytes, bufferBytes, cpus, workloads, pairs, threads, features } = source.describe();
  host.log.info(
    {
      ...{
        programs: programs.length,
        kernel_memory_mib: toMib(mapBytes),
        agent_memory_mib: toMib(bufferBytes),
      },
      ...{ cpus, workloads, pairs, threads, ...features },
    },
    'Attached to the scheduler.',
  );
}

/** In steps of a quarter. */
const toMib = (bytes: number) => Math.round(bytes / 2 ** 18) / 4;

function receive(
  source: SchedulerSource,
  settings: SchedulerConfig,
  { host, cgroups }: Surroundings,
): Receiver {
  const isPathWanted = pathFilter(settings.include, settings.exclude);
  const node = host.machine.name;
  let modes: SchedulingModes = {};
  const resourceOf = (cgroup: Waiter) =>
    resource({
      [resourceAttributes.hostName.key]: node,
      [resourceAttributes.cgroupId.key]: String(cgroup),
      [resourceAttributes.serviceInstanceId.key]: `${node}:${cgroup}`,
      ...(modes.ext !== undefined && { [resourceAttributes.schedExt.key]: modes.ext }),
      ...(modes.core && { [resourceAttributes.coreScheduling.key]: true }),
    });
  const isWanted = (cgroup: Waiter) =>
    isPathWanted(typeof cgroup === 'bigint' ? cgroups.path(cgroup) : undefined);
  const cost = costMeter(source, { every: settings.measure_cost, host });
  const limits = new Limits();
  let start = host.clock.now();

  return {
    tasks: [{ name: 'limits', every: settings.interval, run: () => limits.check() }],
    pulls: [
      {
        name: 'events',
        every: drainEvery,
        collect: () => toEvents(source, { host, resourceOf, isWanted }),
      },
      {
        name: 'metrics',
        every: settings.interval,
        async collect(): Promise<readonly Batch[]> {
          const reading = await finishInSteps(source.reading());
          modes = reading.modes ?? {};
          let end = host.clock.now();
          if (end < start) end = start; // the wall clock was set back
          const interval = { start, end };
          start = end;
          count(reading.drops, host);
          limits.note(reading.drops);
          cost.advance(reading.at);
          return [
            {
              signal: 'metrics',
              resourceMetrics: await finishInSteps(
                schedulerMetrics(reading, {
                  interval,
                  histogramScale: source.histogramScale,
                  maxCulprits: settings.max_culprits,
                  samplingError: samplingQuantum,
                  arePairsLost: Boolean(reading.drops.pair_full || reading.drops.pair_evicted),
                  resourceOf,
                  isWanted,
                }),
              ),
            },
          ];
        },
      },
    ],
    async close() {
      try {
        cost.close();
      } finally {
        source.close();
      }
    },
  };
}

function toEvents(
  source: SchedulerSource,
  of: {
    readonly host: Host;
    readonly resourceOf: (cgroup: Waiter) => ReturnType<typeof resource>;
    readonly isWanted: (cgroup: Waiter) => boolean;
  },
): readonly Batch[] {
  const observed = of.host.clock.now();
  const offset = clockOffset(of.host.clock); // its monotonic clock is the kernel side's
  const resources = new Map<Waiter, ReturnType<typeof resource>>();
  const records = source
    .drain()
    .filter((wait) => of.isWanted(wait.cgroup))
    .map((wait) => {
      const shared = resources.get(wait.cgroup) ?? of.resourceOf(wait.cgroup);
      resources.set(wait.cgroup, shared);
      return event(waitEvent, {
        resource: shared,
        at: (wait.at + offset) as UnixNanoseconds,
        observed,
        attributes: describeWait(wait),
      });
    });
  return records.length ? [{ signal: 'logs', records }] : [];
}

function count(drops: Readonly<Record<string, number>>, host: Host): void {
  for (const [reason, by] of Object.entries(drops))
    host.counters.add(kernelCounter(reason), by, { component: host.id, reason });
}

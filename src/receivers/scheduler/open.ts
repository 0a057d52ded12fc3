import type { Cgroups } from '../../cgroup/cgroups.ts';
import type { ServiceHost } from '../../component.ts';
import { readCacheCpus } from '../../machine/cache-cpus.ts';
import { readThreadCount } from '../../machine/thread-count.ts';
import { checkSource } from './check-source.ts';
import { countLimited } from './limited-cgroups.ts';
import { openLiveScheduler } from './live-scheduler.ts';
import { readFrom, watchSchedulingModes } from './scheduling-modes.ts';
import { pairsFor, workloadsFor } from './sizes.ts';
import type { SchedulerSource, WantedOptions } from './source.ts';
import { type SpecOptions, throttlesTasks } from './spec.ts';

/** One agent a machine: another one would pay twice and report everything twice. */
const lock = 'earshot';

export interface SchedulerSurroundings {
  readonly host: Pick<ServiceHost, 'bpf' | 'log' | 'machine'>;
  readonly cgroups: Pick<Cgroups, 'serials' | 'own' | 'living' | 'files'>;
}

/**
 * Attaches to the scheduler and checks that what it measures can be right. Throws `UnsupportedError` where this machine
 * cannot.
 */
export async function openScheduler(
  options: WantedOptions,
  { host: { bpf, log, machine }, cgroups }: SchedulerSurroundings,
): Promise<SchedulerSource> {
  const live = {
    ...{
      ...sizedFor(options, { host: { bpf, machine }, cgroups }),
      lock,
      cpuTimes: machine.hostFile('/proc/stat'),
    },
    warn: (error: Error) =>
      log.warn(
        error,
        'some time of interrupts and of the hypervisor counts as time of the cgroup that had the CPU',
      ),
  };
  const source = openLiveScheduler(bpf, live, cgroups);
  try {
    const { features, ...description } = source.describe();
    const found = await checkSource(source, bpf, { cgroup: cgroups.own(), log });
    const modes = watchSchedulingModes(readFrom(machine.hostFile), log);
    return {
      histogramScale: source.histogramScale,
      describe: () => ({ ...description, features: { ...features, ...found } }),
      drain: () => source.drain(),
      *reading() {
        const reading = yield* source.reading();
        return { ...reading, modes: modes(reading.drops) };
      },
      measureCost: () => source.measureCost(),
      close: () => source.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

/** With sizes for what lives on the node now. */
function sizedFor(
  options: WantedOptions,
  {
    host: { bpf, machine },
    cgroups,
  }: {
    readonly host: Pick<ServiceHost, 'bpf' | 'machine'>;
    readonly cgroups: Pick<Cgroups, 'living' | 'files'>;
  },
): SpecOptions {
  const living = [...cgroups.living()].map(({ path }) => path);
  const maxWorkloads = options.maxWorkloads ?? workloadsFor({ cpus: bpf.cpuRows(), cgroups: living.length });
  const threads = readThreadCount(machine.hostFile('/proc/loadavg')) ?? 0;
  const cacheCpus = readCacheCpus(
    machine.hostFile('/sys/devices/system/cpu/cpu0/cache/index3/shared_cpu_list'),
  );
  return {
    ...options,
    ...{ maxWorkloads, maxPairs: options.maxPairs ?? pairsFor(maxWorkloads), threads },
    limited: throttlesTasks(bpf) ? 0 : countLimited(living, cgroups.files),
    ...(cacheCpus !== undefined && { cacheCpus }),
  };
}

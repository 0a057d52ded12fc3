import type { Static } from 'typebox';
import { type Cgroups, cgroups as cgroupsRef } from '../../cgroup/cgroups.ts';
import type { CgroupFiles } from '../../cgroup/files/files.ts';
import { pathFilter } from '../../cgroup/filter.ts';
import { cgroupPatterns } from '../../cgroup/patterns.ts';
import type { Host, Receiver, ReceiverComponent } from '../../component.ts';
import { duration } from '../../config/schema/duration.ts';
import { Type } from '../../config/schema/type.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import type { Batch } from '../../telemetry/batch.ts';
import { resource } from '../../telemetry/metrics/build.ts';
import { nanoseconds } from '../../telemetry/units.ts';
import { metricsOf } from './cgroup-metrics.ts';
import { CgroupReader, type CgroupReaderOptions, type LivingCgroup } from './cgroup-reader.ts';
import { cgroupEmits, readingsDropped } from './emits.ts';

const config = Type.Object(
  {
    interval: duration({
      default: '10s',
      minimum: '100ms',
      description: 'How often the files are read.',
    }),
    pressure: Type.Boolean({
      default: true,
      description:
        'Read pressure stall information, where the kernel has it: up to four more files a cgroup.',
    }),
    max_cgroups: Type.Integer({
      default: 4096,
      minimum: 16,
      maximum: 65_536,
      description:
        'Cgroups that are read; those beyond are counted and left out. Each takes some 0.1 ms a reading.',
    }),
    include: cgroupPatterns(
      'Cgroup paths to report, from the root on (`/`, with `*` and `**`; everything below counts); default: all.',
    ),
    exclude: cgroupPatterns('Cgroup paths not to report, likewise.'),
  },
  { additionalProperties: false },
);

export const cgroup: ReceiverComponent<typeof config> = {
  kind: 'receiver',
  type: 'cgroup',
  summary:
    'Limits, throttling and pressure of every cgroup, from its files; needs neither eBPF nor privileges.',
  stability: { metrics: 'beta' },
  config,
  uses: [cgroupsRef],
  emits: cgroupEmits,
  async open(settings, host) {
    const cgroups = await host.use(cgroupsRef);
    if (cgroups.files) return receive({ ...cgroups, files: cgroups.files }, settings, host);
    host.log.warn('cannot read cgroup files: none are mounted here');
    return { pulls: [], close: async () => {} };
  },
};

interface MountedCgroups {
  readonly files: CgroupFiles;
  readonly living: Cgroups['living'];
}

function receive(
  { files, living: listLiving }: MountedCgroups,
  settings: Static<typeof config>,
  host: Host,
): Receiver {
  const isWanted = pathFilter(settings.include, settings.exclude);
  const node = host.machine.name;
  const miss = createMisses(host);
  const reader = new CgroupReader({
    ...{ files, pressure: settings.pressure, cpus: host.machine.cpus, miss },
    now: () => host.clock.now(),
  });
  const { pressures } = files;
  host.log.info({ cgroup_version: files.version, pressures }, 'Reading cgroup files.');
  const resourceOf = ({ id }: LivingCgroup) =>
    resource({
      [resourceAttributes.hostName.key]: node,
      [resourceAttributes.cgroupId.key]: String(id),
      [resourceAttributes.serviceInstanceId.key]: `${node}:${id}`,
    });
  let start = host.clock.now();
  let began = host.clock.elapsed();

  return {
    pulls: [
      {
        name: 'cgroups',
        every: settings.interval,
        async collect(): Promise<readonly Batch[]> {
          const before = { start, began };
          start = host.clock.now();
          began = host.clock.elapsed();
          const living = [...listLiving()];
          const wanted = living.filter(({ path }) => isWanted(path));
          const tooMany = wanted.length - settings.max_cgroups;
          if (tooMany > 0) miss('max_cgroups', { by: tooMany });
          const readings = await reader.read(wanted.slice(0, settings.max_cgroups), {
            listed: new Set(living.map(({ id }) => id)),
            start: before.start,
            since: () => nanoseconds(host.clock.elapsed() - before.began),
          });
          const resourceMetrics = readings.map((reading) => metricsOf(reading, resourceOf(reading.cgroup)));
          return resourceMetrics.length ? [{ signal: 'metrics', resourceMetrics }] : [];
        },
      },
    ],
    async close() {},
  };
}

/** Counts missing readings, and logs the first of each reason. */
function createMisses(host: Host): CgroupReaderOptions['miss'] {
  const logged = new Set<string>();
  return (reason, { by = 1, error } = {}) => {
    host.counters.add(readingsDropped, by, { component: host.id, reason });
    if (logged.has(reason)) return;
    logged.add(reason);
    const what = error instanceof Error ? error.message : reason;
    host.log.warn({ reason }, `cannot read all of a cgroup: ${what} (logged once; counted from now on)`);
  };
}

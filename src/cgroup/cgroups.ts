import { readFileSync } from 'node:fs';
import type { Static } from 'typebox';
import { UnsupportedError } from '../bpf/unsupported-error.ts';
import { type Closable, type Running, type ServiceHost, serviceRef } from '../component.ts';
import { duration } from '../config/schema/duration.ts';
import { Type } from '../config/schema/type.ts';
import { milliseconds } from '../telemetry/units.ts';
import { cgroupCounters } from './emits.ts';
import type { CgroupFiles } from './files/files.ts';
import { openCgroupFiles } from './files/open.ts';
import { type CpuHierarchy, findCpuHierarchy, missingFrom, readMountinfo, viewFrom } from './hierarchy.ts';
import { followLifecycle, type Lifecycle, type LifecycleLoss } from './lifecycle.ts';
import { findOwnCgroup, type OwnCgroup } from './own.ts';
import { type CgroupPaths, type CgroupRegistry, openRegistry } from './registry.ts';
import { scanCgroups } from './scan.ts';
import { Serials } from './serials.ts';

/** The cgroups of this machine: their names, now and before, and their control files. */
export interface Cgroups extends Closable, CgroupPaths {
  /** Undefined where no cgroups are mounted. */
  readonly files: CgroupFiles | undefined;
  /** Of every cgroup. Throws `UnsupportedError` where the kernel reports no cgroups. */
  serials(): Serials;
  /** The agent's own cgroup. */
  own(): OwnCgroup;
}

const hostKeys = Type.Object({
  keep_removed: duration({
    default: '10m',
    description: 'How long a removed cgroup keeps its name, for data that is late.',
  }),
  max_cgroups: Type.Integer({
    default: 16_384,
    minimum: 64,
    maximum: 1_048_576,
    description:
      'Cgroups whose names are known, removed ones included, which are forgotten first; some 500 bytes each.',
  }),
});

/** The ring has room for 460 changes. */
const drainEvery = milliseconds(500);

/** Opened with the first component that asks for a cgroup. */
export const cgroups = serviceRef({ id: 'cgroups', hostKeys, open: async (host) => openCgroups(host) });

function openCgroups(host: ServiceHost): Cgroups & Running {
  const settings = host.hostSettings(hostKeys);
  const mountinfo = process.platform === 'linux' ? readMountinfo() : '';
  const hierarchy = findCpuHierarchy(mountinfo, viewFrom(host.machine.rootPath));
  const missing = missingFrom(hierarchy);
  if (missing !== undefined) host.log.warn(missing);
  const registry = createRegistry(host, settings, hierarchy);
  const serials = new Serials(settings.max_cgroups, () =>
    host.counters.add(cgroupCounters.dropped, 1, { reason: 'limit_serials' }),
  );
  const { lifecycle, refusal } = tryToFollow(host, registry, serials);
  return {
    path: (id, at) => registry.path(id, at),
    living: () => registry.living(),
    files: hierarchy && filesOf(hierarchy, mountinfo),
    serials() {
      if (refusal) throw refusal;
      return serials;
    },
    own: () => findOwnCgroup(readFileSync('/proc/self/cgroup', 'latin1'), hierarchy?.mounts ?? []),
    tasks: lifecycle ? [{ name: 'life-cycle', every: drainEvery, run: () => lifecycle.drain() }] : [],
    close: async () => lifecycle?.close(),
  };
}

function createRegistry(
  { clock, counters }: ServiceHost,
  { max_cgroups: maxCgroups, keep_removed: keepRemoved }: Static<typeof hostKeys>,
  hierarchy: CpuHierarchy | undefined,
): CgroupRegistry {
  return openRegistry({
    ...{ maxCgroups, keepRemoved },
    scan: () => scanCgroups(hierarchy),
    monotonic: () => clock.monotonic(),
    now: () => clock.now(),
    known: (state, by) => counters.add(cgroupCounters.known, by, { state }),
    lose: (reason) => counters.add(cgroupCounters.dropped, 1, { reason }),
  });
}

/** A refusal where this machine, or the user's rights, do not allow it: then scans find what exists. */
function tryToFollow(
  { bpf, counters, log }: ServiceHost,
  registry: CgroupRegistry,
  serials: Serials,
): { readonly lifecycle?: Lifecycle; readonly refusal?: UnsupportedError } {
  const lose = (reason: LifecycleLoss, by: number) => counters.add(cgroupCounters.dropped, by, { reason });
  try {
    return { lifecycle: followLifecycle(bpf, { registry, serials, lose }) };
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    log.info(
      { reason: error.message },
      'Names of cgroups come from scans of their directories: a cgroup that is removed between two has none.',
    );
    return { refusal: error };
  }
}

function filesOf({ root, ...hierarchy }: CpuHierarchy, mountinfo: string): CgroupFiles | undefined {
  return root === undefined ? undefined : openCgroupFiles({ ...hierarchy, root }, mountinfo);
}

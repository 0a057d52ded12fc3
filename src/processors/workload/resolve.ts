import type { Identities } from '../../identity/identities.ts';
import { pseudoCgroups, unknownCgroup } from '../../identity/identity.ts';
import { type CgroupId, cgroupId, type UnixNanoseconds } from '../../telemetry/units.ts';
import type { Describe, Description } from './describe.ts';

export interface Resolver {
  /** `id`: decimal, or the name of a pseudo cgroup. */
  byId(id: string, at: UnixNanoseconds): Description;
  byPath(path: string): Description;
}

/** Resolves cgroups in attributes such as `earshot.cgroup.id` to described workloads. */
export function createResolver(
  identities: Pick<Identities, 'find' | 'atPath'>,
  describe: Describe,
): Resolver {
  return {
    byId(text, at) {
      const id = parseCgroupId(text);
      return describe(id === undefined ? pseudoCgroup(text) : identities.find(id, at));
    },
    byPath: (path) => describe(identities.atPath(path)),
  };
}

/** Undefined: it is not decimal. */
export function parseCgroupId(text: string): CgroupId | undefined {
  return /^\d+$/.test(text) ? cgroupId(BigInt(text)) : undefined;
}

const pseudoCgroup = (name: string) =>
  (Object.hasOwn(pseudoCgroups, name) ? pseudoCgroups[name] : undefined) ?? unknownCgroup(name);

import type { Identities } from '../../identity/identities.ts';
import { pseudoCgroups, unknownCgroup } from '../../identity/identity.ts';
import { type CgroupId, cgroupId, type UnixNanoseconds } from '../../telemetry/units.ts';
import type { Describe, Description } from './describe.ts';

/** Resolves the value of an attribute such as `earshot.cgroup.id`: a decimal id, or the name of a pseudo cgroup. */
export type Resolve = (id: string, at: UnixNanoseconds) => Description;

export function createResolve(identities: Pick<Identities, 'find'>, describe: Describe): Resolve {
  return (text, at) => {
    const id = parseCgroupId(text);
    const identity = id === undefined ? pseudoCgroup(text) : identities.find(id, at);
    return describe(identity);
  };
}

/** Undefined: it is not decimal. */
export function parseCgroupId(text: string): CgroupId | undefined {
  return /^\d+$/.test(text) ? cgroupId(BigInt(text)) : undefined;
}

const pseudoCgroup = (name: string) =>
  (Object.hasOwn(pseudoCgroups, name) ? pseudoCgroups[name] : undefined) ?? unknownCgroup(name);

import type { Attributes } from '@opentelemetry/api';
import { Type } from 'typebox';
import type { Host, ProcessorComponent } from '../../component.ts';
import { identifyPath, type PathIdentity } from '../../kernel/identify-path.ts';
import type { Batch } from '../../telemetry/batch.ts';
import { mapAttributes } from '../../telemetry/map-attributes.ts';
import { cgroupId } from '../../telemetry/units.ts';
import { attributes as keys, otherCulprit } from '../../telemetry/vocabulary.ts';

/** Says which workload a cgroup id is, on resources and on culprits alike, for any receiver's data. */
export const workload: ProcessorComponent = {
  kind: 'processor',
  type: 'workload',
  summary: 'Turns cgroup ids into workloads: container, pod, systemd unit, or plainly unknown.',
  signals: ['metrics', 'logs'],
  config: Type.Object({}, { additionalProperties: false }),
  async open(_config, host) {
    return {
      process(batch: Batch) {
        const identify = identifier(host);
        return mapAttributes(batch, {
          resource: (attributes) => ({ ...attributes, ...describeVictim(attributes, identify) }),
          item: (attributes) => ({ ...attributes, ...describeOthers(attributes, identify) }),
        });
      },
      close: async () => {},
    };
  },
};

interface Identity extends Omit<PathIdentity, 'kind'> {
  readonly kind: PathIdentity['kind'] | 'kernel' | 'overflow' | 'unknown';
  readonly name: string;
  readonly path?: string;
}

type Identify = (id: string) => Identity;

/** Remembers what it has found: for one batch, in which many points name the same cgroups. */
function identifier(host: Host): Identify {
  const known = new Map<string, Identity>();
  return (id) => {
    const identity = known.get(id) ?? identify(id, host);
    known.set(id, identity);
    return identity;
  };
}

function identify(id: string, host: Host): Identity {
  if (id === 'kernel') return { kind: 'kernel', name: 'kernel threads' };
  if (id === 'overflow') return { kind: 'overflow', name: 'beyond max_workloads' };
  if (id === 'idle') return { kind: 'kernel', name: 'idle' };
  const path = /^\d+$/.test(id) ? host.kernel.cgroups.path(cgroupId(BigInt(id))) : undefined;
  if (path === undefined) return { kind: 'unknown', name: `cgroup ${id}` };
  const identity = identifyPath(path);
  return { ...identity, path, name: nameOf(identity, path) };
}

/** Names people know go before ids; of an id only the part that the runtimes' own tools show. */
function nameOf({ kind, containerId, podUid, unit }: PathIdentity, path: string): string {
  switch (kind) {
    case 'container':
      return shorten(containerId ?? path);
    case 'pod':
      return `pod ${podUid?.slice(0, 8)}`;
    case 'root':
      return 'root cgroup';
    default:
      return unit ?? path;
  }
}

function shorten(id: string): string {
  return /^[0-9a-f]{32,}/.test(id) ? id.slice(0, 12) : id;
}

function describeVictim(attributes: Attributes, identify: Identify): Attributes {
  const id = attributes[keys.cgroupId];
  if (typeof id !== 'string') return {};
  const identity = identify(id);
  const { kind, name, path, containerId, podUid, unit } = identity;
  return defined({
    [keys.workloadKind]: kind,
    [keys.workloadName]: name,
    [keys.cgroupPath]: path,
    [keys.containerId]: containerId,
    [keys.podUid]: podUid,
    [keys.workloadUnit]: unit,
    [keys.serviceName]: name,
    [keys.serviceInstanceId]: instanceOf(
      identity,
      `${attributes[keys.hostName] ?? ''}:${path === undefined ? id : `${path}#${id}`}`,
    ),
  });
}

/**
 * Unique everywhere, or a backend merges what must stay apart: a container's cgroups below its own are others, and so is
 * a unit's cgroup after a restart, at the same path.
 */
function instanceOf({ containerId, path }: Identity, fallback: string): string {
  const isOwn = containerId !== undefined && path?.replace(/\.scope$/, '').endsWith(containerId);
  return isOwn && /^[0-9a-f]{32,}/.test(containerId) ? containerId : fallback;
}

function describeOthers(attributes: Attributes, identify: Identify): Attributes {
  return { ...describeCulprit(attributes, identify), ...describeLast(attributes, identify) };
}

function describeCulprit(attributes: Attributes, identify: Identify): Attributes {
  const id = attributes[keys.culpritCgroupId];
  if (typeof id !== 'string' || id === otherCulprit) return {};
  const { kind, name, path, containerId, podUid, unit } = identify(id);
  return defined({
    [keys.culpritKind]: kind,
    [keys.culpritName]: name,
    [keys.culpritCgroupPath]: path,
    [keys.culpritContainerId]: containerId,
    [keys.culpritPodUid]: podUid,
    [keys.culpritUnit]: unit,
  });
}

function describeLast(attributes: Attributes, identify: Identify): Attributes {
  const id = attributes[keys.lastCgroupId];
  return typeof id === 'string' ? { [keys.lastName]: identify(id).name } : {};
}

function defined(attributes: Readonly<Record<string, string | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

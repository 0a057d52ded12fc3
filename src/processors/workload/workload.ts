import type { Attributes } from '@opentelemetry/api';
import { Type } from 'typebox';
import type { Host, ProcessorComponent } from '../../component.ts';
import type { Batch } from '../../telemetry/batch.ts';
import { mapAttributes } from '../../telemetry/map-attributes.ts';
import { cgroupId } from '../../telemetry/units.ts';
import { attributes as keys } from '../../telemetry/vocabulary.ts';
import { identifyPath, type PathIdentity } from './cgroup-path.ts';

/** Says which workload a cgroup id is, on resources and on culprits alike, for any receiver's data. */
export const workload: ProcessorComponent = {
  kind: 'processor',
  type: 'workload',
  summary: 'Turns cgroup ids into workloads: container, pod, systemd unit, or plainly unknown.',
  signals: ['metrics', 'logs'],
  config: Type.Object({}, { additionalProperties: false }),
  async open(_config, host) {
    return {
      process: (batch: Batch) =>
        mapAttributes(batch, {
          resource: (attributes) => ({ ...attributes, ...describeVictim(attributes, host) }),
          item: (attributes) => ({ ...attributes, ...describeOthers(attributes, host) }),
        }),
      close: async () => {},
    };
  },
};

interface Identity extends Omit<PathIdentity, 'kind'> {
  readonly kind: PathIdentity['kind'] | 'kernel' | 'overflow' | 'unknown';
  readonly name: string;
  readonly path?: string;
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

function describeVictim(attributes: Attributes, host: Host): Attributes {
  const id = attributes[keys.cgroupId];
  if (typeof id !== 'string') return {};
  const identity = identify(id, host);
  const { kind, name, path, containerId, podUid, unit } = identity;
  return defined({
    [keys.workloadKind]: kind,
    [keys.workloadName]: name,
    [keys.cgroupPath]: path,
    [keys.containerId]: containerId,
    [keys.podUid]: podUid,
    [keys.workloadUnit]: unit,
    [keys.serviceName]: name,
    [keys.serviceInstanceId]: instanceOf(identity, `${attributes[keys.hostName] ?? ''}:${path ?? id}`),
  });
}

/** Unique everywhere, or a backend merges what must stay apart: a container's cgroups below its own are others. */
function instanceOf({ containerId, path }: Identity, fallback: string): string {
  const isOwn = containerId !== undefined && path?.replace(/\.scope$/, '').endsWith(containerId);
  return isOwn && /^[0-9a-f]{32,}/.test(containerId) ? containerId : fallback;
}

function describeOthers(attributes: Attributes, host: Host): Attributes {
  return { ...describeCulprit(attributes, host), ...describeLast(attributes, host) };
}

function describeCulprit(attributes: Attributes, host: Host): Attributes {
  const id = attributes[keys.culpritCgroupId];
  if (typeof id !== 'string' || id === 'other') return {};
  const { kind, name, path, containerId, podUid, unit } = identify(id, host);
  return defined({
    [keys.culpritKind]: kind,
    [keys.culpritName]: name,
    [keys.culpritCgroupPath]: path,
    [keys.culpritContainerId]: containerId,
    [keys.culpritPodUid]: podUid,
    [keys.culpritUnit]: unit,
  });
}

function describeLast(attributes: Attributes, host: Host): Attributes {
  const id = attributes[keys.lastCgroupId];
  return typeof id === 'string' ? { [keys.lastName]: identify(id, host).name } : {};
}

function defined(attributes: Readonly<Record<string, string | undefined>>): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

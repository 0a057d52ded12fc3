import { dirname } from 'node:path';
import { identifyPath } from './identify.ts';

/**
 * Levels of the hierarchy that may hold a quota, as the value of `earshot.quota.level`. `node`: all pods of a node
 * together; `nested`: a cgroup that a container, pod or unit made inside its own.
 */
export const quotaLevels = [
  'container',
  'pod',
  'qos',
  'node',
  'unit',
  'slice',
  'nested',
  'root',
  'cgroup',
] as const;
export type QuotaLevel = (typeof quotaLevels)[number];

/** Which level a cgroup is, by its path. */
export function quotaLevel(path: string): QuotaLevel {
  if (path === '/') return 'root';
  const own = identifyPath(path);
  switch (own.kind) {
    case 'container':
      return isInside(path, ({ containerId }) => containerId === own.containerId) ? 'nested' : 'container';
    case 'pod':
      return isInside(path, ({ podUid }) => podUid === own.podUid) ? 'nested' : 'pod';
    case 'service':
      return isInside(path, ({ unit }) => unit === own.unit) ? 'nested' : 'unit';
    default:
      return classLevel(path) ?? levelOfName(path);
  }
}

const isInside = (path: string, isSame: (parent: ReturnType<typeof identifyPath>) => boolean) =>
  isSame(identifyPath(dirname(path)));

/** A kubelet's own levels, where pods begin to be of another class. */
function classLevel(path: string): QuotaLevel | undefined {
  const qos = classOfPods(path);
  if (qos === undefined || qos === classOfPods(dirname(path))) return undefined;
  return qos === 'guaranteed' ? 'node' : 'qos';
}

/** What a pod right below would be. */
const classOfPods = (path: string) => identifyPath(`${path}/pod00000000-0000-0000-0000-000000000000`).qos;

/** systemd's units are known by the ends of their names. */
function levelOfName(path: string): QuotaLevel {
  if (path.endsWith('.slice')) return 'slice';
  return /\.(?:service|scope)$/.test(path) ? 'unit' : 'cgroup';
}

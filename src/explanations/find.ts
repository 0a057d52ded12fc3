import { editDistance } from '../config/rules/did-you-mean.ts';
import type { Known } from './answer.ts';

type Findable = Pick<Known, 'name' | 'cgroup' | 'ids' | 'owner' | 'namespace' | 'pod' | 'container'>;

/**
 * The workloads that a loosely written name means: `checkout` finds `shop/checkout-7f9/web`. Of the ways in which it may be
 * meant the strictest that finds any decides, so that a whole name is never ambiguous with a longer one.
 */
export function findNamed<W extends Findable>(all: readonly W[], written: string): readonly W[] {
  const text = written.toLowerCase();
  if (text === '') return [];
  for (const among of [withoutSandboxes(all), all])
    for (const matches of ways) {
      const found = among.filter((workload) => matches(workload, text));
      if (found.length > 0) return found;
    }
  return [];
}

/** A pod has its own name besides those of its containers, which are what is asked for by that name. */
function withoutSandboxes<W extends Findable>(all: readonly W[]): readonly W[] {
  const podOf = ({ namespace, pod }: Findable) => pod && `${namespace}/${pod}`;
  const pods = new Set(all.filter(({ container }) => container !== undefined).map(podOf));
  return all.filter((one) => one.container !== undefined || !podOf(one) || !pods.has(podOf(one)));
}

type Way = (workload: Findable, text: string) => boolean;

const ways: readonly Way[] = [
  ({ name, cgroup, ids }, text) => [name, cgroup, ...ids].some((of) => of?.toLowerCase() === text),
  (workload, text) => partsOf(workload).includes(text),
  (workload, text) => partsOf(workload).some((part) => part.startsWith(`${text}-`)),
  ({ name, ...workload }, text) =>
    name.toLowerCase().startsWith(text) ||
    partsOf({ name, ...workload }).some((part) => part.startsWith(text)),
  ({ ids }, text) => text.length >= shortestId && ids.some((id) => id.toLowerCase().startsWith(text)),
  ({ name, cgroup }, text) => [name, cgroup].some((of) => of?.toLowerCase().includes(text)),
];

/** Characters of an id that mean it. */
const shortestId = 6;

/** Namespace, pod and container of a name, the service without its suffix, and the name of the owner. */
function partsOf({ name, owner }: Pick<Known, 'name' | 'owner'>): readonly string[] {
  const parts = name.toLowerCase().split('/').filter(Boolean);
  return [
    ...parts,
    ...parts.map((part) => part.replace(/\.(service|scope|slice)$/, '')),
    ...(owner === undefined ? [] : [owner.toLowerCase().split(' ').at(-1) ?? '']),
  ];
}

/** Names of which a part looks like what was written, the most alike first. */
export function namesLike(all: readonly Pick<Known, 'name' | 'owner'>[], written: string): readonly string[] {
  const text = written.toLowerCase().slice(0, longestCompared);
  const limit = Math.max(1, Math.floor(text.length / 3));
  const near = all.map((workload) => ({
    name: workload.name,
    distance: Math.min(
      ...[...partsOf(workload), workload.name.toLowerCase()].map((part) => distanceTo(part, text)),
    ),
  }));
  const names = near
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .map(({ name }) => name);
  return [...new Set(names)].slice(0, mostNames);
}

export const mostNames = 5;
/** Longer ones are no typing errors. */
const longestCompared = 64;

/** Of a pod's name the part before the marks that Kubernetes appends counts too. */
function distanceTo(part: string, text: string): number {
  const heads = [part, part.slice(0, text.length)];
  return Math.min(
    ...heads.map((head) => (head.length > longestCompared ? Infinity : editDistance(head, text))),
  );
}

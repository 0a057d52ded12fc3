import type { Attributes } from '@opentelemetry/api';
import type { DataPoint, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { RecordedWeights } from '../../cgroup/recorded-weights.ts';
import type { CgroupWeights } from '../../cgroup/weights.ts';
import { culpritAttributes } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { type Cause, waitAttributes } from '../../telemetry/attributes/wait.ts';
import { Groups } from './groups.ts';
import { type Party, partyOf, type Rival, toNanoseconds, unreported } from './party.ts';

/** Causes whose culprits compete with the victim, other cgroups of its own among them. */
const own: Cause = 'self';
const competing: ReadonlySet<unknown> = new Set<Cause>([own, 'sibling', 'neighbor', 'system']);

export interface KnownWeights {
  /** Of the cgroups of this machine. */
  readonly weights: Pick<CgroupWeights, 'find'>;
  readonly recorded: Pick<RecordedWeights, 'of'>;
}

/** The parties of one reading: those with a resource, and then those that only points of blame name. */
export class Parties {
  readonly #groups: Groups;
  readonly #parties = new Map<unknown, Party>();

  constructor(resources: readonly ResourceMetrics[], weights: KnownWeights) {
    this.#groups = new Groups(weightsOf(resources, weights));
    for (const of of resources) {
      const { attributes } = of.resource;
      const path = attributes[resourceAttributes.cgroupPath.key];
      const group = typeof path === 'string' ? this.#groups.ofTasks(path) : undefined;
      this.#parties.set(keyOf(of), partyOf(metricsOf(of), attributes, group));
    }
  }

  of(resource: ResourceMetrics): Party | undefined {
    return this.#parties.get(keyOf(resource));
  }

  /** Culprits without a resource become parties. */
  enter(points: readonly DataPoint<number>[]): void {
    for (const point of points) if (isRival(point)) this.#culprit(point.attributes);
  }

  /**
   * The competing culprits in points of blame, which have been entered; `leave` is called with the blame, ns, of one that has
   * neither resource nor path.
   */
  rivalsIn(points: readonly DataPoint<number>[], leave: (blame: number) => void): readonly Rival[] {
    const rivals: Rival[] = [];
    for (const point of points) {
      if (!isRival(point)) continue;
      const { attributes, value } = point;
      const [blame, cause] = [toNanoseconds(value), attributes[causeKey]];
      const party = this.#culprit(attributes);
      const isOwn = cause === own;
      if (party) rivals.push({ party, blame, cause, isOwn, attributes });
      else if (!isOwn) leave(blame);
    }
    return rivals;
  }

  /** When all are known: their groups can be compared. */
  complete(): void {
    this.#groups.join();
  }

  #culprit(point: Attributes): Party | undefined {
    const path = point[pathKey];
    const key = point[cgroupKey] ?? path;
    const known = this.#parties.get(key);
    if (known || typeof path !== 'string') return known;
    const party = unreported(this.#groups.ofTasks(path));
    this.#parties.set(key, party);
    return party;
  }
}

const isRival = ({ attributes, value }: DataPoint<number>) =>
  competing.has(attributes[causeKey]) && toNanoseconds(value) > 0;

const causeKey = waitAttributes.cause.key;
const pathKey = culpritAttributes.cgroupPath.key;
const cgroupKey = culpritAttributes.cgroupId.key;

export function metricsOf({ scopeMetrics }: ResourceMetrics): readonly MetricData[] {
  const [only] = scopeMetrics;
  return only && scopeMetrics.length === 1 ? only.metrics : scopeMetrics.flatMap(({ metrics }) => metrics);
}

const isOfThisMachine = ({ resource: { attributes } }: ResourceMetrics) =>
  attributes[resourceAttributes.cgroupId.key] !== undefined &&
  attributes[resourceAttributes.recording.key] === undefined;

/** Of the machine of a reading: a path of another one may exist here too, with another weight. */
function weightsOf(resources: readonly ResourceMetrics[], { weights, recorded }: KnownWeights) {
  if (resources.every(isOfThisMachine)) return weights;
  const origins = new Set(
    resources.map(({ resource: { attributes } }) => attributes[resourceAttributes.recording.key]),
  );
  const [recording] = origins;
  return origins.size === 1 && typeof recording === 'string'
    ? recorded.of(recording)
    : { find: () => undefined };
}

/** Data of another machine has paths instead of ids. */
const keyOf = ({ resource: { attributes } }: ResourceMetrics): unknown =>
  attributes[resourceAttributes.cgroupId.key] ?? attributes[resourceAttributes.cgroupPath.key];

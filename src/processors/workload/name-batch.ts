import type { Attributes, HrTime } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Identity } from '../../identity/identity.ts';
import { culpritAttributes, lastRunnerAttributes, otherCulprit } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { type Batch, itemCount } from '../../telemetry/batch.ts';
import { resource } from '../../telemetry/metrics/build.ts';
import { mergePoints } from '../../telemetry/metrics/merge.ts';
import type { UnixNanoseconds } from '../../telemetry/units.ts';
import type { Description } from './describe.ts';
import { createClock } from './references.ts';
import type { Resolve } from './resolve.ts';
import { describeOthers, type Scope } from './scope.ts';
import type { Exclusion } from './selection.ts';

export type Role = 'victim' | 'culprit' | 'last';

export interface NamingOptions {
  readonly resolve: Resolve;
  readonly scope: Scope;
  exclude(identity: Identity): Exclusion | undefined;
  onIdentified(role: Role, outcome: Identity['outcome'], items: number): void;
  onExcluded(reason: Exclusion, items: number): void;
}

/** The batch with the names of its workloads, without excluded victims. */
export function nameBatch(batch: Batch, options: NamingOptions): Batch {
  const naming = new Naming(options);
  const named: Batch =
    batch.signal === 'metrics'
      ? {
          signal: 'metrics',
          resourceMetrics: batch.resourceMetrics.flatMap((of) => naming.metrics(of) ?? []),
        }
      : { signal: 'logs', records: naming.records(batch.records) };
  naming.count();
  return named;
}

/** Of one batch, in which many points name the same cgroups. */
class Naming {
  readonly #options: NamingOptions;
  readonly #clock = createClock();
  readonly #resolved = new Map<string, { readonly at: UnixNanoseconds; readonly description: Description }>();
  readonly #identified = new Map<`${Role} ${Identity['outcome']}`, number>();
  readonly #excluded = new Map<Exclusion, number>();

  constructor(options: NamingOptions) {
    this.#options = options;
  }

  metrics(of: ResourceMetrics): ResourceMetrics | undefined {
    const victim = this.#victim(of.resource.attributes, this.#clock(timeOf(of)));
    const items = itemCount({ signal: 'metrics', resourceMetrics: [of] });
    if (victim && this.#isExcluded(victim.identity, items)) return undefined;
    return {
      resource: victim ? describeResource(of.resource, victim) : of.resource,
      scopeMetrics: of.scopeMetrics.map((scope) => ({
        ...scope,
        metrics: scope.metrics.map((metric) => this.#metric(metric, victim?.identity)),
      })),
    };
  }

  records(records: readonly ReadableLogRecord[]): ReadableLogRecord[] {
    // Records of one resource keep sharing it, unless its id belongs to another cgroup by now.
    const shared = new Map<Resource, { readonly victim: Description; readonly resource: Resource }>();
    return records.flatMap((record) => {
      const at = this.#clock(record.hrTime);
      const victim = this.#victim(record.resource.attributes, at);
      if (victim && this.#isExcluded(victim.identity, 1)) return [];
      const attributes = this.#item(record.attributes, at, victim?.identity);
      if (!victim) return [{ ...record, attributes }];
      const former = shared.get(record.resource);
      const described =
        former?.victim === victim ? former : { victim, resource: describeResource(record.resource, victim) };
      shared.set(record.resource, described);
      return [{ ...record, attributes, resource: described.resource }];
    });
  }

  count(): void {
    for (const [key, items] of this.#identified) {
      const [role, outcome] = key.split(' ') as [Role, Identity['outcome']];
      this.#options.onIdentified(role, outcome, items);
    }
    for (const [reason, items] of this.#excluded) this.#options.onExcluded(reason, items);
  }

  #metric(metric: MetricData, victim: Identity | undefined): MetricData {
    const dataPoints = metric.dataPoints.map((point) => {
      const attributes = this.#item(point.attributes, this.#clock(point.endTime), victim);
      return attributes === point.attributes ? point : { ...point, attributes };
    });
    // the kind of point goes with the kind of metric, unchanged
    const named = { ...metric, dataPoints } as MetricData;
    return this.#options.scope.hides ? mergePoints(named) : named;
  }

  #item(attributes: Attributes, at: UnixNanoseconds, victim: Identity | undefined): Attributes {
    const culprit = this.#other(attributes[culpritAttributes.cgroupId.key], at);
    const last = this.#other(attributes[lastRunnerAttributes.cgroupId.key], at);
    if (culprit) this.#add('culprit', culprit.identity, 1);
    if (last) this.#add('last', last.identity, 1);
    if (!culprit && !last) return attributes;
    return describeOthers(attributes, { culprit, last }, (identity) =>
      this.#options.scope.isShown(identity, victim),
    );
  }

  #victim(attributes: Attributes, at: UnixNanoseconds): Description | undefined {
    const id = attributes[resourceAttributes.cgroupId.key];
    return typeof id === 'string' ? this.#resolve(id, at) : undefined;
  }

  #other(id: unknown, at: UnixNanoseconds): Description | undefined {
    return typeof id === 'string' && id !== otherCulprit ? this.#resolve(id, at) : undefined;
  }

  #resolve(id: string, at: UnixNanoseconds): Description {
    const resolved = this.#resolved.get(id);
    if (resolved?.at === at) return resolved.description;
    const description = this.#options.resolve(id, at);
    this.#resolved.set(id, { at, description });
    return description;
  }

  #isExcluded(victim: Identity, items: number): boolean {
    const { exclude, scope } = this.#options;
    const reason = scope.isVictim(victim) ? exclude(victim) : 'scope';
    if (reason === undefined) this.#add('victim', victim, items);
    else this.#excluded.set(reason, (this.#excluded.get(reason) ?? 0) + items);
    return reason !== undefined;
  }

  #add(role: Role, { outcome }: Identity, items: number): void {
    const key = `${role} ${outcome}` as const;
    this.#identified.set(key, (this.#identified.get(key) ?? 0) + items);
  }
}

/** The end of the interval. */
function timeOf({ scopeMetrics }: ResourceMetrics): HrTime {
  for (const { metrics } of scopeMetrics)
    for (const { dataPoints } of metrics) for (const { endTime } of dataPoints) return endTime;
  return [0, 0]; // nothing in it
}

/** A cgroup without an instance of its own is one for each node, path and id: a unit that was restarted is another. */
function describeResource(of: Resource, { identity, victim }: Description): Resource {
  const { [resourceAttributes.cgroupId.key]: id, [resourceAttributes.hostName.key]: host } = of.attributes;
  const { path } = identity;
  const instance = `${host ?? ''}:${path === undefined ? id : `${path}#${id}`}`;
  return resource({ ...of.attributes, [resourceAttributes.serviceInstanceId.key]: instance, ...victim });
}

import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Identity } from '../../identity/identity.ts';
import { culpritAttributes, lastRunnerAttributes, otherCulprit } from '../../telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../telemetry/attributes/resource.ts';
import { type Batch, mapBatch } from '../../telemetry/batch.ts';
import { resource } from '../../telemetry/metrics/build.ts';
import type { UnixNanoseconds } from '../../telemetry/units.ts';
import type { ItemOf, ItemsOfResource, Visit } from '../../telemetry/visit.ts';
import type { Description } from './describe.ts';
import type { Resolver } from './resolve.ts';
import { describeOthers, type Scope } from './scope.ts';
import type { Exclusion } from './selection.ts';

export type Role = 'victim' | 'culprit' | 'last';

export interface NamingOptions {
  readonly resolver: Resolver;
  readonly scope: Scope;
  exclude(identity: Identity): Exclusion | undefined;
  onIdentified(role: Role, outcome: Identity['outcome'], items: number): void;
  onExcluded(reason: Exclusion, items: number): void;
}

/** The batch with the names of its workloads, without excluded victims. */
export function nameBatch(batch: Batch, options: NamingOptions): Batch {
  const naming = new Naming(options);
  const named = mapBatch(batch, naming);
  naming.count();
  return named;
}

/** Of one batch, in which many items name the same cgroups: each id is parsed and resolved once. */
class Naming implements Visit {
  readonly mergesEqual: boolean;
  readonly #options: NamingOptions;
  readonly #resolved = new Map<string, { readonly at: UnixNanoseconds; readonly description: Description }>();
  /** Log records of one resource keep sharing it. */
  readonly #described = new Map<Resource, { readonly victim: Description; readonly resource: Resource }>();
  readonly #identified = new Map<`${Role} ${Identity['outcome']}`, number>();
  readonly #excluded = new Map<Exclusion, number>();

  constructor(options: NamingOptions) {
    this.#options = options;
    this.mergesEqual = options.scope.hides;
  }

  resource(of: Resource, { at, items }: ItemsOfResource): Resource | undefined {
    const victim = this.#victimOf(of, at);
    if (!victim) return of;
    if (this.#isExcluded(victim.identity, items)) return undefined;
    const former = this.#described.get(of);
    if (former?.victim === victim) return former.resource;
    const described = describeResource(of, victim);
    this.#described.set(of, { victim, resource: described });
    return described;
  }

  item(attributes: Attributes, { at, resource: of, items }: ItemOf): Attributes {
    const id = attributes[culpritAttributes.cgroupId.key];
    const path = attributes[culpritAttributes.cgroupPath.key];
    const culprit = id === otherCulprit ? undefined : this.#resolve({ id, path }, at);
    const last = this.#resolve({ id: attributes[lastRunnerAttributes.cgroupId.key] }, at);
    if (culprit) this.#add('culprit', culprit.identity, items);
    if (last) this.#add('last', last.identity, items);
    if (!culprit && !last) return attributes;
    const victim = this.#victimOf(of, at);
    return describeOthers(attributes, { culprit, last }, (identity) =>
      this.#options.scope.isShown(identity, victim?.identity),
    );
  }

  count(): void {
    for (const [key, items] of this.#identified) {
      const [role, outcome] = key.split(' ') as [Role, Identity['outcome']];
      this.#options.onIdentified(role, outcome, items);
    }
    for (const [reason, items] of this.#excluded) this.#options.onExcluded(reason, items);
  }

  #victimOf({ attributes }: Resource, at: UnixNanoseconds): Description | undefined {
    const id = attributes[resourceAttributes.cgroupId.key];
    return this.#resolve({ id, path: attributes[resourceAttributes.cgroupPath.key] }, at);
  }

  /** Data of another machine has paths instead of ids. */
  #resolve(
    { id, path }: { readonly id: unknown; readonly path?: unknown },
    at: UnixNanoseconds,
  ): Description | undefined {
    const { resolver } = this.#options;
    if (typeof id !== 'string') return typeof path === 'string' ? resolver.byPath(path) : undefined;
    const resolved = this.#resolved.get(id);
    if (resolved?.at === at) return resolved.description;
    const description = resolver.byId(id, at);
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

/** A cgroup without an instance of its own is one for each node, path and id: a unit that was restarted is another. */
function describeResource(of: Resource, { identity, victim }: Description): Resource {
  const { [resourceAttributes.cgroupId.key]: id, [resourceAttributes.hostName.key]: host } = of.attributes;
  const { path } = identity;
  const cgroup = [path, id].filter((part) => part !== undefined).join('#');
  const instance = `${host ?? ''}:${cgroup}`;
  return resource({ ...of.attributes, [resourceAttributes.serviceInstanceId.key]: instance, ...victim });
}

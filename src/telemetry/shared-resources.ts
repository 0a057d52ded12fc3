import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { seriesKey } from './series-key.ts';
import { type ReceivedResource, type ReceivedScope, received, receivedOf } from './wire/received.ts';

interface Scope {
  readonly name: string;
  readonly version?: string;
  readonly schemaUrl?: string;
  readonly attributes?: Attributes;
}

/** Batches share resources and scopes: each is made to a text once. */
const keys = new WeakMap<object, string>();

function keyOf<T extends object>(of: T, make: (of: T) => string): string {
  const known = keys.get(of);
  if (known !== undefined) return known;
  const key = make(of);
  keys.set(of, key);
  return key;
}

/** The same text for resources that are equal. */
const resourceKey = (of: Resource) => keyOf(of, () => `${of.schemaUrl ?? ''}\n${seriesKey(of.attributes)}`);

const scopeKey = (of: Scope) =>
  keyOf(
    of,
    () => `${of.name}\n${of.version ?? ''}\n${of.schemaUrl ?? ''}\n${seriesKey(of.attributes ?? {})}`,
  );

/** What was received is equal where all of it is, also what attributes do not show. */
const receivedKey = (of: ReceivedResource | ReceivedScope) =>
  keyOf(of, ({ message, schemaUrl }) =>
    JSON.stringify([message, schemaUrl], (_, value) => (typeof value === 'bigint' ? `${value}n` : value)),
  );

interface Group {
  readonly resource: Resource;
}

export function groupKey(group: Group): string {
  const before = receivedOf<ReceivedResource>(group);
  return `${resourceKey(group.resource)}\n${before ? receivedKey(before) : ''}`;
}

export function scopeGroupKey(group: { readonly scope: Scope }): string {
  const before = receivedOf<ReceivedScope>(group);
  return `${scopeKey(group.scope)}\n${before ? receivedKey(before) : ''}`;
}

/** Gives for each thing the first one that was equal to it. */
function createPool<T>(): (key: string, of: T) => T {
  const pool = new Map<string, T>();
  return (key, of) => {
    const first = pool.get(key);
    if (first === undefined) pool.set(key, of);
    return first ?? of;
  };
}

/** Items of all; those of equal resources and scopes share them, so that they are encoded once. */
export function withSharedResources<Item extends Group>(
  lists: readonly (readonly Item[])[],
): readonly Item[] {
  const resources = createPool<Resource>();
  const sharedScope = createScopePool();
  return lists.flat().map((item) => {
    const before = receivedOf<{ readonly scope: ReceivedScope }>(item);
    const scope = before && sharedScope(before.scope);
    const isAsReceived = item.resource === before?.scope.of.model;
    const resource =
      isAsReceived && scope ? scope.of.model : resources(resourceKey(item.resource), item.resource);
    if (resource === item.resource && scope === before?.scope) return item;
    return { ...item, resource, ...(before && { [received]: { ...before, scope } }) };
  });
}

function createScopePool(): (of: ReceivedScope) => ReceivedScope {
  const scopes = createPool<ReceivedScope>();
  const resources = createPool<ReceivedResource>();
  const known = new Map<ReceivedScope, ReceivedScope>();
  return (scope) => {
    const before = known.get(scope);
    if (before) return before;
    const of = resources(receivedKey(scope.of), scope.of);
    const same = of === scope.of ? scope : { ...scope, of };
    const shared = scopes(`${receivedKey(of)}\n${receivedKey(scope)}`, same);
    known.set(scope, shared);
    return shared;
  };
}

import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { RequestFields } from './messages.ts';
import type { Message } from './proto.ts';
import {
  itemMessage,
  type ReceivedItem,
  type ReceivedResource,
  type ReceivedScope,
  receivedOf,
  resourceGroup,
  resourceOf,
  scopeGroup,
  scopeOf,
} from './received.ts';

/** An item whose model has its resource and scope at itself. */
export interface ReceivedInScope extends ReceivedItem {
  readonly scope: ReceivedScope;
}

const messagesIn = (group: Message, field: string) => (group[field] ?? []) as readonly Message[];

/** The items of a request, in the order in which they come. */
export const itemsOf = <Item>(
  request: Message,
  { resources, scopes, items }: RequestFields,
  itemOf: (message: Message, scope: ReceivedScope) => Item,
): readonly Item[] =>
  messagesIn(request, resources).flatMap((group) => {
    const of = resourceOf(group);
    return messagesIn(group, scopes).flatMap((ofScope) => {
      const scope = scopeOf(ofScope, of);
      return messagesIn(ofScope, items).map((message) => itemOf(message, scope));
    });
  });

interface Item {
  readonly resource: Resource;
  readonly attributes: Attributes;
}

/** Items that were received, as a request. */
export const requestOf = (all: readonly Item[], { resources, scopes, items }: RequestFields): Message => ({
  [resources]: Array.from(grouped(all), ([now, befores]) =>
    Array.from(befores, ([before, ofScope]) =>
      resourceGroup(now, before, {
        [scopes]: Array.from(ofScope, ([scope, messages]) => scopeGroup(scope, { [items]: messages })),
      }),
    ),
  ).flat(),
});

type OfScope = Map<ReceivedScope, Message[]>;
type OfResource = Map<ReceivedResource, OfScope>;

function grouped(items: readonly Item[]): Map<Resource, OfResource> {
  const resources = new Map<Resource, OfResource>();
  for (const item of items) {
    const before = receivedOf<ReceivedInScope>(item);
    if (before === undefined) throw new Error('an item that was not received');
    const ofResource = getOrAdd(resources, item.resource, (): OfResource => new Map());
    const ofScope = getOrAdd(ofResource, before.scope.of, (): OfScope => new Map());
    getOrAdd(ofScope, before.scope, (): Message[] => []).push(itemMessage(item.attributes, before));
  }
  return resources;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

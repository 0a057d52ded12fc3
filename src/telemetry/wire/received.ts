import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import { resource } from '../metrics/build.ts';
import type { Message } from './proto.ts';
import { attributesOf, type KeyValue, keyValuesOf, type ReceivedAttributes } from './values.ts';

/**
 * What OpenTelemetry's own types have no place for stays with an item that was received, under this key: copies that components
 * make (`{ ...item, attributes }`) keep it, and the encoder writes it again. Components change attributes and resources of items,
 * and values of points; all else of an item is as it was received.
 */
export const received = Symbol('received');

/** The message of something that has attributes. */
export interface AttributedMessage extends Message {
  readonly attributes?: readonly KeyValue[];
}

export interface ReceivedItem extends ReceivedAttributes {
  readonly message: Message;
}

export interface ReceivedResource extends ReceivedAttributes {
  readonly model: Resource;
  readonly message: Message | undefined;
  readonly schemaUrl: string | undefined;
}

export interface ReceivedScope {
  readonly model: InstrumentationScope;
  readonly message: Message | undefined;
  readonly schemaUrl: string | undefined;
  readonly of: ReceivedResource;
}

/** An item of a model, with what it was received as. */
export type Received<T, R> = T & { readonly [received]: R };

export const receivedOf = <R>(item: object): R | undefined => (item as { [received]?: R })[received];

interface Group {
  readonly schemaUrl?: string;
}
interface ResourceGroup extends Group {
  readonly resource?: AttributedMessage;
}
interface ScopeGroup extends Group {
  readonly scope?: AttributedMessage & { readonly name?: string; readonly version?: string };
}

export function resourceOf({ resource: message, schemaUrl }: ResourceGroup): ReceivedResource {
  const model = resource(attributesOf(message?.attributes));
  return { model, message, schemaUrl, list: message?.attributes, attributes: model.attributes };
}

export function scopeOf({ scope: message, schemaUrl }: ScopeGroup, of: ReceivedResource): ReceivedScope {
  const { name = '', version } = message ?? {};
  const attributes = message?.attributes && attributesOf(message.attributes);
  const model = {
    name,
    ...(version !== undefined && { version }),
    ...(schemaUrl !== undefined && { schemaUrl }),
    ...(attributes && { attributes }),
  };
  return { model, message, schemaUrl, of };
}

/** The group of a resource as it is now, around its scopes. */
export function resourceGroup(
  now: Resource,
  { model, ...before }: ReceivedResource,
  scopes: Message,
): Message {
  const { message, schemaUrl } = before;
  const attributes = now === model ? before.list : keyValuesOf(now.attributes, before);
  const own = attributes === before.list ? message : { ...message, attributes };
  return { resource: own, ...scopes, schemaUrl };
}

export const scopeGroup = ({ message: scope, schemaUrl }: ReceivedScope, items: Message): Message => ({
  scope,
  ...items,
  schemaUrl,
});

/** The message of an item as it is now. */
export function itemMessage(attributes: ReceivedAttributes['attributes'], before: ReceivedItem): Message {
  const list = keyValuesOf(attributes, before);
  return list === before.list ? before.message : { ...before.message, attributes: list };
}

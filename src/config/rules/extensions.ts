import type { Component } from '../../component.ts';
import type { Path } from '../config-error.ts';
import { type JsonSchema, schemaAt } from '../schema/json-schema.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Catalogue } from './service.ts';

/** A place in a component's settings that names an extension. */
export interface ExtensionReference {
  readonly path: Path;
  readonly id: string;
  readonly provides: NonNullable<JsonSchema['extension']>;
}

/** Which extensions settings name, by their schema. */
export function extensionReferences(
  schema: JsonSchema | undefined,
  value: unknown,
  path: Path = [],
): readonly ExtensionReference[] {
  if (schema === undefined || value === undefined) return [];
  if (schema.extension) return [{ path, id: String(value), provides: schema.extension }];
  if (Array.isArray(value))
    return value.flatMap((item, index) => extensionReferences(schema.items, item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    extensionReferences(schemaAt(schema, key), inner, [...path, key]),
  );
}

const article = { storage: 'a', authenticator: 'an' } as const;

export interface Extensions {
  /** Configured ones. */
  readonly configured: Catalogue['extensions'];
  /** `service::extensions` */
  readonly started: readonly string[];
  /** All that there are. */
  readonly components: readonly Component[];
}

/** Why a reference has no extension that fits its place. */
export function extensionProblem(
  { id, provides }: ExtensionReference,
  { configured, started, components }: Extensions,
): string | undefined {
  const providing = (component?: Component) =>
    component?.kind === 'extension' && component.provides === provides;
  const types = components.filter(providing).map(({ type }) => type);
  if (!configured.has(id)) {
    const candidates = [...configured].flatMap(([other, component]) => (providing(component) ? [other] : []));
    const remedy =
      didYouMean(id, candidates) ||
      `: add ${article[provides]} ${provides} (${types.join(', ')}) to extensions and to service::extensions`;
    return `references extension "${id}" which is not configured${remedy}`;
  }
  const component = configured.get(id);
  if (component === undefined) return undefined; // its type is unknown, which was reported already
  if (!providing(component))
    return `extension "${id}" is no ${provides}: name one of type ${types.join(' or ')}`;
  return started.includes(id) ? undefined : `extension "${id}" is not started: add it to service::extensions`;
}

import type { TSchema } from 'typebox';

/** The part of JSON Schema that component configurations use, with four keywords of our own. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  /** The value is a duration, see `duration()`. */
  readonly duration?: { readonly minimum?: string; readonly maximum?: string };
  /** The value is never printed, see `secret()`. */
  readonly secret?: boolean;
  /** The value is the id of an extension that provides this, see `storageId()` and `authKey`. */
  readonly extension?: 'storage' | 'authenticator';
  /** Capital letters of a text are small ones. */
  readonly ignoresCase?: boolean;
  readonly [keyword: string]: unknown;
}

/** A TypeBox schema is JSON Schema; only its type does not show it. */
export const jsonSchema = (schema: TSchema) => schema as JsonSchema;

/** The schema that applies to a key of an object. */
export function schemaAt(schema: JsonSchema | undefined, key: string): JsonSchema | undefined {
  const { properties = {}, patternProperties = {}, additionalProperties } = schema ?? {};
  if (Object.hasOwn(properties, key)) return properties[key];
  for (const [pattern, matching] of Object.entries(patternProperties))
    if (new RegExp(pattern, 'u').test(key)) return matching;
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

/** A schema with `change` made to it and to every schema inside, innermost first. */
export function rewrite(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const inside = (schemas: Readonly<Record<string, JsonSchema>>) =>
    Object.fromEntries(Object.entries(schemas).map(([key, value]) => [key, rewrite(value, change)]));
  return change({
    ...schema,
    ...(schema.properties && { properties: inside(schema.properties) }),
    ...(schema.patternProperties && { patternProperties: inside(schema.patternProperties) }),
    ...(typeof schema.additionalProperties === 'object' && {
      additionalProperties: rewrite(schema.additionalProperties, change),
    }),
    ...(schema.items && { items: rewrite(schema.items, change) }),
  });
}

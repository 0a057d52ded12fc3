import type { Type as TypeBox } from 'typebox';

/** Of schemas made with `Optional`: their keys may be absent. */
const optional = new WeakSet<object>();

/**
 * The builders of TypeBox that configurations need, with its types and its results: each start of the agent and each
 * `validate` would load its hundreds of modules.
 */
export const Type = {
  Array: (items: object, options?: object) => ({ type: 'array', items, ...options }),
  Boolean: (options?: object) => ({ type: 'boolean', ...options }),
  Enum: (values: readonly unknown[], options?: object) => ({ enum: values, ...options }),
  Integer: (options?: object) => ({ type: 'integer', ...options }),
  Number: (options?: object) => ({ type: 'number', ...options }),
  Object(properties: Readonly<Record<string, object>>, options?: object) {
    const required = Object.keys(properties).filter((key) => !optional.has(properties[key] ?? {}));
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options };
  },
  Optional(schema: object) {
    const copy = { ...schema };
    optional.add(copy);
    return copy;
  },
  Record: ({ pattern = '^.*$' }: { pattern?: string }, value: object, options?: object) => ({
    type: 'object',
    patternProperties: { [pattern]: value },
    ...options,
  }),
  String: (options?: object) => ({ type: 'string', ...options }),
  Unsafe: (schema: object) => ({ ...schema }),
} as unknown as Pick<
  typeof TypeBox,
  'Array' | 'Boolean' | 'Enum' | 'Integer' | 'Number' | 'Object' | 'Optional' | 'Record' | 'String' | 'Unsafe'
>;

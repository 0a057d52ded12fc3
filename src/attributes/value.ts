import type { Attributes, AttributeValue } from '@opentelemetry/api';

/** Undefined: it is absent. A key may be named like a member of all objects. */
export const valueIn = (attributes: Attributes, key: string): AttributeValue | undefined =>
  Object.hasOwn(attributes, key) ? attributes[key] : undefined;

export const textOf = (value: AttributeValue): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

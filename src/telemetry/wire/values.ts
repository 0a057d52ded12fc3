import type { Attributes } from '@opentelemetry/api';

/** A value of OTLP; one of the fields, or none. */
export interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: bigint;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] };
  readonly bytesValue?: Uint8Array;
}

export interface KeyValue {
  readonly key?: string;
  readonly value?: AnyValue;
}

/** A value as components see it. Integers that a double does not hold are their digits. */
export function plainValue(any: AnyValue = {}): unknown {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = any;
  if (stringValue !== undefined) return stringValue;
  if (boolValue !== undefined) return boolValue;
  if (intValue !== undefined) return integerOf(intValue);
  if (doubleValue !== undefined) return doubleValue;
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(plainValue);
  if (kvlistValue !== undefined) return attributesOf(kvlistValue.values);
  return bytesValue;
}

const integerOf = (value: bigint) => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
};

export const attributesOf = (list: readonly KeyValue[] = []): Attributes =>
  // lists of lists, maps and bytes are there too: OpenTelemetry's type names what its API takes
  Object.fromEntries(list.map(({ key = '', value }) => [key, plainValue(value)])) as Attributes;

/** What was received, with what components made of it since. */
export interface ReceivedAttributes {
  readonly list: readonly KeyValue[] | undefined;
  readonly attributes: Attributes;
}

/** As it was received where the value is still the same one. */
export function keyValuesOf(
  attributes: Attributes,
  before: ReceivedAttributes,
): readonly KeyValue[] | undefined {
  if (attributes === before.attributes) return before.list;
  const left = new Map<string, unknown>(Object.entries(attributes));
  const kept = (before.list ?? []).filter(({ key = '', value }) => {
    if (!Object.hasOwn(before.attributes, key)) return true; // no component sees it
    if (!left.has(key) || !isKept(left.get(key), { key, value, before })) return false;
    left.delete(key);
    return true;
  });
  return [...kept, ...Array.from(left, ([key, value]) => ({ key, value: anyValueOf(value) }))];
}

/** Of a key that was received more than once, components see the last value. */
const isKept = (
  now: unknown,
  { key, value, before }: { key: string; value: AnyValue | undefined; before: ReceivedAttributes },
) => {
  const former = before.attributes[key];
  if (!Object.is(now, former)) return false;
  return typeof former === 'object' || Object.is(plainValue(value), former);
};

export function anyValueOf(value: unknown): AnyValue {
  switch (typeof value) {
    case 'string':
      return { stringValue: value };
    case 'boolean':
      return { boolValue: value };
    case 'number':
      return Number.isSafeInteger(value) ? { intValue: BigInt(value) } : { doubleValue: value };
    case 'object':
      if (value === null) return {};
      if (value instanceof Uint8Array) return { bytesValue: value };
      if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValueOf) } };
      return {
        kvlistValue: {
          values: Object.entries(value).map(([key, each]) => ({ key, value: anyValueOf(each) })),
        },
      };
    default:
      return {};
  }
}

import type { Attributes } from '@opentelemetry/api';

/** The same text for the same attributes in any order: by it series, points and counters are found again. */
export function seriesKey(attributes: Attributes): string {
  const keys = Object.keys(attributes);
  if (keys.length === 0) return '';
  return JSON.stringify(keys.sort().map((key) => [key, attributes[key]]));
}

import type { Attributes, HrTime } from '@opentelemetry/api';
import { printable } from '../../printable.ts';

const pairs = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => [printable(key), valueText(value)]);

export const valueText = (value: unknown) =>
  printable(typeof value === 'string' ? value : JSON.stringify(value));

export const attributesText = (attributes: Attributes) =>
  `{${pairs(attributes)
    .map((pair) => pair.join('='))
    .join(', ')}}`;

export const attributeLines = (attributes: Attributes, indent: string) =>
  pairs(attributes)
    .map((pair) => `${indent}${pair.join(': ')}\n`)
    .join('');

export const timeText = ([seconds, nanoseconds]: HrTime) =>
  new Date(seconds * 1000 + nanoseconds / 1e6).toISOString();

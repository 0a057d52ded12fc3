import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { eventAttributes } from '../../telemetry/attributes/event.ts';
import type { Nanoseconds } from '../../telemetry/units.ts';
import type { KeptReason } from './emits.ts';

/** A log record or a span, as far as sampling reads it. */
export interface Item {
  readonly resource: Resource;
  readonly attributes: Attributes;
}

/** An item with what sampling decides on. */
export interface Wait<T extends Item = Item> {
  readonly item: T;
  readonly duration: Nanoseconds;
  /** Waits that it stands for; at first those of its item. */
  readonly weight: number;
}

export interface Kept<T extends Item = Item> extends Wait<T> {
  /** Of the latest mode that kept it. */
  readonly reason: KeptReason;
}

/** Waits for which an item stands; 1 where it does not tell. */
export function weightOf({ attributes }: Item): number {
  const weight = attributes[eventAttributes.weight.key];
  return typeof weight === 'number' && weight > 0 && Number.isFinite(weight) ? weight : 1;
}

/** The same item if it already stands for so many waits. */
export const withWeight = <T extends Item>(item: T, weight: number): T =>
  weight === weightOf(item)
    ? item
    : { ...item, attributes: { ...item.attributes, [eventAttributes.weight.key]: weight } };

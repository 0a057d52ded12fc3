import type { Attributes, HrTime } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { type UnixNanoseconds, unixTime } from './units.ts';

/** The items of one resource: data points of an interval, a log record, a span, the samples of a profile. */
export interface ItemsOfResource {
  /** The end of the interval or span, or the record's time. */
  readonly at: UnixNanoseconds;
  readonly items: number;
}

export interface ItemOf {
  readonly at: UnixNanoseconds;
  /** As it is in the batch, before the visit. */
  readonly resource: Resource;
  /** The name of a data point's metric. */
  readonly metric?: string;
  /** Items that share these attributes: samples of a profile do. */
  readonly items: number;
}

/** Replaces resources and attributes of any signal. Items are visited after their resource. */
export interface Visit {
  /** Undefined drops the resource with its items; the same object if nothing changes. */
  resource(resource: Resource, of: ItemsOfResource): Resource | undefined;
  /** The same object if nothing changes. */
  item(attributes: Attributes, of: ItemOf): Attributes;
  /** Data points whose attributes become equal are added up. */
  readonly mergesEqual?: boolean;
}

/** Describes single items, with their time converted. Items of one reading share time, resource and metric, and so the result. */
export function createItemOf(): (time: HrTime, resource: Resource, metric?: string) => ItemOf {
  let last: HrTime = [0, 0];
  let of: ItemOf | undefined;
  return (time, resource, metric) => {
    const isSameTime = time === last || (time[0] === last[0] && time[1] === last[1]);
    if (of === undefined || of.resource !== resource || of.metric !== metric || !isSameTime) {
      const at = of !== undefined && isSameTime ? of.at : unixTime(time);
      of = metric === undefined ? { at, resource, items: 1 } : { at, resource, metric, items: 1 };
    }
    last = time;
    return of;
  };
}

/** The same array if nothing changes; what becomes undefined is left out. */
export function mapChanged<T>(all: T[], map: (each: T) => T | undefined): T[];
export function mapChanged<T>(all: readonly T[], map: (each: T) => T | undefined): readonly T[];
export function mapChanged<T>(all: readonly T[], map: (each: T) => T | undefined): readonly T[] {
  let changed: T[] | undefined;
  let index = 0;
  for (const each of all) {
    const mapped = map(each);
    if (mapped !== each) changed ??= all.slice(0, index);
    if (mapped !== undefined) changed?.push(mapped);
    index++;
  }
  return changed ?? all;
}

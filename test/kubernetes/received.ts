import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import type { ReceivedLogs, ReceivedPoint } from '../lab/otlp-decode.ts';
import type { OtlpReceiver } from '../lab/otlp-receiver.ts';

type Attributes = Readonly<Record<string, unknown>>;

/** A point with the resource it came on. */
export interface Received {
  readonly resource: Attributes;
  readonly metric: string;
  readonly point: ReceivedPoint;
}

/** Times as `Date.now()` has them. */
interface Window {
  readonly from?: number;
  readonly to?: number;
}

/** The points of a metric, or of all, that begin and end in a window of time. */
export function points(
  backend: OtlpReceiver,
  metric?: string,
  { from = 0, to = Number.POSITIVE_INFINITY }: Window = {},
): readonly Received[] {
  const found: Received[] = [];
  for (const { resources } of backend.metrics())
    for (const { resource, metrics } of resources)
      for (const { name, points } of metrics) {
        if (metric !== undefined && name !== metric) continue;
        for (const point of points)
          if (milliseconds(point.start) >= from && milliseconds(point.time) < to)
            found.push({ resource, metric: name, point });
      }
  return found;
}

const milliseconds = (nanoseconds: bigint) => Number(nanoseconds) / 1e6;

/** A log record with the resource it came on. */
export interface ReceivedRecord {
  readonly resource: Attributes;
  readonly record: ReceivedLogs['records'][number];
}

/** The records of an event, in order of arrival. */
export const events = (backend: OtlpReceiver, name: string): readonly ReceivedRecord[] =>
  backend
    .logs()
    .flatMap(({ resources }) =>
      resources.flatMap(({ resource, records }) =>
        records.filter(({ eventName }) => eventName === name).map((record) => ({ resource, record })),
      ),
    );

export const ofContainer =
  (id: string) =>
  ({ resource }: Received): boolean =>
    resource[workloadAttributes.containerId.key] === id;

/** Sums of values by an attribute of the point. */
export function sumBy(of: readonly Received[], attribute: string): ReadonlyMap<unknown, number> {
  const sums = new Map<unknown, number>();
  for (const { point } of of) {
    const key = point.attributes[attribute];
    sums.set(key, (sums.get(key) ?? 0) + Number(point.value));
  }
  return sums;
}

export const sum = (of: readonly Received[]): number =>
  of.reduce((total, { point }) => total + Number(point.value), 0);

/** All resources that anything came on, each once. */
export function resources(backend: OtlpReceiver): readonly Attributes[] {
  const all = new Map<string, Attributes>();
  for (const { resources: some } of [...backend.metrics(), ...backend.logs()])
    for (const { resource } of some as readonly ReceivedLogs[]) all.set(JSON.stringify(resource), resource);
  return [...all.values()];
}

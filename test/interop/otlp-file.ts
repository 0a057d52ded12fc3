import { existsSync, readFileSync } from 'node:fs';
import type { NumberedSignal } from './numbered.ts';

type Attributes = Readonly<Record<string, unknown>>;

/** An item of OTLP, whichever signal it is of. */
export interface Arrived {
  readonly resource: Attributes;
  readonly scope: string | undefined;
  readonly attributes: Attributes;
  /** Begin and end, or occurrence and observation. */
  readonly times: readonly string[];
  readonly content: object;
}

// OTLP as JSON, as far as the tests look; the Collector leaves out what is empty.
interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue;
}
interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
}
interface Item {
  readonly attributes?: readonly KeyValue[];
  readonly [field: string]: unknown;
}
interface Group {
  readonly resource?: Item;
  readonly [scopes: `scope${string}`]: readonly {
    readonly scope?: { readonly name?: string };
    readonly [items: string]: unknown;
  }[];
}

/** The items of a signal that the file exporter of a Collector has written. A line that is none fails. */
export function readItems(file: string, signal: NumberedSignal): readonly Arrived[] {
  if (!existsSync(file)) return [];
  const { resources, scopes, items, read } = shapes[signal];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.flatMap((line) =>
    ((JSON.parse(line)[resources] ?? []) as readonly Group[]).flatMap(
      ({ resource, [scopes]: ofScopes = [] }) =>
        ofScopes.flatMap(({ scope, [items]: own = [] }) =>
          (own as readonly Item[]).flatMap((item) =>
            read(item).map((found) => ({ resource: attributesOf(resource), scope: scope?.name, ...found })),
          ),
        ),
    ),
  );
}

interface Shape {
  readonly resources: string;
  readonly scopes: `scope${string}`;
  readonly items: string;
  /** A metric has several points. */
  read(item: Item): readonly Omit<Arrived, 'resource' | 'scope'>[];
}

const shapes: Readonly<Record<NumberedSignal, Shape>> = {
  metrics: { resources: 'resourceMetrics', scopes: 'scopeMetrics', items: 'metrics', read: pointsOf },
  logs: {
    ...{ resources: 'resourceLogs', scopes: 'scopeLogs', items: 'logRecords' },
    read: (record) => [
      {
        ...{
          attributes: attributesOf(record),
          times: [`${record.timeUnixNano}`, `${record.observedTimeUnixNano}`],
        },
        content: {
          ...{ name: record.eventName, body: (record.body as AnyValue | undefined)?.stringValue },
          ...{ severity: record.severityNumber, severityText: record.severityText },
        },
      },
    ],
  },
  traces: {
    ...{ resources: 'resourceSpans', scopes: 'scopeSpans', items: 'spans' },
    read(span) {
      const { code, message } = span.status as { code?: number; message?: string };
      const content = {
        name: span.name,
        kind: span.kind,
        ids: [span.traceId, span.spanId],
        status: [code, message],
      };
      const times = [`${span.startTimeUnixNano}`, `${span.endTimeUnixNano}`];
      return [{ attributes: attributesOf(span), times, content }];
    },
  },
};

const kinds = ['sum', 'gauge', 'exponentialHistogram', 'histogram', 'summary'] as const;

function pointsOf(metric: Item): ReturnType<Shape['read']> {
  const kind = kinds.find((each) => metric[each] !== undefined) ?? '';
  const data = (metric[kind] ?? {}) as Record<string, unknown>;
  const head = { name: metric.name, unit: metric.unit, description: metric.description, kind };
  const { aggregationTemporality: temporality, isMonotonic } = data;
  return ((data.dataPoints ?? []) as readonly Item[]).map((point) => ({
    ...{ attributes: attributesOf(point), times: [`${point.startTimeUnixNano}`, `${point.timeUnixNano}`] },
    content: present({ ...head, temporality, isMonotonic, ...valueOfPoint(point) }),
  }));
}

function valueOfPoint(point: Item): object {
  const number = point.asDouble ?? point.asInt;
  const { offset, bucketCounts } = (point.positive ?? {}) as {
    offset?: number;
    bucketCounts?: readonly string[];
  };
  const numbers = (texts: unknown) => (texts as readonly string[] | undefined)?.map(Number);
  return {
    value: number === undefined ? undefined : Number(number),
    count: point.count === undefined ? undefined : Number(point.count),
    ...{ sum: point.sum, max: point.max, scale: point.scale, offset, positive: numbers(bucketCounts) },
    zeroCount: point.zeroCount === undefined ? undefined : Number(point.zeroCount),
    ...{ bounds: point.explicitBounds, counts: numbers(point.bucketCounts) },
  };
}

const present = (object: object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

const attributesOf = (of: Item | undefined): Attributes =>
  Object.fromEntries((of?.attributes ?? []).map(({ key, value }) => [key, plain(value ?? {})]));

function plain(value: AnyValue): unknown {
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plain);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue);
}

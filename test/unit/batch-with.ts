import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { type Batch, type BySignal, bySignal, type Signal } from '../../src/telemetry/batch.ts';
import { event } from '../../src/telemetry/logs.ts';
import { resource, resourceMetrics, scope, sum } from '../../src/telemetry/metrics/build.ts';
import type { Span } from '../../src/telemetry/spans.ts';
import { hrTime, type UnixNanoseconds } from '../../src/telemetry/units.ts';

/** Labels of items, by the name of their resource. */
type Labels = Readonly<Record<string, readonly string[]>>;

export const interval = {
  start: 1_700_000_000_000_000_000n as UnixNanoseconds,
  end: 1_700_000_010_000_000_000n as UnixNanoseconds,
};

const metric = { name: 'test', kind: 'sum', unit: 's', meaning: 'A test.' } as const;

const makers: { readonly [S in Signal]: (labels: Labels) => Batch } = {
  metrics: (labels) => ({
    signal: 'metrics',
    resourceMetrics: Object.entries(labels).map(([name, all]) => {
      const points = all.map((label) => ({ value: 1, attributes: { label } }));
      // two metrics, so that points lie at all depths
      const half = points.length >> 1;
      const parts = [points.slice(0, half), points.slice(half)];
      return resourceMetrics(
        resource({ name }),
        parts.map((part) => sum(metric, interval, part)),
      );
    }),
  }),
  logs: (labels) => ({
    signal: 'logs',
    records: Object.entries(labels).flatMap(([name, all]) => {
      const of = resource({ name });
      const at = { at: interval.end, observed: interval.end };
      return all.map((label) => event({ name: 'test' }, { resource: of, ...at, attributes: { label } }));
    }),
  }),
  traces: (labels) => ({
    signal: 'traces',
    spans: Object.entries(labels).flatMap(([name, all]) => {
      const of = resource({ name });
      return all.map((label) => spanOf(of, label));
    }),
  }),
  profiles: (labels) => ({
    signal: 'profiles',
    profiles: Object.entries(labels).map(([name, all]) => ({
      resource: resource({ name }),
      interval,
      sampleType: { type: 'cpu', unit: 'nanoseconds' },
      stacks: [
        [
          { type: 'native', function: 'work' },
          { type: 'native', function: 'main' },
        ],
      ],
      attributes: all.map((label) => ({ label })),
      samples: {
        stack: new Uint32Array(all.length),
        attributes: Uint32Array.from(all.keys()),
        value: new Float64Array(all.length).fill(1e7),
      },
    })),
  }),
};

export const spanOf = (of: Span['resource'], label: string): Span => ({
  name: 'test',
  kind: SpanKind.SERVER,
  spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.SAMPLED }),
  startTime: hrTime(interval.start),
  endTime: hrTime(interval.end),
  duration: [10, 0],
  ended: true,
  status: { code: SpanStatusCode.OK },
  attributes: { label },
  ...{ links: [], events: [], droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  resource: of,
  instrumentationScope: scope,
});

/** A batch with an item for each label. */
export const batchWith = (signal: Signal, labels: Labels): Batch => makers[signal](labels);

export interface Item {
  readonly name: unknown;
  readonly label: unknown;
}

const item = (of: { readonly attributes: Attributes }, attributes: Attributes | undefined): Item => ({
  name: of.attributes.name,
  label: attributes?.label,
});

const readers: BySignal<readonly Item[]> = {
  metrics: ({ resourceMetrics: all }) =>
    all.flatMap(({ resource: of, scopeMetrics }) =>
      scopeMetrics.flatMap(({ metrics }) =>
        metrics.flatMap(({ dataPoints }) => dataPoints.map(({ attributes }) => item(of, attributes))),
      ),
    ),
  logs: ({ records }) => records.map((record) => item(record.resource, record.attributes)),
  traces: ({ spans }) => spans.map((span) => item(span.resource, span.attributes)),
  profiles: ({ profiles: all }) =>
    all.flatMap(({ resource: of, attributes, samples }) =>
      Array.from(samples.attributes, (set) => item(of, attributes[set])),
    ),
};

/** The items of a batch, in order. */
export const itemsIn = (batch: Batch): readonly Item[] => bySignal(batch, readers);

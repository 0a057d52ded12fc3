import type { Attributes, HrTime } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import type { Host } from '../../component.ts';
import { additionOf } from '../../telemetry/metrics/add-values.ts';
import { summaryType } from '../../telemetry/metrics/summary.ts';
import { seriesKey } from '../../telemetry/series-key.ts';
import type { Nanoseconds } from '../../telemetry/units.ts';
import { prometheusCounters, type Reason } from './emits.ts';
import type { Family, FamilyType, Sample, Value } from './families.ts';
import { type Label, labelsOf } from './labels.ts';
import { metricName, type NamedType } from './names.ts';
import type { Settings } from './settings.ts';
import { Shelf, type Shown } from './shelf.ts';
import { createTargets, type Target } from './targets.ts';

/** What a series is made of, whatever its name is. */
interface Origin {
  readonly target: Target;
  readonly scope: ScopeMetrics['scope'];
  readonly descriptor: MetricData['descriptor'];
  readonly type: NamedType;
  readonly attributes: Attributes;
}

interface Series extends Sample, Origin {
  value: Value;
  labels: readonly Label[];
  start: HrTime;
  end: HrTime;
  /** Its resource at the last point. */
  resourceKey: string;
  lastSeen: Nanoseconds;
  shown: Shown;
}

interface From {
  readonly metric: MetricData;
  readonly origin: Omit<Origin, 'attributes'>;
  readonly resourceKey: string;
}

/** Holds the last total of each series. Names follow from the settings, totals do not. */
export class Registry {
  #settings: Settings;
  readonly #host: Pick<Host, 'id' | 'counters' | 'clock'>;
  readonly #targets = createTargets();
  readonly #byOrigin = new Map<string, Series>();
  #shelf: Shelf;

  constructor(settings: Settings, host: Pick<Host, 'id' | 'counters' | 'clock'>) {
    this.#settings = settings;
    this.#host = host;
    this.#shelf = new Shelf(settings.naming.namespace);
  }

  /** By name, without series that expired. */
  families(): readonly Family[] {
    this.expire();
    return [...this.#shelf.families(), ...this.#targets.family(this.#settings)].sort((a, b) =>
      a.name < b.name ? -1 : 1,
    );
  }

  /** Totals stay; other settings give other names, bounds and times. */
  apply(settings: Settings): void {
    this.#settings = settings;
    this.#shelf = new Shelf(settings.naming.namespace);
    for (const [key, series] of this.#byOrigin) {
      const shown = this.#show(series, series);
      if (typeof shown !== 'string') continue;
      this.#byOrigin.delete(key);
      series.target.series -= 1;
      this.#drop(shown);
    }
  }

  /** How many points of each reason are not shown. */
  take(batch: readonly ResourceMetrics[]): ReadonlyMap<Reason, number> {
    const dropped = new Map<Reason, number>();
    for (const { resource, scopeMetrics } of batch) {
      const { target, resourceKey } = this.#targets.of(resource, this.#settings);
      for (const { scope, metrics } of scopeMetrics)
        for (const metric of metrics) {
          const origin = { target, scope, descriptor: metric.descriptor, type: typeOf(metric) };
          for (const reason of this.#takeMetric({ metric, origin, resourceKey })) {
            dropped.set(reason, (dropped.get(reason) ?? 0) + 1);
            this.#drop(reason);
          }
        }
    }
    return dropped;
  }

  /** Forgets series for which nothing came for too long. */
  expire(): void {
    const oldest = this.#host.clock.elapsed() - this.#settings.metric_expiration;
    let forgotten = 0;
    for (const [key, series] of this.#byOrigin) {
      if (series.lastSeen >= oldest) continue;
      forgotten += 1;
      this.#byOrigin.delete(key);
      this.#shelf.remove(series.shown);
      series.target.series -= 1;
    }
    this.#targets.sweep();
    if (forgotten > 0)
      this.#host.counters.add(prometheusCounters.seriesForgotten, forgotten, { exporter: this.#host.id });
  }

  #takeMetric(from: From): readonly Reason[] {
    const { target, scope, descriptor, type } = from.origin;
    const { dataPointType } = from.metric;
    const prefix = JSON.stringify([
      ...[target.key, scope.name, scope.version, scope.schemaUrl],
      ...[descriptor.name, descriptor.unit, type, dataPointType],
    ]);
    return (from.metric.dataPoints as readonly DataPoint<Value>[]).flatMap(
      (point) => this.#takePoint(point, `${prefix}${seriesKey(point.attributes)}`, from) ?? [],
    );
  }

  #takePoint(point: DataPoint<Value>, key: string, from: From): Reason | undefined {
    const isDelta = from.metric.aggregationTemporality === AggregationTemporality.DELTA;
    const add = isDelta ? additionOf(from.metric) : undefined;
    if (add && Number.isNaN(point.value)) return undefined; // a source says that it has none
    const known = this.#byOrigin.get(key);
    if (known === undefined) return this.#begin(point, key, from);
    const order = compare(point.endTime, known.end);
    // Two resources that are one target for Prometheus: of the same moment they are not one series, one after the other they are.
    if (known.resourceKey !== from.resourceKey && order === 0) return 'collision';
    if (order < 0 && add === undefined) return 'out_of_order';
    const total = add?.(known.value as never, point.value as never) as Value | undefined; // values of one kind of metric
    Object.assign(known, {
      value: total ?? point.value,
      // a total of its own, or of other bounds: counting began anew
      ...(total === undefined && { start: point.startTime }),
      ...(order > 0 && { end: point.endTime }),
      ...{ resourceKey: from.resourceKey, lastSeen: this.#host.clock.elapsed() },
    });
    return undefined;
  }

  #begin(point: DataPoint<Value>, key: string, { origin, resourceKey }: From): Reason | undefined {
    if (this.#byOrigin.size >= this.#settings.max_series) return 'max_series';
    const { value, startTime: start, endTime: end, attributes } = point;
    const lastSeen = this.#host.clock.elapsed();
    const series = { ...origin, attributes, value, start, end, lastSeen, resourceKey };
    const shown = this.#show(series, series);
    if (typeof shown === 'string') return shown;
    this.#byOrigin.set(key, shown);
    origin.target.series += 1;
    return undefined;
  }

  /** Gives a series its name and labels; the reason if it cannot have them. */
  #show(origin: Origin, series: Omit<Series, 'labels' | 'shown'>): Series | Reason {
    const { descriptor, type } = origin;
    const name = metricName({ name: descriptor.name, unit: descriptor.unit, type }, this.#settings.naming);
    if (name === undefined) return 'invalid_name';
    const familyType: FamilyType = type === 'sum' ? 'gauge' : type;
    const { labels, changes } = labelsOf(this.#labelSource(origin));
    const shown = this.#shelf.place({ name, type: familyType, help: descriptor.description, labels });
    if (typeof shown === 'string') return shown;
    for (const reason of changes)
      this.#host.counters.add(prometheusCounters.labelsChanged, 1, { exporter: this.#host.id, reason });
    const placed: Series = Object.assign(series, { labels, shown });
    shown.family.series.set(shown.identity, placed);
    return placed;
  }

  #labelSource({ target, scope, attributes, type }: Origin) {
    const { without_scope_info, const_labels, resource_to_telemetry_conversion, naming } = this.#settings;
    return {
      attributes: { ...(resource_to_telemetry_conversion.enabled && target.attributes), ...attributes },
      fixed: {
        ...(!without_scope_info &&
          scope.name !== '' && {
            otel_scope_name: scope.name,
            otel_scope_version: scope.version,
            otel_scope_schema_url: scope.schemaUrl,
          }),
        ...{ job: target.job, instance: target.instance },
      },
      // the metric's own
      without: type === 'histogram' ? ['le'] : type === 'summary' ? ['quantile'] : [],
      ...{ constant: const_labels, strategy: naming.strategy },
    };
  }

  #drop(reason: Reason): void {
    this.#host.counters.add(prometheusCounters.pointsDropped, 1, { exporter: this.#host.id, reason });
  }
}

function typeOf(metric: MetricData): NamedType {
  if ((metric.dataPointType as number) === summaryType) return 'summary';
  switch (metric.dataPointType) {
    case DataPointType.GAUGE:
      return 'gauge';
    case DataPointType.SUM:
      return metric.isMonotonic ? 'counter' : 'sum';
    case DataPointType.HISTOGRAM:
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return 'histogram';
  }
}

const compare = (a: HrTime, b: HrTime) => a[0] - b[0] || a[1] - b[1];

import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { seriesKey } from '../../telemetry/series-key.ts';
import type { Family, Sample } from './families.ts';
import { labelsOf } from './labels.ts';
import type { Settings } from './settings.ts';

/** A resource as Prometheus tells them apart. */
export interface Target {
  readonly key: string;
  readonly job: string | undefined;
  readonly instance: string | undefined;
  attributes: Attributes;
  /** Shown at present. */
  series: number;
}

const identity = ['service.name', 'service.namespace', 'service.instance.id'] as const;

/** Resources with series, and their attributes as `target_info`. */
export function createTargets() {
  const targets = new Map<string, Target>();

  function of(
    { attributes }: Resource,
    { resource_to_telemetry_conversion }: Settings,
  ): { readonly target: Target; readonly resourceKey: string } {
    const [name, namespace, instance] = identity.map((key) => text(attributes[key]));
    const job = name === undefined || namespace === undefined ? name : `${namespace}/${name}`;
    const resourceKey = seriesKey(attributes);
    // Attributes of a workload become known later: with an instance it stays the same target.
    const isNamed = instance && !resource_to_telemetry_conversion.enabled;
    const key = isNamed ? JSON.stringify([job, instance]) : resourceKey;
    const known = targets.get(key);
    if (known) known.attributes = attributes;
    const target = known ?? { key, job, instance, attributes, series: 0 };
    targets.set(key, target);
    return { target, resourceKey };
  }

  /** Forgets those without series. */
  function sweep(): void {
    for (const [key, { series }] of targets) if (series === 0) targets.delete(key);
  }

  /** None if no resource has both an identity and more than that. */
  function family({ naming: { strategy, namespace }, const_labels }: Settings): readonly Family[] {
    const samples = new Map<string, Sample>();
    for (const { job, instance, attributes } of targets.values()) {
      const others = Object.entries(attributes).filter(([key]) => !identity.some((each) => each === key));
      if (others.length === 0 || (!job && !instance)) continue;
      const { labels } = labelsOf({
        ...{ attributes: Object.fromEntries(others), fixed: { job, instance } },
        ...{ constant: const_labels, strategy },
      });
      samples.set(JSON.stringify([job, instance]), { labels, value: 1, start: [0, 0], end: undefined });
    }
    if (samples.size === 0) return [];
    const name = infoName(namespace);
    return [{ name, type: 'gauge', help: 'Target metadata', samples: samples.values() }];
  }

  return { of, sweep, family };
}

export const infoName = (namespace: string) =>
  namespace === '' ? 'target_info' : `${namespace}_target_info`;

const text = (value: Attributes[string]) => (value === undefined ? undefined : String(value));

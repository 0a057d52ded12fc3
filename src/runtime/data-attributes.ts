import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { type Batch, mapBatch } from '../telemetry/batch.ts';
import { resource } from '../telemetry/metrics/build.ts';
import type { Visit } from '../telemetry/visit.ts';

/** Adds attributes to each resource that lacks them. A receiver that uses a resource again gets the same one again. */
export function addAttributes(attributes: Attributes): (batch: Batch) => Batch {
  if (Object.keys(attributes).length === 0) return (batch) => batch;
  const completed = new WeakMap<Resource, Resource>();
  const visit: Visit = {
    resource(of) {
      const known = completed.get(of);
      if (known) return known;
      const whole = Object.keys(attributes).every((key) => Object.hasOwn(of.attributes, key))
        ? of
        : resource({ ...attributes, ...of.attributes });
      completed.set(of, whole);
      return whole;
    },
    item: (item) => item,
  };
  return (batch) => mapBatch(batch, visit);
}

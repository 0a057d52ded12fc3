import type { Resource } from '@opentelemetry/resources';
import { actionProblems, actionsSchema, createActions } from '../attributes/actions.ts';
import type { ProcessorComponent } from '../component.ts';
import { Type } from '../config/schema/type.ts';
import { mapBatch } from '../telemetry/batch.ts';
import { resource as resourceOf } from '../telemetry/metrics/build.ts';

const resourceConfig = Type.Object(
  { attributes: actionsSchema('What changes, in this order.') },
  { additionalProperties: false },
);

/** As the Collector's. Resources that become equal stay apart: an exporter or its backend puts them together. */
export const resource: ProcessorComponent<typeof resourceConfig> = {
  kind: 'processor',
  type: 'resource',
  summary: 'Sets, deletes, hashes, extracts from and converts attributes of resources.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: resourceConfig,
  check: ({ attributes }) => actionProblems('attributes', attributes),
  async open({ attributes: actions }) {
    const change = createActions(actions);
    /** Items and batches go on sharing a resource. */
    const changed = new WeakMap<Resource, Resource>();
    return {
      process: (batch) =>
        mapBatch(batch, {
          resource(of) {
            const known = changed.get(of);
            if (known) return known;
            const attributes = change(of.attributes);
            const result = attributes === of.attributes ? of : resourceOf(attributes);
            changed.set(of, result);
            return result;
          },
          item: (attributes) => attributes,
        }),
      close: async () => {},
    };
  },
};

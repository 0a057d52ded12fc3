import { stringify } from 'yaml';
import type { Component } from '../component.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { Config } from './config.ts';
import { printDuration } from './schema/duration.ts';
import { sections, serviceSchema } from './schema/file-schema.ts';
import { type JsonSchema, jsonSchema, schemaAt } from './schema/json-schema.ts';

/** The configuration as it takes effect, defaults filled in and secrets left out, as YAML. */
export function printConfig(config: Config): string {
  const bodies = sections.map((section) => {
    const entries = [...config[section]].map(([id, { component, config }]: Entry) => [
      id,
      written(config, jsonSchema(component.config)),
    ]);
    return [section, Object.fromEntries(entries)];
  });
  const pipelines = config.pipelines.map(({ id, receivers, processors, exporters }) => [
    id,
    { receivers, processors, exporters },
  ]);
  const service = {
    extensions: config.started,
    pipelines: Object.fromEntries(pipelines),
    host: written(config.host, jsonSchema(serviceSchema.properties.host)),
    telemetry: written(config.telemetry, jsonSchema(serviceSchema.properties.telemetry)),
  };
  return stringify({ ...Object.fromEntries(bodies), service });
}

type Entry = readonly [id: string, { readonly component: Component; readonly config: unknown }];

function written(value: unknown, schema: JsonSchema | undefined): unknown {
  if (schema?.secret) return '[REDACTED]';
  // The `duration` keyword has decoded it.
  if (schema?.duration) return printDuration(value as Nanoseconds);
  if (Array.isArray(value)) return value.map((item) => written(item, schema?.items));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, written(inner, schemaAt(schema, key))]),
  );
}

import type { Static, TObject } from 'typebox';
import type { Component } from '../../component.ts';
import { signalNames } from '../../telemetry/batch.ts';
import { configSchemaOf } from './delivery.ts';
import { type JsonSchema, jsonSchema, rewrite } from './json-schema.ts';
import { ownLogsSchema, ownMetricsSchema, type ResourceSettings } from './telemetry.ts';
import { Type } from './type.ts';

/** The sections that hold components, each named after the kind in it. */
export const sections = ['receivers', 'processors', 'connectors', 'exporters', 'extensions'] as const;
export type Section = (typeof sections)[number];
export const sectionOf = (kind: Component['kind']): Section => `${kind}s`;

/** A component's own types, the former ones too. */
export const typesOf = (component: Component): readonly string[] => [
  component.type,
  ...(component.aliases ?? []),
];

/** The part of an id after `type/`: at most 1024 characters, no separators, control characters or symbols. */
const name = '[^\\p{Z}\\p{C}\\p{S}]{1,1024}';
export const idPattern = (types: readonly string[]) => `^(${types.join('|')})(/${name})?$`;

const ids = (description: string, options: object = {}) =>
  Type.Array(Type.String(), { description, ...options });

const pipelineSchema = Type.Object({
  receivers: ids('Where its data comes from: ids of receivers and connectors.', { minItems: 1 }),
  processors: ids('What is done to its data, in order: ids of processors.', { default: [] }),
  exporters: ids('Where its data goes: ids of exporters and connectors.', { minItems: 1 }),
});

export const serviceSchema = Type.Object({
  extensions: ids('Ids of the extensions to start.', { default: [] }),
  pipelines: Type.Unsafe<Readonly<Record<string, Static<typeof pipelineSchema>>>>({
    type: 'object',
    description: 'Pipelines by id: the signal, or `signal/name`.',
    minProperties: 1,
    patternProperties: { [idPattern(signalNames)]: pipelineSchema },
    additionalProperties: false,
  }),
  host: Type.Object(
    {
      root_path: Type.String({
        default: '/',
        pattern: '^/',
        description:
          "Absolute path at which the host's file system, or what is needed of it (`/sys/fs/cgroup`, perhaps `/proc`), is mounted in the agent's own, as `/host` in a container.",
      }),
    },
    { default: {}, description: 'The machine that is observed.' },
  ),
  telemetry: Type.Object(
    {
      logs: ownLogsSchema,
      metrics: ownMetricsSchema,
      resource: Type.Unsafe<ResourceSettings>({
        type: 'object',
        default: {},
        additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
        description:
          'Attributes of the agent in its own telemetry, stronger than `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`; null takes one away. Those that are not of a service (`service.*`) are added to all data of receivers that lack them.',
      }),
    },
    { default: {}, description: 'Telemetry of the agent about itself.' },
  ),
});

/** Of `service::host`: its own keys and those that the services of these components bring. */
export function hostSchemaOf(components: readonly Pick<Component, 'uses'>[]): TObject {
  const { properties, ...options } = serviceSchema.properties.host;
  const services = new Set(components.flatMap(({ uses = [] }) => uses));
  const brought = [...services].map(({ hostKeys }) => hostKeys?.properties);
  return Type.Object(Object.assign({}, properties, ...brought), options);
}

export const serviceSchemaOf = (components: readonly Component[]) =>
  Type.Object({ ...serviceSchema.properties, host: hostSchemaOf(components) });

/** The schema of a configuration with these components, for the checks and for publication. */
export function fileSchema(
  components: readonly Component[],
  { mayLackPipelines = false }: { readonly mayLackPipelines?: boolean } = {},
): JsonSchema {
  const bodies = (section: Section) =>
    Object.fromEntries(
      components
        .filter(({ kind }) => sectionOf(kind) === section)
        .map((component): [string, JsonSchema] => [
          idPattern(typesOf(component)),
          { ...jsonSchema(configSchemaOf(component)), description: component.summary },
        ]),
    );
  const properties = Object.fromEntries(
    sections.map((section): [string, JsonSchema] => [
      section,
      { type: 'object', patternProperties: bodies(section), additionalProperties: false },
    ]),
  );
  const service = jsonSchema(serviceSchemaOf(components));
  return closed({
    type: 'object',
    properties: { ...properties, service: mayLackPipelines ? withoutPipelines(service) : service },
    required: mayLackPipelines ? [] : ['receivers', 'exporters', 'service'],
  });
}

function withoutPipelines({ required = [], ...service }: JsonSchema): JsonSchema {
  const { minProperties: _, ...pipelines } = service.properties?.pipelines ?? {};
  return {
    ...service,
    default: {},
    properties: { ...service.properties, pipelines: { ...pipelines, default: {} } },
    required: required.filter((key) => key !== 'pipelines'),
  };
}

/** An object accepts only its declared keys, unless its schema declares otherwise. */
const closed = (schema: JsonSchema) =>
  rewrite(schema, (inner) =>
    inner.properties && inner.additionalProperties === undefined
      ? { ...inner, additionalProperties: false }
      : inner,
  );

/** The schema for editors: keys with a default may be missing or empty, and `${env:…}` may stand for any value. */
export function publishedSchema(components: readonly Component[]): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of Earshot',
    ...rewrite(fileSchema(components), publish),
  };
}

const expansion = { type: 'string', pattern: '\\$\\{.+\\}' };

function publish({ duration, secret, extension, ignoresCase, ...schema }: JsonSchema): JsonSchema {
  if (schema.enum) {
    const { default: preset, description, ...rest } = schema;
    return {
      ...(description !== undefined && { description }),
      ...(preset !== undefined && { default: preset }),
      anyOf: [rest, expansion],
    };
  }
  if (schema.type === 'object') {
    const { required = [], ...rest } = schema;
    const needed = required.filter((key) => schema.properties?.[key]?.default === undefined);
    return { ...rest, type: ['object', 'null'], ...(needed.length > 0 && { required: needed }) };
  }
  if (duration) {
    const { minimum, maximum, ...rest } = schema;
    const limits = Object.entries(duration).map(
      ([limit, value]) => ` ${limit === 'minimum' ? 'At least' : 'At most'} ${value}.`,
    );
    const description = `${schema.description ?? 'A duration.'}${limits.join('')}`;
    return { ...rest, description, minimum, maximum, pattern: `${schema.pattern}|${expansion.pattern}` };
  }
  if (schema.type === 'boolean' || schema.type === 'integer' || schema.type === 'number')
    return { ...schema, type: [schema.type, 'string'], pattern: expansion.pattern };
  return schema;
}

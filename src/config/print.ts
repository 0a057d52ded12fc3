import { Document, isMap, isNode, isScalar, isSeq, Scalar, visit } from 'yaml';
import type { Component } from '../component.ts';
import { escaped, printable } from '../printable.ts';
import type { Nanoseconds } from '../telemetry/units.ts';
import type { Config, Configured } from './config.ts';
import type { Path } from './config-error.ts';
import { configSchemaOf } from './schema/delivery.ts';
import { printDuration } from './schema/duration.ts';
import { sections, serviceSchema } from './schema/file-schema.ts';
import { type JsonSchema, jsonSchema, schemaAt } from './schema/json-schema.ts';

/**
 * The configuration as it takes effect, defaults filled in and secrets left out, as YAML; behind each value where it was
 * written, if `config` knows.
 */
export function printConfig(config: Config): string {
  const bodies = sections.map((section) => {
    const entries = [...config[section]].map(([id, { component, config, delivery }]: Entry) => [
      id,
      written({ ...config, ...delivery }, jsonSchema(configSchemaOf(component))),
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
    host: written(config.host, jsonSchema(config.hostSchema)),
    telemetry: written(config.telemetry, jsonSchema(serviceSchema.properties.telemetry)),
  };
  return printableYaml({ ...Object.fromEntries(bodies), service }, config.originOf);
}

/** What is not printable is in quotes, by YAML's own escapes; a dollar in a value is not expanded when it is read again. */
function printableYaml(value: unknown, originOf: Config['originOf']): string {
  const document = new Document(value);
  if (originOf) addOrigins(document.contents, [], originOf);
  visit(document, {
    Scalar(key, node) {
      if (typeof node.value !== 'string') return;
      if (escaped(node.value, () => '') !== node.value) node.type = Scalar.QUOTE_DOUBLE;
      if (key !== 'key') node.value = node.value.replaceAll('$', () => '$$');
    },
  });
  return document
    .toString()
    .split('\n')
    .map((line) => escaped(line, yamlEscape))
    .join('\n');
}

/** As a comment on each value that has no others inside. */
function addOrigins(node: unknown, path: Path, originOf: Config['originOf'] & {}): void {
  if (isMap(node) && node.items.length > 0) {
    for (const { key, value } of node.items) addOrigins(value, [...path, String(key)], originOf);
  } else if (isSeq(node) && node.items.length > 0) {
    for (const [index, item] of node.items.entries()) addOrigins(item, [...path, String(index)], originOf);
  } else if (isNode(node)) {
    const origin = originOf(path) ?? (isScalar(node) ? 'default' : undefined); // the YAML library gives {} three lines
    if (origin !== undefined) node.comment = ` ${printable(withoutCredentials(origin))}`;
  }
}

/** The YAML library escapes those that JSON has to. */
const yamlEscape = (character: string) =>
  character === '\\' ? character : `\\U${character.codePointAt(0)?.toString(16).padStart(8, '0')}`;

type Entry = readonly [id: string, Configured<Component>];

function written(value: unknown, schema: JsonSchema | undefined): unknown {
  if (schema?.secret) return '[REDACTED]';
  // The `duration` keyword has decoded it.
  if (schema?.duration) return printDuration(value as Nanoseconds);
  if (typeof value === 'string') return withoutCredentials(value);
  if (Array.isArray(value)) return value.map((item) => written(item, schema?.items));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, written(inner, schemaAt(schema, key))]),
  );
}

/** Some vendors take a key in the query of a URL, and a user may have written a password into one of which nothing is known. */
const withoutCredentials = (text: string) =>
  text
    .replace(/^([a-z][\w+.-]*:\/\/)[^/?#]*@/i, '$1[REDACTED]@')
    .replace(/^([a-z][\w+.-]*:\/\/[^?#\s]*\?).+$/is, '$1[REDACTED]');

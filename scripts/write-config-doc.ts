import { writeFileSync } from 'node:fs';
import type { Component } from '../src/component.ts';
import { components } from '../src/components.ts';
import { gates } from '../src/config/gates.ts';
import { fromTheCollector } from '../src/config/rules/from-the-collector.ts';
import { configSchemaOf } from '../src/config/schema/delivery.ts';
import { sectionOf, sections, serviceSchemaOf } from '../src/config/schema/file-schema.ts';
import { type JsonSchema, jsonSchema } from '../src/config/schema/json-schema.ts';

export const path = new URL('../docs/CONFIG.md', import.meta.url);

/** `docs/CONFIG.md`, from the components' schemas. */
export function configDocument(components: readonly Component[]): string {
  return [
    '# Configuration',
    "Generated from the components' schemas by `scripts/write-config-doc.ts`; do not edit.",
    'A configuration lists components by id, and pipelines that connect them. An id is `type` or `type/name`. A nested key is written `a::b` here, as in messages and in `--set a::b=value`; `<n>` stands for a place in a list, from 0 on, as in messages; `--set` takes a list as a whole. A duration is a number with a unit: `10s`, `1h30m`, `200ms`.',
    ...sections.flatMap((section) => {
      const members = components.filter(({ kind }) => sectionOf(kind) === section);
      return members.length > 0 ? [`## ${section}`, ...members.flatMap(componentPart)] : [];
    }),
    '## service',
    keyTable(jsonSchema(serviceSchemaOf(components))),
    '## Feature gates',
    'Options of the command line, as in the Collector: `--feature-gates=a,-b` enables `a` and disables `b`, `earshot featuregate` lists them. Alpha gates are off by default, beta gates on.',
    gateTable(),
    '## Coming from the Collector',
    'Sections, ids, pipelines, `${env:X:-default}`, `${file:path}`, `${yaml:text}`, `${https://…}` in values (one inside another too), `$$`, keys `a::b::c`, repeated `--config` (a file, `env:NAME`, `yaml:text`, an address, or `-` for standard input) and `--set` are those of the OpenTelemetry Collector. What a variable or `yaml:` holds is final here: neither expanded again nor unescaped; the last line end of a file is left out; a configuration has 1 MiB with all that it reads, 1,000 references, and 10 s for each address. A reload reads all of it again but for standard input and named pipes, which are read once; `run --watch` watches each file. Components that Earshot does not have:',
    collectorTable(),
  ]
    .join('\n\n')
    .concat('\n');
}

function componentPart(component: Component): readonly string[] {
  const facts = [
    stabilityOf(component),
    component.exclusive ? 'At most one in a configuration.' : '',
    'aliases' in component && component.aliases?.length
      ? `Former type, deprecated: ${component.aliases.map(code).join(', ')}.`
      : '',
  ].filter(Boolean);
  return [
    `### ${code(component.type)}`,
    [component.summary, ...facts].join(' '),
    keyTable(jsonSchema(configSchemaOf(component))),
  ];
}

function stabilityOf(component: Component): string {
  if (component.kind === 'extension') return `Stability: ${component.stability}.`;
  const signals =
    component.kind === 'connector'
      ? component.connects.map(({ from, to, stability }) => `${from} to ${to} (${stability})`)
      : Object.entries(component.stability).map(([signal, stability]) => `${signal} (${stability})`);
  return `${component.kind === 'connector' ? 'Connects' : 'Signals:'} ${signals.join(', ')}.`;
}

function keyTable(schema: JsonSchema): string {
  const rows = keyRows(schema, '');
  if (rows.length === 0) return 'It has no keys.';
  return [['key', 'type', 'default', 'meaning'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

type Row = readonly [key: string, type: string, preset: string, meaning: string];

function keyRows({ properties = {}, required = [] }: JsonSchema, prefix: string): readonly Row[] {
  return Object.entries(properties).flatMap(([key, schema]): readonly Row[] => {
    const name = prefix + key;
    const own: Row = [
      code(name),
      typeOf(schema),
      presetOf(schema, required.includes(key)),
      schema.description ?? '–',
    ];
    if (schema.items?.properties) return [own, ...keyRows(schema.items, `${name}::<n>::`)];
    const [named] = Object.values(schema.patternProperties ?? {});
    if (named?.properties) return [own, ...keyRows(named, `${name}::<id>::`)];
    if (!schema.properties) return [own];
    // An object that is always there only holds its keys together.
    const says = schema.description !== undefined || schema.default === undefined;
    return [...(says ? [own] : []), ...keyRows(schema, `${name}::`)];
  });
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'keys',
};

function typeOf(schema: JsonSchema): string {
  const { duration, secret, extension, items, patternProperties } = schema;
  if (duration) return `duration${limitsOf(duration)}`;
  if (schema.enum) return schema.enum.map((choice) => code(String(choice))).join(', ');
  if (secret) return 'text, secret';
  if (extension) return `id of a ${extension}`;
  if (items) return `list of ${typeOf(items)}`;
  const [value] = Object.values(patternProperties ?? {});
  if (value && !value.properties) return `any key: ${typeOf(value)}`;
  const types = [schema.type].flat().map((type) => typeNames[String(type)] ?? type);
  return `${types.join(' or ')}${limitsOf(schema)}`;
}

function limitsOf({ minimum, maximum }: JsonSchema): string {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, at least ${minimum}`;
  return maximum === undefined ? '' : `, at most ${maximum}`;
}

function presetOf({ default: preset, properties }: JsonSchema, isRequired: boolean): string {
  if (preset === undefined) return isRequired ? 'required' : 'absent';
  if (properties) return '–';
  return code(typeof preset === 'string' ? preset : JSON.stringify(preset));
}

const gateTable = () =>
  [
    '| gate | stage | what it enables |',
    '| --- | --- | --- |',
    ...gates.map(({ id, stage, description }) => `| ${code(id)} | ${stage} | ${description} |`),
  ].join('\n');

const collectorTable = () =>
  [
    '| there | here |',
    '| --- | --- |',
    ...fromTheCollector.map(({ types, instead }) => `| ${types.map(code).join(', ')} | ${instead} |`),
  ].join('\n');

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) writeFileSync(path, configDocument(components));

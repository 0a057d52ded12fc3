import type { Static } from 'typebox';
import type { Component } from '../component.ts';
import type { Signal } from '../telemetry/batch.ts';
import type { ById, Config, Configured, Pipeline } from './config.ts';
import { ConfigError, maxProblems, type Path, type Problem } from './config-error.ts';
import { type Gates, readGates } from './gates.ts';
import { type Extensions, extensionProblem, extensionReferences } from './rules/extensions.ts';
import { secretKeys, secretStretches, secretsIn } from './rules/secrets.ts';
import {
  type Catalogue,
  checkExclusive,
  checkReferences,
  checkSignals,
  checkWiring,
  describeCycle,
} from './rules/service.ts';
import { checkShape } from './rules/shape.ts';
import { checkTelemetry } from './rules/telemetry.ts';
import { configSchemaOf, deliveryProblems, partDelivery } from './schema/delivery.ts';
import {
  fileSchema,
  hostSchemaOf,
  type Section,
  sectionOf,
  sections,
  type serviceSchema,
  typesOf,
} from './schema/file-schema.ts';
import { type JsonSchema, jsonSchema } from './schema/json-schema.ts';
import { expandTree } from './text/expand.ts';
import { digestAt, type Files } from './text/files.ts';
import { type ConfigSources, readTree } from './text/read.ts';
import { Retriever, type Surroundings } from './text/retrieve.ts';
import type { Position, Source } from './text/source.ts';
import { originOf, problemAt, type Tree } from './text/tree.ts';

export interface ConfigInput extends ConfigSources, Surroundings {
  /** `Config.originOf` keeps all texts in memory. */
  readonly withOrigins?: boolean;
}

/** By the components, and by whether pipelines may be missing: a schema is compiled once. */
const schemas = {
  usual: new WeakMap<readonly Component[], JsonSchema>(),
  mayLackPipelines: new WeakMap<readonly Component[], JsonSchema>(),
};

function schemaFor(components: readonly Component[], gates: Gates): JsonSchema {
  const mayLackPipelines = gates.has('service.AllowNoPipelines');
  const of = mayLackPipelines ? schemas.mayLackPipelines : schemas.usual;
  const schema = of.get(components) ?? fileSchema(components, { mayLackPipelines });
  of.set(components, schema);
  return schema;
}

/** Reads, merges, expands and checks a configuration. Throws a `ConfigError` with all problems. */
export function loadConfig(input: ConfigInput, components: readonly Component[]): Config {
  const retriever = new Retriever(input);
  try {
    return load(input, { retriever, components });
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(error.problems, retriever.files) : error;
  }
}

interface Means {
  readonly retriever: Retriever;
  readonly components: readonly Component[];
}

function load(input: ConfigInput, { retriever, components }: Means): Config {
  const { enabled: gates, ...ofGates } = readGates(input.featureGates ?? []);
  const schema = schemaFor(components, gates);
  const { trees, tree: written, ...read } = readTree(input, { retriever, gates });
  const problems = [...ofGates.problems, ...read.problems];
  if (written === undefined) throw new ConfigError(hiding(trees, schema)(problems));
  const { tree, ...expansion } = expandTree(written, retriever);
  const shown = hiding([...trees, tree], schema);
  const { value, problems: shape } = checkShape(tree, schema);
  const errors: Problem[] = [...problems, ...expansion.problems, ...shape];
  if (errors.length >= maxProblems) throw new ConfigError(shown(errors));
  const warnings: Problem[] = [...ofGates.warnings, ...expansion.warnings];

  const catalogue = catalogOf(tree, components);
  for (const section of sections)
    for (const [id, component] of catalogue[section]) {
      const type = id.split('/', 1)[0];
      if (component && component.type !== type)
        warnings.push(
          problemAt(tree, [section, id], `"${type}" alias is deprecated; use "${component.type}" instead`),
        );
    }

  const service = validPart(value as Shape, shape);
  const report = {
    error(path: Path, message: string) {
      errors.push(problemAt(tree, path, message));
      if (errors.length >= maxProblems) throw new ConfigError(shown(errors));
    },
    warn: (path: Path, message: string) => warnings.push(problemAt(tree, path, message)),
  };
  checkReferences(service, catalogue, report);
  checkSignals(service, gates, report);
  const isRight = (...named: readonly string[]) =>
    !shape.some(({ path: [section] = [] }) => section === undefined || named.includes(String(section)));
  if (isRight('service')) checkTelemetry((value as Shape).service.telemetry, report.error);
  const isKnown = isRight('service', 'extensions');
  const extensions = isKnown && {
    configured: catalogue.extensions,
    started: service.extensions,
    components,
  };
  const { files } = retriever;
  const bodies = { value: value as Shape, shape, catalogue, files, ...(extensions && { extensions }) };
  checkBodies(bodies, report.error);
  if (shape.length === 0) checkWiring(service, catalogue, report);
  checkExclusive(service, catalogue, report);
  const cycle = errors.length === 0 ? describeCycle(service.pipelines, connectsOf(catalogue)) : undefined;
  if (cycle) errors.push(problemAt(tree, ['service', 'pipelines'], cycle));
  if (errors.length > 0) throw new ConfigError(shown(errors));
  return typed(value as Shape, catalogue, {
    pipelines: service.pipelines,
    warnings: shown(firstOf(warnings)),
    hostSchema: hostSchemaOf(components),
    files,
    ...(input.withOrigins && { originOf: (path) => originOf(tree, path) }),
  });
}

function firstOf(warnings: readonly Problem[]): readonly Problem[] {
  const more = warnings.length - maxProblems;
  if (more <= 0) return warnings;
  return [...warnings.slice(0, maxProblems), { message: `${more} more warnings` }];
}

/** Hides the secrets of all sources in problems, overridden values included. */
function hiding(trees: readonly Tree[], schema: JsonSchema) {
  const written = trees.flatMap((tree) => secretsIn(tree, schema));
  const keys = secretKeys(schema);
  const bySource = new Map<Source, readonly Position[]>();
  const secretsOf = (source: Source) => {
    const secrets = bySource.get(source) ?? [...written, ...secretStretches(source, keys)];
    bySource.set(source, secrets);
    return secrets;
  };
  return (problems: readonly Problem[]): readonly Problem[] =>
    problems.map((problem) => ({ ...problem, secrets: problem.at ? secretsOf(problem.at.source) : written }));
}

/** The shape that the schema guarantees. */
type Shape = Readonly<Partial<Record<Section, Readonly<Record<string, Configured<Component>['config']>>>>> & {
  readonly service: Static<typeof serviceSchema>;
};

interface Bodies {
  readonly value: Shape;
  readonly shape: readonly Problem[];
  readonly catalogue: Catalogue;
  /** Takes the digests of those that components read. */
  readonly files: Map<string, string>;
  /** Absent: what is written about them is wrong already. */
  readonly extensions?: Extensions;
}

/** Of each component whose configuration fits its schema: its own `check`, and the extensions that it names. */
function checkBodies(
  { value, shape, catalogue, files, extensions }: Bodies,
  report: (path: Path, message: string) => void,
): void {
  const wrong = new Set(shape.map(({ path = [] }) => path.slice(0, 2).join('\n')));
  for (const section of sections)
    for (const [id, component] of catalogue[section]) {
      const isWrong = ['', section, `${section}\n${id}`].some((part) => wrong.has(part));
      const body = value[section]?.[id];
      if (isWrong || component === undefined || body === undefined) continue;
      const { settings, delivery } = partDelivery(component, body);
      for (const path of component.files?.(settings) ?? [])
        files.set(path, files.get(path) ?? digestAt(path));
      const problems = [
        ...(component.check?.(settings) ?? []),
        ...(delivery ? deliveryProblems(delivery) : []),
      ];
      for (const { path, message } of problems) report([section, id, ...path], message);
      const schema = jsonSchema(configSchemaOf(component));
      for (const reference of extensions ? extensionReferences(schema, body) : []) {
        const problem = extensions && extensionProblem(reference, extensions);
        if (problem) report([section, id, ...reference.path], problem);
      }
    }
}

function catalogOf(tree: Tree, components: readonly Component[]): Catalogue {
  const byType = new Map(
    components.flatMap((component) =>
      typesOf(component).map((type) => [`${sectionOf(component.kind)} ${type}`, component] as const),
    ),
  );
  const componentsIn = (section: Section) => {
    const body = tree.kind === 'map' ? tree.entries.get(section)?.value : undefined;
    const ids = body?.kind === 'map' ? [...body.entries.keys()] : [];
    return new Map(ids.map((id) => [id, byType.get(`${section} ${id.split('/', 1)[0]}`)]));
  };
  return {
    receivers: componentsIn('receivers'),
    processors: componentsIn('processors'),
    connectors: componentsIn('connectors'),
    exporters: componentsIn('exporters'),
    extensions: componentsIn('extensions'),
  };
}

/** The parts of `service` that fit the schema, so that their references can be checked despite other problems. */
function validPart({ service }: Shape, problems: readonly Problem[]) {
  const isWrong = (...path: string[]) =>
    problems.some((problem) => problem.path?.join('\n') === path.join('\n'));
  const isWrongWithin = (...path: string[]) =>
    problems.some((problem) => problem.path?.slice(0, path.length).join('\n') === path.join('\n'));
  if (isWrong('service') || isWrong('service', 'pipelines') || sections.some((section) => isWrong(section)))
    return { pipelines: [], extensions: [] };
  const pipelines = Object.entries(service.pipelines)
    .filter(([id]) => !isWrongWithin('service', 'pipelines', id))
    // The schema admits no other signals.
    .map(([id, lists]): Pipeline => ({ ...lists, id, signal: id.split('/', 1)[0] as Signal }));
  return { pipelines, extensions: isWrongWithin('service', 'extensions') ? [] : service.extensions };
}

function connectsOf({ connectors }: Catalogue) {
  return new Map(
    [...connectors].map(
      ([id, component]) => [id, component?.kind === 'connector' ? component.connects : []] as const,
    ),
  );
}

function configuredAs<C extends Component>(
  component: C,
  body: Configured<C>['config'] = {},
  digests: Files,
): Configured<C> {
  const { settings, delivery } = partDelivery(component, body);
  const read = component.files?.(settings) ?? [];
  const files = new Map(read.map((path) => [path, digests.get(path) ?? '']));
  return { component, config: settings, ...(read.length > 0 && { files }), ...(delivery && { delivery }) };
}

function typed(
  shape: Shape,
  catalogue: Catalogue,
  rest: Pick<Config, 'pipelines' | 'warnings' | 'hostSchema' | 'files' | 'originOf'>,
): Config {
  function configured<Kind extends Component['kind']>(kind: Kind): ById<Kind> {
    const section = sectionOf(kind);
    const isOfKind = (component?: Component): component is Extract<Component, { kind: Kind }> =>
      component?.kind === kind;
    return new Map(
      [...catalogue[section]].flatMap(([id, component]) =>
        isOfKind(component) ? [[id, configuredAs(component, shape[section]?.[id], rest.files)] as const] : [],
      ),
    );
  }
  return {
    ...rest,
    receivers: configured('receiver'),
    processors: configured('processor'),
    connectors: configured('connector'),
    exporters: configured('exporter'),
    extensions: configured('extension'),
    started: [...new Set(shape.service.extensions)],
    host: shape.service.host,
    telemetry: shape.service.telemetry,
  };
}

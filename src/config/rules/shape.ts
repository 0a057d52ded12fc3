import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { maxProblems, type Path, type Problem } from '../config-error.ts';
import { type DurationLimits, durationProblem, parseDuration } from '../schema/duration.ts';
import { type Section, sections } from '../schema/file-schema.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { find, plainValue, problemAt, type Tree } from '../text/tree.ts';
import { didYouMean } from './did-you-mean.ts';
import { formerKeys } from './from-the-collector.ts';
import { isPlainKey, mayHoldSecret } from './secrets.ts';
import { explainUnknownId, explainUnknownPipeline } from './unknown-id.ts';

export interface Checked {
  /** With every default filled in and every duration decoded; to be trusted where no problem is. */
  readonly value: unknown;
  /** At most `maxProblems`; at that number there may be more. */
  readonly problems: readonly Problem[];
}

/** Compares a configuration with the schema. */
export function checkShape(tree: Tree, schema: JsonSchema): Checked {
  const value = plainValue(tree, schema);
  const validate = validatorOf(value, schema);
  validate(value);
  const problems = (validate.errors ?? [])
    .filter(isOwn)
    .slice(0, maxProblems)
    .map((error) => explain(error as SchemaError, { tree, schema }));
  return { value, problems };
}

/** The last one of each schema, and which components it knows. */
const compiled = new WeakMap<JsonSchema, { readonly used: string; readonly validate: ValidateFunction }>();

/** Knows no component but those of the configuration: most of the schema is of others, and would stay in memory. */
function validatorOf(value: unknown, schema: JsonSchema): ValidateFunction {
  const bodies = sections.map((section) => bodiesFor(value, schema, section));
  const used = bodies.map((of) => Object.keys(of).join()).join('\n');
  const last = compiled.get(schema);
  if (last?.used === used) return last.validate;
  const parts = sections.map((section, at) => [
    section,
    { ...schema.properties?.[section], patternProperties: bodies[at] },
  ]);
  const properties = { ...schema.properties, ...Object.fromEntries(parts) };
  const validate = newAjv().compile({ ...schema, properties });
  compiled.set(schema, { used, validate });
  return validate;
}

/** Of a section: the schemas of the components that the configuration has there, by the pattern of their ids. */
function bodiesFor(
  value: unknown,
  schema: JsonSchema,
  section: Section,
): JsonSchema['patternProperties'] & {} {
  const written = value as Readonly<Record<string, object | undefined>> | null;
  const ids = Object.keys(written?.[section] ?? {});
  const used = Object.entries(schema.properties?.[section]?.patternProperties ?? {}).filter(([pattern]) => {
    const expression = new RegExp(pattern, 'u');
    return ids.some((id) => expression.test(id));
  });
  return Object.fromEntries(used);
}

function newAjv(): Ajv {
  const ajv = new Ajv({
    ...{ allErrors: true, useDefaults: true, verbose: true, allowUnionTypes: true },
    code: { optimize: false }, // takes longer than all the rest, and saves nothing in a few checks
  });
  ajv.addKeyword('secret');
  ajv.addKeyword('extension');
  ajv.addKeyword('ignoresCase');
  ajv.addKeyword({
    keyword: 'duration',
    modifying: true,
    validate: (
      limits: DurationLimits,
      value: unknown,
      _: unknown,
      at?: { parentData: object; parentDataProperty: string | number },
    ) => {
      if (durationProblem(value, limits) !== undefined) return false;
      if (at) Object.assign(at.parentData, { [at.parentDataProperty]: parseDuration(String(value)) });
      return true;
    },
  });
  return ajv;
}

type SchemaError = ErrorObject<string, Readonly<Record<string, unknown>>> & {
  readonly parentSchema: JsonSchema;
};

/** Only the `duration` keyword reports problems of a duration; the other keywords serve editors. */
const isOwn = ({ keyword, parentSchema }: ErrorObject) => keyword === 'duration' || !parentSchema?.duration;

function explain(
  error: SchemaError,
  { tree, schema }: { readonly tree: Tree; readonly schema: JsonSchema },
): Problem {
  const path = pathOf(error.instancePath);
  const inside = (key: unknown): Path => [...path, String(key)];
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = inside(error.params.additionalProperty);
      const name = String(key.at(-1));
      const problem = problemAt(tree, key, explainUnknown(key, error, schema));
      const { hidden } = find(tree, path).tree;
      if (hidden !== undefined)
        return { ...problem, path, message: `a key in ${hidden} is unknown${knownKeys(error)}` };
      if (oddBlank.test(name))
        return {
          ...problem,
          path,
          message: 'a key begins with a blank that is none of YAML: indent with spaces',
        };
      if (!mayHoldSecret(error.parentSchema) || isPlainKey(name)) return problem;
      return { ...problem, path, message: 'a key is unknown: is a space missing after ":"?' };
    }
    case 'required': {
      const key = inside(error.params.missingProperty);
      const { unset } = find(tree, key).tree;
      const reason = unset === undefined ? '' : `: the variable ${unset} is not set`;
      return problemAt(tree, key, `${explainMissing(path, error)}${reason}`);
    }
    case 'maxProperties':
      return problemAt(
        tree,
        path,
        `can be only one of ${Object.keys(error.parentSchema.properties ?? {}).join(', ')}`,
      );
    case 'minItems':
    case 'minProperties':
      if (error.parentSchema.properties)
        return problemAt(tree, path, `needs one of ${Object.keys(error.parentSchema.properties).join(', ')}`);
      return problemAt(
        tree,
        path,
        explainMissing(path.slice(0, -1), { params: { missingProperty: path.at(-1) } }),
      );
    default: {
      const { tree: value } = find(tree, path);
      if (value.flaw && error.keyword === 'type' && !mayHoldSecret(error.parentSchema))
        return { ...value.flaw, path };
      const isGlued =
        mayHoldSecret(error.parentSchema) && error.data === null && !isPlainKey(String(path.at(-1)));
      if (isGlued)
        return {
          path: shownPath(path),
          at: value.at,
          message: 'a key has no value: is a space missing after ":"?',
        };
      const message = explainValue(error, shownValue(error, value));
      return { path: mayHoldSecret(error.parentSchema) ? shownPath(path) : path, at: value.at, message };
    }
  }
}

function explainUnknown(path: Path, { parentSchema }: SchemaError, schema: JsonSchema): string {
  const key = String(path.at(-1));
  const [section, ...below] = path.slice(0, -1);
  const known = Object.keys(parentSchema.properties ?? {});
  const ofComponents = sections.find((name) => name === section);
  if (below.length === 0 && ofComponents) {
    const typesOf = (section: Section) => typesIn(schema.properties?.[section] ?? {});
    return explainUnknownId(key, ofComponents, typesOf);
  }
  if (section === 'service' && below[0] === 'pipelines' && below.length === 1)
    return explainUnknownPipeline(key);
  if (/:\S/.test(key)) return `unknown key "${key}": is a space missing after ":"?`;
  const former = formerKeys[path.join('::')];
  if (former !== undefined) return `unknown key "${key}": ${former}`;
  return `unknown key "${key}"${didYouMean(key, known) || knownKeys({ parentSchema })}`;
}

/** Where they are few enough to be read. */
function knownKeys({ parentSchema }: Pick<SchemaError, 'parentSchema'>): string {
  const known = Object.keys(parentSchema.properties ?? {});
  if (known.length === 0) return ': there are no keys here';
  return known.length <= 12 ? ` (known: ${known.join(', ')})` : '';
}

/** What editors and web pages write in the place of a space. */
const oddBlank = /^[\u00a0\u2000-\u200b\u202f\u3000]/;

/** The component types of a section: its schema knows them as the patterns of their ids. */
const typesIn = (section: JsonSchema) =>
  Object.keys(section.patternProperties ?? {}).flatMap(
    (pattern) => /^\^\((.*?)\)/.exec(pattern)?.[1]?.split('|') ?? [],
  );

function explainMissing(path: Path, { params }: Pick<SchemaError, 'params'>): string {
  const key = String(params.missingProperty);
  if (path.length === 0 && key !== 'service')
    return `no ${key.slice(0, -1)} configuration specified in config: add the section ${key}`;
  if (path.length === 0 || (path[0] === 'service' && key === 'pipelines'))
    return 'service must have at least one pipeline: add it to service::pipelines';
  if (path[0] === 'service' && path[1] === 'pipelines') return `must have at least one ${key.slice(0, -1)}`;
  return `required key "${key}" is missing`;
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'keys and values',
  array: 'a list',
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function explainValue({ keyword, params, parentSchema, data, message }: SchemaError, shown: string): string {
  switch (keyword) {
    case 'type': {
      const wanted = [params.type].flat().map((type) => typeNames[String(type)] ?? String(type));
      return `wants ${wanted.join(' or ')}, got ${shown}${typeRemedy(String(params.type), data, shown)}`;
    }
    case 'enum': {
      const choices = (parentSchema.enum ?? []).map(String);
      if (typeof data === 'number' && choices.includes(String(data)))
        return `wants a text, got ${shown}: put it in quotes`;
      return `${shown} is not one of ${choices.join(', ')}${didYouMean(String(data), choices)}`;
    }
    case 'duration':
      return durationProblem(data, parentSchema.duration ?? {}, shown) ?? 'is not a duration';
    case 'minLength':
      return 'must not be empty';
    case 'pattern': {
      const beginning = beginnings[String(params.pattern)];
      if (beginning && !parentSchema.description?.includes('begins with'))
        return `${shown} must begin with ${beginning}`;
      return `${shown} is not valid here${parentSchema.description ? `: ${parentSchema.description}` : ''}`;
    }
    default:
      return `${message ?? keyword}, got ${shown}`;
  }
}

function typeRemedy(type: string, data: unknown, shown: string): string {
  const isText = typeof data === 'string';
  if (type === 'boolean' && isText && /^(true|false)$/.test(data)) return ': write it without quotes';
  if (type === 'boolean' && isText && /^(y|yes|n|no|on|off)$/i.test(data)) return ': use true or false';
  if (type === 'string' && (typeof data === 'number' || typeof data === 'boolean'))
    return ': put it in quotes';
  if (type === 'array' && isObject(data)) return ': write [a, b]; --set takes a list as a whole';
  if (type === 'array' && isText && shown.startsWith('"')) return `: write [${shown.replaceAll('"', '')}]`;
  if (type === 'object' && isText && /^[\w/.-]+:\S/.test(data)) return ': is a space missing after ":"?';
  if ((type === 'integer' || type === 'number') && isText && /^[\d_]+$/.test(data))
    return ': write it as digits only, without quotes';
  const [, amount, prefix = '', binary, unit] =
    (isText && /^(\d+)\s*([kmgKMG])(i?)([bB]?)$/.exec(data)) || [];
  if (type === 'integer' && amount) {
    const step = binary ? 1024 : 1000;
    const number = Number(amount) * step ** ' kmg'.indexOf(prefix.toLowerCase());
    return `: write it ${unit ? 'in bytes' : 'as digits only'}, ${number}`;
  }
  return '';
}

const isObject = (data: unknown) => typeof data === 'object' && data !== null && !Array.isArray(data);

/** Patterns that are only of how a text begins. */
const beginnings: Readonly<Record<string, string>> = {
  '^/': '"/"',
  '^https?://[^/?#@]+/?$': 'http:// or https://, and have a host, a port and no more',
};

/** A value as a message may show it. */
function shownValue({ parentSchema, data }: SchemaError, tree: Tree): string {
  if (mayHoldSecret(parentSchema)) return 'a value that is secret';
  if (tree.hidden !== undefined) return tree.hidden;
  if (typeof data === 'number' && !Number.isFinite(data))
    return `${data < 0 ? '-' : ''}.${Number.isNaN(data) ? 'nan' : 'inf'}`;
  if (typeof data !== 'object' || data === null) return JSON.stringify(data ?? null);
  return Array.isArray(data) ? 'a list' : 'keys and values';
}

/** As far as its keys are keys. */
const shownPath = (path: Path): Path => {
  const odd = path.findIndex((key, index) => index > 1 && !isPlainKey(String(key)));
  return odd < 0 ? path : path.slice(0, odd);
};

const pathOf = (pointer: string): Path =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

import { createHash } from 'node:crypto';
import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { Static } from 'typebox';
import type { ConfigProblem } from '../component.ts';
import { Type } from '../config/schema/type.ts';
import { Draft } from './draft.ts';
import { regularExpression, regularExpressionProblem } from './pattern.ts';
import { textOf } from './value.ts';

const actionNames = ['insert', 'update', 'upsert', 'delete', 'hash', 'extract', 'convert'] as const;
type ActionName = (typeof actionNames)[number];

const actionSchema = Type.Object(
  {
    key: Type.Optional(Type.String({ minLength: 1, description: 'The attribute.' })),
    action: Type.Enum(actionNames, {
      description:
        '`insert` sets it where it is absent, `update` where it is there, `upsert` in both cases; `delete`; `hash`: its text becomes the SHA-256 of it, in hex; `extract`: each named group of `pattern` becomes an attribute; `convert` changes its type, and leaves what cannot be converted.',
    }),
    value: Type.Optional(
      Type.Unsafe<string | number | boolean>({
        type: ['string', 'number', 'boolean'],
        description: 'For `insert`, `update` and `upsert`.',
      }),
    ),
    from_attribute: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Instead of `value`: the attribute from which it is copied; where that is absent, nothing happens.',
      }),
    ),
    pattern: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'A regular expression of JavaScript, which matches anywhere. For `extract`: matched with the text of the attribute, all groups named; for `delete` and `hash`: keys of further attributes.',
      }),
    ),
    converted_type: Type.Optional(
      Type.Enum(['int', 'double', 'string'], {
        description: 'For `convert`. A `double` without a fraction is sent as a whole number.',
      }),
    ),
  },
  { additionalProperties: false },
);
type Action = Static<typeof actionSchema>;

export const actionsSchema = (description: string) => Type.Array(actionSchema, { minItems: 1, description });

type Step = (draft: Draft) => void;

/** What an action takes beside its key. */
interface Recipe {
  readonly uses: readonly (keyof Action)[];
  step(action: Action): Step;
}

const setting = (isDue: (former: AttributeValue | undefined) => boolean): Recipe => ({
  uses: ['value', 'from_attribute'],
  step: ({ key = '', value, from_attribute: from }) => {
    return (draft) => {
      const source = from === undefined ? value : draft.get(from);
      if (source !== undefined && isDue(draft.get(key))) draft.set(key, source);
    };
  },
});

const recipes: Readonly<Record<ActionName, Recipe>> = {
  insert: setting((former) => former === undefined),
  update: setting((former) => former !== undefined),
  upsert: setting(() => true),
  delete: {
    uses: ['pattern'],
    step: (action) => eachChosen(action, (draft, key) => draft.delete(key)),
  },
  hash: {
    uses: ['pattern'],
    step: (action) => eachChosen(action, (draft, key) => convert(draft, key, hashed)),
  },
  extract: {
    uses: ['pattern'],
    step: ({ key = '', pattern = '' }) => {
      const matching = regularExpression(pattern);
      return (draft) => {
        const text = draft.get(key);
        const groups = typeof text === 'string' ? matching.exec(text)?.groups : undefined;
        for (const name in groups) draft.set(name, groups[name] ?? '');
      };
    },
  },
  convert: {
    uses: ['converted_type'],
    step: ({ key = '', converted_type: type = 'string' }) => {
      const conversion = conversions[type];
      return (draft) => convert(draft, key, conversion);
    },
  },
};

const conversions: Readonly<
  Record<NonNullable<Action['converted_type']>, (value: AttributeValue) => AttributeValue>
> = {
  string: textOf,
  int(value) {
    const number = numberOf(value, /^[+-]?\d+$/);
    const isExact = typeof value !== 'string' || Number.isSafeInteger(number);
    return number === undefined || !isExact ? value : Math.trunc(number);
  },
  double: (value) => numberOf(value, /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i) ?? value,
};

/** Undefined: it is none. */
function numberOf(value: AttributeValue, text: RegExp): number | undefined {
  if (typeof value === 'object' || (typeof value === 'string' && !text.test(value))) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

const hashed = (value: AttributeValue) => createHash('sha256').update(textOf(value)).digest('hex');

/** The key, and those that match the pattern. */
function eachChosen({ key, pattern }: Action, change: (draft: Draft, key: string) => void): Step {
  if (pattern === undefined) return (draft) => key !== undefined && change(draft, key);
  const matching = regularExpression(pattern);
  return (draft) => {
    for (const each of Object.keys(draft.attributes))
      if (each === key || matching.test(each)) change(draft, each);
  };
}

function convert(draft: Draft, key: string, conversion: (value: AttributeValue) => AttributeValue): void {
  const value = draft.get(key);
  if (value !== undefined) draft.set(key, conversion(value));
}

/** All actions, one after the other. The same object if nothing changes. */
export function createActions(actions: readonly Action[]): (attributes: Attributes) => Attributes {
  const steps = actions.map((action) => recipes[action.action].step(action));
  return (attributes) => {
    const draft = new Draft(attributes);
    for (const step of steps) step(draft);
    return draft.attributes;
  };
}

/** `at`: the key that has the actions. */
export const actionProblems = (at: string, actions: readonly Action[]): readonly ConfigProblem[] =>
  actions.flatMap((action, index) =>
    problemsOf(action).map(({ path, message }) => ({ path: [at, String(index), ...path], message })),
  );

function problemsOf(action: Action): readonly ConfigProblem[] {
  const { action: name, key, pattern } = action;
  const { uses } = recipes[name];
  const foreign = (['value', 'from_attribute', 'pattern', 'converted_type'] as const).filter(
    (each) => action[each] !== undefined && !uses.includes(each),
  );
  if (foreign.length > 0)
    return foreign.map((each) => ({ path: [each], message: `"${name}" does not use it: leave it out` }));
  const needsKey = name !== 'delete' && name !== 'hash';
  const given = uses.filter((each) => action[each] !== undefined);
  const lacks = [
    ...(needsKey && key === undefined ? ['"key"'] : []),
    ...(needsKey && given.length !== 1
      ? [`${uses.length > 1 ? 'either ' : ''}${uses.map((each) => `"${each}"`).join(' or ')}`]
      : []),
    ...(!needsKey && key === undefined && pattern === undefined ? ['"key" or "pattern"'] : []),
  ];
  if (lacks.length > 0) return [{ path: [], message: `"${name}" needs ${lacks.join(' and ')}` }];
  const message = pattern === undefined ? undefined : patternProblem(name, pattern);
  return message === undefined ? [] : [{ path: ['pattern'], message }];
}

function patternProblem(name: ActionName, pattern: string): string | undefined {
  const problem = regularExpressionProblem(pattern);
  if (problem !== undefined || name !== 'extract') return problem;
  // Beside an alternative without text it matches the empty text, with all its groups.
  const match = new RegExp(`${regularExpression(pattern).source}|`).exec('');
  const named = Object.keys(match?.groups ?? {}).length;
  return named > 0 && match?.length === named + 1
    ? undefined
    : 'each group needs a name, which is that of the attribute: "(?<name>…)"; one that is none begins with "(?:"';
}

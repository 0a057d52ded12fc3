import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Static } from 'typebox';
import type { ConfigProblem } from '../component.ts';
import { Type } from '../config/schema/type.ts';
import { regularExpression, regularExpressionProblem } from './pattern.ts';
import { textOf, valueIn } from './value.ts';

const attributeRule = Type.Object(
  {
    key: Type.String({ minLength: 1, description: 'The attribute.' }),
    value: Type.Optional(
      Type.Unsafe<string | number | boolean>({
        type: ['string', 'number', 'boolean'],
        description: 'Its value, or a regular expression; absent: any.',
      }),
    ),
  },
  { additionalProperties: false },
);
type AttributeRule = Static<typeof attributeRule>;

/** Keys of a rule, each of which may be absent. */
export const matchType = Type.Enum(['strict', 'regexp'], {
  description:
    'Whether values and names are compared as they are, type included, or with regular expressions of JavaScript, which match anywhere.',
});
export type MatchType = Static<typeof matchType>;

export const attributeRules = (description: string) =>
  Type.Optional(Type.Array(attributeRule, { minItems: 1, description }));

export const nameRules = (description: string) =>
  Type.Optional(Type.Array(Type.String(), { minItems: 1, description }));

/** True: all attributes of the rules are there, with their values. */
export function createAttributesMatch(
  type: MatchType,
  rules: readonly AttributeRule[] = [],
): (attributes: Attributes) => boolean {
  const tests = rules.map(({ key, value }) => {
    if (value === undefined) return (attributes: Attributes) => valueIn(attributes, key) !== undefined;
    if (type === 'strict') return (attributes: Attributes) => valueIn(attributes, key) === value;
    const matching = regularExpression(String(value));
    return (attributes: Attributes) => {
      const found = valueIn(attributes, key);
      return found !== undefined && matching.test(textOf(found));
    };
  });
  return (attributes) => tests.every((test) => test(attributes));
}

/** For resources, whose result is the same in each batch. */
export function createResourceMatch(
  type: MatchType,
  rules: readonly AttributeRule[] | undefined,
): (resource: Resource) => boolean {
  const isMatch = createAttributesMatch(type, rules);
  const known = new WeakMap<Resource, boolean>();
  return (resource) => {
    const result = known.get(resource) ?? isMatch(resource.attributes);
    known.set(resource, result);
    return result;
  };
}

/** True: it is one of the names, or there are none to compare with. */
export function createNameMatch(
  type: MatchType,
  names: readonly string[] | undefined,
): (name: string | undefined) => boolean {
  if (names === undefined) return () => true;
  if (type === 'strict') {
    const all = new Set<string | undefined>(names);
    return (name) => all.has(name);
  }
  const patterns = names.map(regularExpression);
  return (name) => name !== undefined && patterns.some((pattern) => pattern.test(name));
}

type Lists = Readonly<Record<string, readonly (string | AttributeRule)[] | undefined>>;

/** What is wrong with the lists of a rule. */
export function matchProblems(type: MatchType, lists: Lists): readonly ConfigProblem[] {
  const given = Object.entries(lists).filter(([, list]) => list !== undefined);
  if (type === 'strict') return [];
  return given.flatMap(([key, list = []]) =>
    list.flatMap((each, index) => {
      const text = typeof each === 'string' ? each : String(each.value ?? '');
      const message = regularExpressionProblem(text);
      const path = [key, String(index), ...(typeof each === 'string' ? [] : ['value'])];
      return message === undefined ? [] : [{ path, message }];
    }),
  );
}

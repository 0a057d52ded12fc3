import type { Attributes } from '@opentelemetry/api';
import type { Static } from 'typebox';
import type { ConfigProblem } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import type { Identity } from '../../identity/identity.ts';
import { culpritLabel } from '../../telemetry/attributes/culprit.ts';
import { podAnnotation, podLabel } from '../../telemetry/attributes/workload.ts';

const rule = Type.Object(
  {
    key: Type.Optional(Type.String({ minLength: 1, description: 'Its key.' })),
    key_regex: Type.Optional(
      Type.String({ minLength: 1, description: 'Or all keys that match, as a whole.' }),
    ),
    tag_name: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The attribute to make of it; `$$1` is the first group of `key_regex`.',
      }),
    ),
    culprit: Type.Boolean({
      default: false,
      description: 'Also on culprits, as `earshot.culprit.label.<key>`: each value is a series more.',
    }),
  },
  { additionalProperties: false },
);
type Rule = Static<typeof rule>;

export const extractSchema = Type.Object(
  {
    labels: Type.Array(rule, {
      default: [],
      description:
        'Labels of pods to put on their resources, by `key` or `key_regex`, as `k8s.pod.label.<key>` or `tag_name`; with `culprit: true` also on culprits.',
    }),
    annotations: Type.Array(rule, {
      default: [],
      description: 'Annotations of pods, by the same rules, as `k8s.pod.annotation.<key>`.',
    }),
  },
  { additionalProperties: false, default: {} },
);

type Extract = Static<typeof extractSchema>;

export interface Selected {
  readonly victim: Attributes;
  readonly culprit: Attributes;
}

/** Labels and annotations of a workload as attributes. A container without a pod has labels of its own. */
export function createExtract({ labels, annotations }: Extract): (identity: Identity) => Selected {
  const ofLabels = labels.map((each) => compile(each, podLabel));
  const ofAnnotations = annotations.map((each) => compile(each, podAnnotation));
  const none = { victim: {}, culprit: {} };
  if (ofLabels.length + ofAnnotations.length === 0) return () => none;
  return ({ pod, container }) => {
    const victim: Attributes = {};
    const culprit: Attributes = {};
    const into = { victim, culprit };
    for (const take of ofLabels) take(pod?.labels ?? container?.labels ?? {}, into);
    for (const take of ofAnnotations) take(pod?.annotations ?? {}, into);
    return into;
  };
}

/** An expression that must match a key as a whole. */
export const wholeKey = (expression: string) => new RegExp(`^(?:${expression})$`);

type Take = (
  texts: Readonly<Record<string, string>>,
  into: { readonly victim: Attributes; readonly culprit: Attributes },
) => void;

function compile(each: Rule, nameOf: (key: string) => string): Take {
  const matching = each.key === undefined ? wholeKey(each.key_regex ?? '') : undefined;
  return (texts, { victim, culprit }) => {
    const keys = matching
      ? Object.keys(texts).filter((key) => matching.test(key))
      : Object.keys(texts).filter((key) => key === each.key);
    for (const key of keys) {
      const name = each.tag_name === undefined ? nameOf(key) : tagOf(key, each.tag_name, matching);
      victim[name] = texts[key];
      if (each.culprit) culprit[culpritLabel(key)] = texts[key];
    }
  };
}

const tagOf = (key: string, tag: string, matching: RegExp | undefined) =>
  matching ? key.replace(matching, tag) : tag;

export function extractProblems(extract: Extract): readonly ConfigProblem[] {
  return Object.entries(extract).flatMap(([sort, rules]) =>
    rules.flatMap((each, i) => {
      const message = problemOf(each);
      return message === undefined ? [] : [{ path: ['extract', sort, String(i)], message }];
    }),
  );
}

function problemOf({ key, key_regex: regex, tag_name: tag }: Rule): string | undefined {
  if ((key === undefined) === (regex === undefined)) return 'needs either "key" or "key_regex"';
  if (regex !== undefined) {
    try {
      wholeKey(regex);
    } catch (error) {
      return `"key_regex" is no regular expression: ${(error as Error).message}`;
    }
  }
  if (tag?.startsWith('earshot.'))
    return '"tag_name" must not begin with "earshot.": these names are reserved';
  return undefined;
}

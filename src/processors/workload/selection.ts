import type { Static } from 'typebox';
import { pathPattern } from '../../cgroup/filter.ts';
import { cgroupPattern } from '../../cgroup/patterns.ts';
import type { ConfigProblem } from '../../component.ts';
import { Type } from '../../config/schema/type.ts';
import type { Identity } from '../../identity/identity.ts';

const texts = (noun: string) =>
  Type.Record(Type.String(), Type.String(), {
    default: {},
    description: `${noun} that the pod must have, all of them; \`*\` in a value matches any text.`,
  });

const rule = Type.Object(
  {
    namespace: Type.Optional(Type.String({ minLength: 1, description: 'Namespace; `*` matches any text.' })),
    labels: texts('Labels'),
    annotations: texts('Annotations'),
    path: Type.Optional(cgroupPattern()),
  },
  { additionalProperties: false },
);
type Rule = Static<typeof rule>;

export const selectionSchema = {
  include: Type.Array(rule, {
    default: [],
    description:
      'Workloads to report as victims: those that match one of these rules in all its keys, `namespace`, `labels`, `annotations` and cgroup `path` (`*` within a segment, `**` across; cgroups below match too). Default: all.',
  }),
  exclude: Type.Array(rule, {
    default: [],
    description: 'Workloads not to report as victims, by the same rules; they are still named as culprits.',
  }),
  ignore_annotation: Type.Boolean({
    default: true,
    description:
      'Workloads with the annotation `earshot.io/ignore: "true"` on the pod, or such a label on the container, are not reported as victims.',
  }),
};

type Settings = { readonly [Key in keyof typeof selectionSchema]: Static<(typeof selectionSchema)[Key]> };

/** Why a workload is not reported as a victim. */
export type Exclusion = 'include' | 'exclude' | 'ignore' | 'scope';

/** As an annotation or, of containers without a pod, as a label. */
export const ignoreKey = 'earshot.io/ignore';

/** Why a victim is excluded; undefined: it is reported. */
export function createSelection(settings: Settings): (identity: Identity) => Exclusion | undefined {
  const included = settings.include.map(compile);
  const excluded = settings.exclude.map(compile);
  return (identity) => {
    if (settings.ignore_annotation && isIgnored(identity)) return 'ignore';
    if (excluded.some((fits) => fits(identity))) return 'exclude';
    return included.length === 0 || included.some((fits) => fits(identity)) ? undefined : 'include';
  };
}

export function selectionProblems({ include, exclude }: Settings): readonly ConfigProblem[] {
  const empty = [...Object.entries({ include, exclude })].flatMap(([key, rules]) =>
    rules.flatMap((each, i) =>
      isEmpty(each)
        ? [{ path: [key, String(i)], message: 'a rule needs a namespace, labels, annotations or a path' }]
        : [],
    ),
  );
  const excluded = new Set(exclude.map((each) => JSON.stringify(each)));
  const contradictions = include.flatMap((each, i) =>
    !isEmpty(each) && excluded.has(JSON.stringify(each))
      ? [
          {
            path: ['include', String(i)],
            message: 'the same rule is in "exclude", which goes before: nothing fits it',
          },
        ]
      : [],
  );
  return [...empty, ...contradictions];
}

const isEmpty = ({ namespace, labels, annotations, path }: Rule) =>
  namespace === undefined &&
  path === undefined &&
  Object.keys(labels).length + Object.keys(annotations).length === 0;

function isIgnored({ pod, container }: Identity): boolean {
  return pod ? pod.annotations?.[ignoreKey] === 'true' : container?.labels?.[ignoreKey] === 'true';
}

/** Keys absent from a rule match any workload; a key whose value is unknown of the workload does not match. */
function compile({ namespace, labels, annotations, path }: Rule): (identity: Identity) => boolean {
  const isNamespace = namespace === undefined ? undefined : textPattern(namespace);
  const isPath = path === undefined ? undefined : pathPattern(path);
  const hasLabels = compileTexts(labels);
  const hasAnnotations = compileTexts(annotations);
  return ({ pod, container, path: at }) =>
    (!isNamespace || (pod?.namespace !== undefined && isNamespace(pod.namespace))) &&
    (!isPath || (at !== undefined && isPath(at))) &&
    hasLabels(pod?.labels ?? container?.labels ?? {}) &&
    hasAnnotations(pod?.annotations ?? {});
}

function compileTexts(wanted: Readonly<Record<string, string>>) {
  const patterns = Object.entries(wanted).map(([key, value]) => [key, textPattern(value)] as const);
  return (texts: Readonly<Record<string, string>>) =>
    patterns.every(([key, isMatch]) => Object.hasOwn(texts, key) && isMatch(texts[key] ?? ''));
}

function textPattern(pattern: string): (text: string) => boolean {
  const source = pattern.split('*').map((part) => RegExp.escape(part));
  const matching = new RegExp(`^${source.join('.*')}$`, 's');
  return (text) => matching.test(text);
}

import type { Static, TObject } from 'typebox';
import type { ConfigProblem } from '../component.ts';
import { duration } from '../config/schema/duration.ts';
import { Type } from '../config/schema/type.ts';
import { type SourceName, sourceNames } from './source.ts';
import { sourceKinds } from './sources.ts';

/** In the order in which they are believed. */
export const allSources = [
  'kubernetes',
  'kubelet',
  'cri',
  'docker',
  'podman',
] as const satisfies readonly SourceName[];

export const identityKeys = {
  sources: Type.Optional(
    Type.Array(Type.Enum([...sourceNames]), {
      description:
        'Sources of names; where two differ, the earlier wins: `kubernetes` (API), `kubelet`, `cri`, `docker`, `podman`. Default: all that exist, in this order; `[]`: none, cgroup paths alone.',
    }),
  ),
  keep_removed: duration({
    default: '10m',
    description: 'How long names of removed pods and containers are kept, for late data.',
  }),
  max_known: Type.Integer({
    default: 8192,
    minimum: 16,
    maximum: 1_048_576,
    description:
      'Pods, and likewise containers, whose names are kept; those removed longest ago are evicted first.',
  }),
};

/** The settings of each source, below its name. */
export const sourceSchemas: Readonly<Record<string, TObject>> = Object.fromEntries(
  allSources.map((name) => {
    const { config, summary } = sourceKinds[name];
    return [name, Type.Object(config.properties, { ...config, default: {}, description: summary })];
  }),
);

export type IdentityConfig = Static<TObject<typeof identityKeys>>;

export function settingsOf(config: IdentityConfig, source: SourceName): Readonly<Record<string, unknown>> {
  const all = config as IdentityConfig & Readonly<Record<SourceName, Readonly<Record<string, unknown>>>>;
  return all[source];
}

export function identityProblems(config: IdentityConfig): readonly ConfigProblem[] {
  const { sources = [] } = config;
  const repeated = sources.filter((name, i) => sources.indexOf(name) !== i);
  return [
    ...repeated.map((name) => ({ path: ['sources'], message: `"${name}" is there twice` })),
    ...allSources.flatMap((name) =>
      (sourceKinds[name].check?.(settingsOf(config, name)) ?? []).map(({ path, message }) => ({
        path: [name, ...path],
        message,
      })),
    ),
  ];
}

import type { Problem } from './config-error.ts';
import { didYouMean } from './rules/did-you-mean.ts';
import type { Source } from './text/source.ts';

/** Alpha: off by default; beta: on by default; stable: always on; deprecated: always off. Both of the last will be removed. */
export type Stage = 'alpha' | 'beta' | 'stable' | 'deprecated';

/** A behaviour that `--feature-gates` turns on or off. */
export interface Gate {
  readonly id: string;
  readonly stage: Stage;
  readonly description: string;
  /** The version that brought it. */
  readonly since: string;
  /** The version without it: of a stable or deprecated one. */
  readonly until?: string;
}

const known = [
  {
    id: 'confmap.enableMergeAppendOption',
    stage: 'alpha',
    description:
      'Merging appends to service::extensions and to the receivers and exporters of pipelines, instead of replacing these lists.',
    since: 'v0.1.0',
  },
  {
    id: 'service.AllowNoPipelines',
    stage: 'alpha',
    description: 'The agent runs without pipelines, and so without receivers and exporters.',
    since: 'v0.1.0',
  },
  {
    id: 'service.profilesSupport',
    stage: 'beta',
    description: 'Pipelines of the signal profiles, which is in development.',
    since: 'v0.1.0',
  },
] as const satisfies readonly Gate[];

export type GateId = (typeof known)[number]['id'];

/** By id, as `featuregate` lists them. */
export const gates: readonly Gate[] = known;

/** The enabled ones. */
export type Gates<Id extends string = GateId> = ReadonlySet<Id>;

export const isOnByDefault = ({ stage }: Gate) => stage === 'beta' || stage === 'stable';

interface ReadGates {
  readonly enabled: Gates;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** The gates after `--feature-gates=a,-b,+c`, each a list; a later mention of a gate is the one that counts. */
export function readGates(lists: readonly string[], all: readonly Gate[] = gates): ReadGates {
  const enabled = new Set(all.filter(isOnByDefault).map(({ id }) => id));
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const text of lists) {
    const source: Source = { name: '--feature-gates', text };
    for (const { 0: word, index } of text.matchAll(/[^,]+/g)) {
      const at = { source, start: index, end: index + word.length };
      const isOff = word.startsWith('-');
      const id = word.replace(/^[+-]/, '');
      const gate = all.find((gate) => gate.id === id);
      if (gate === undefined) {
        const ids = all.map(({ id }) => id);
        const remedy = didYouMean(id, ids) || `; valid gates: ${ids.join(', ')}`;
        problems.push({ message: `no such feature gate "${id}"${remedy}`, at });
      } else if (gate.stage === 'stable' && isOff)
        problems.push({ message: `feature gate "${id}" is stable, can not be disabled: leave it out`, at });
      else if (gate.stage === 'deprecated' && !isOff)
        problems.push({
          message: `feature gate "${id}" is deprecated, can not be enabled: leave it out`,
          at,
        });
      else if (gate.until !== undefined) {
        const state = `${gate.stage} and ${isOff ? 'disabled' : 'enabled'} anyway`;
        warnings.push({
          message: `feature gate "${id}" is ${state}: leave it out, from ${gate.until} on it is an error`,
          at,
        });
      } else if (isOff) enabled.delete(id);
      else enabled.add(id);
    }
  }
  return { enabled: enabled as ReadonlySet<string> as Gates, problems, warnings };
}

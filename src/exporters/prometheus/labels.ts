import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { labelName, type Strategy } from './names.ts';

export type Label = readonly [name: string, value: string];

/** Why an attribute is not a label of its own. */
export const labelChanges = {
  joined: 'another attribute has the same name: values are joined with `;`',
  replaced: 'its name is one that the exporter gives, such as `job`',
  left_out: 'nothing of its name can be one',
} as const;

export type LabelChange = keyof typeof labelChanges;

export interface LabelSource {
  readonly attributes: Attributes;
  /** Labels that no attribute replaces; those without a value are none. */
  readonly fixed: Readonly<Record<string, string | undefined>>;
  /** Names that no attribute has. */
  readonly without?: readonly string[];
  /** Labels of which nothing else has the name. */
  readonly constant: Readonly<Record<string, string>>;
  readonly strategy: Strategy;
}

/** By name, without those that have no value. */
export function labelsOf({ attributes, fixed, without = [], constant, strategy }: LabelSource): {
  readonly labels: readonly Label[];
  readonly changes: readonly LabelChange[];
} {
  const labels = new Map(Object.entries(constant));
  const own = new Set<string>();
  const changes: LabelChange[] = [];
  for (const key of Object.keys(attributes).sort()) {
    const value = attributes[key];
    if (value === undefined || value === null) continue;
    const name = labelName(key, strategy);
    if (name === undefined || name === '__name__') changes.push('left_out');
    else if (fixed[name] || without.includes(name)) changes.push('replaced');
    else if (own.has(name)) {
      changes.push('joined');
      labels.set(name, `${labels.get(name)};${textOf(value)}`);
    } else {
      own.add(name);
      labels.set(name, textOf(value));
    }
  }
  for (const [name, value] of Object.entries(fixed)) if (value) labels.set(name, value);
  return { labels: byName([...labels].filter(([, value]) => value !== '')), changes };
}

export const byName = (labels: Label[]): readonly Label[] => labels.sort(([a], [b]) => (a < b ? -1 : 1));

const textOf = (value: AttributeValue): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value);

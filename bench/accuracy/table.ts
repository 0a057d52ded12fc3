import { replayClasses } from '../../test/lab/replay.ts';
import type { Comparison } from './compare.ts';
import type { Rule } from './published-rules.ts';

const signed = (value: number) =>
  Math.abs(value) < 0.005 ? '0' : `${value > 0 ? '+' : '−'}${Math.abs(value).toFixed(2)}`;

/** True share and error of every class, a line a cgroup. */
export function classTable(comparisons: readonly Comparison[]): readonly string[] {
  const cell = (text: string) => text.padStart(15);
  const head = ['wait s', ...replayClasses].map(cell).join('');
  return [
    `${'cgroup'.padEnd(12)}${head}`,
    ...comparisons.map(
      ({ cgroup, wait, waitError, classes }) =>
        cgroup.padEnd(12) +
        cell(`${(wait / 1e9).toFixed(2)} ${signed(waitError)}`) +
        replayClasses
          .map((name) => cell(`${classes[name].actual.toFixed(2)} ${signed(classes[name].error)}`))
          .join(''),
    ),
  ];
}

/** Culprits that had at least a hundredth of the wait, or are off by a tenth of a point. */
export function culpritLines({ culprits }: Comparison): readonly string[] {
  return culprits
    .filter(({ actual, error }) => actual >= 1 || Math.abs(error) >= 0.1)
    .sort((a, b) => b.actual - a.actual)
    .map(({ name, actual, error }) => `${name.padEnd(12)}${actual.toFixed(2).padStart(8)} ${signed(error)}`);
}

export interface RuleRow {
  readonly load: string;
  readonly comparison: Comparison;
}

/** Markdown: points of each victim's wait on the wrong party, by rule. */
export function ruleTable(rows: readonly RuleRow[], rules: readonly Rule[]): readonly string[] {
  const head = ['load', 'victim', 'Earshot', ...rules.map(({ name, usedBy }) => `${name} (${usedBy})`)];
  const points = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(1));
  return [
    `| ${head.join(' | ')} |`,
    `| --- | --- |${' ---: |'.repeat(head.length - 2)}`,
    ...rows.map(({ load, comparison }) => {
      const cells = comparison.rules.map(({ misplaced, seen }) =>
        seen !== undefined && seen < 99 ? `${points(misplaced)} of ${seen.toFixed(0)} %` : points(misplaced),
      );
      return `| ${[load, comparison.cgroup, points(comparison.misplaced), ...cells].join(' | ')} |`;
    }),
  ];
}

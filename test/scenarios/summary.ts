import { type Judgement, nothing, type Row } from './judge.ts';
import { itself, kernelThreads, type Named } from './published-rules.ts';

/** One scenario, once. */
export interface Played {
  readonly name: string;
  readonly judgement: Judgement;
  /** What the published rules say of the scenario's own victim. */
  readonly rules: Named;
}

/** Which of a rule's answers are right. */
export type Answer = 'right' | 'wrong' | 'silent';

/** A verdict in which something else than the victim had the CPU, and which that was. */
function truthOf({ labelled, culprit }: Row): string | undefined {
  switch (labelled) {
    case 'noisy_neighbor':
    case 'sibling_contention':
    case 'system_interference':
      return culprit;
    case 'kernel_interference':
    case 'irq_interference':
      return kernelThreads;
    default:
      return undefined;
  }
}

/** A culprit where there is none is wrong; none where there is one is `silent`. */
export function answerOf(row: Row, named: string | undefined): Answer {
  const truth = truthOf(row);
  const answer = named === itself ? undefined : named;
  if (answer === truth) return 'right';
  return answer === undefined ? 'silent' : 'wrong';
}

/** Without what is the same for all test cgroups. */
export function shortName(path: string): string {
  return path
    .replace(/^\/earshot-test-\d+-\d+\//, '')
    .replace(/^kubepods-\d+\/kubepods\/pod[0-]*-4000-8000-0*/, 'pod ')
    .replace(/\/(\w)\1{63}$/, '/$1');
}

const verdictAndCulprit = (verdict: string, culprit: string | undefined) =>
  culprit === undefined ? verdict : `${verdict} ${shortName(culprit)}`;

/** One line for each labelled victim. */
export function linesOf({ name, judgement, rules }: Played): readonly string[] {
  const [own] = judgement.rows;
  const ruleOf = (named: string | undefined) =>
    `${named === undefined ? '–' : shortName(named)}${own && answerOf(own, named) !== 'right' ? ` (${answerOf(own, named)})` : ''}`;
  const cells = judgement.rows.map((row, index) => [
    index === 0 ? name : '',
    shortName(row.victim),
    verdictAndCulprit(row.labelled, row.culprit),
    verdictAndCulprit(row.reported, row.reportedCulprit),
    row.windows === undefined ? '–' : String(row.windows),
    ...(index === 0
      ? [ruleOf(rules.lastRunner), ruleOf(rules.preemptor), `${(rules.p99 * 1000).toPrecision(2)} ms`]
      : ['', '', '']),
  ]);
  return cells.map((row) => `| ${row.join(' | ')} |`);
}

export const heading: readonly string[] = [
  '| scenario | victim | label | found | windows | last runner | preemptor | p99 |',
  '| --- | --- | --- | --- | ---: | --- | --- | ---: |',
];

/** Labelled by reported main verdict. */
export function confusionMatrix(rows: readonly Row[]): readonly string[] {
  const labels = distinct(rows.map(({ labelled }) => labelled));
  const reported = distinct([...labels, ...rows.map((row) => row.reported)]);
  const count = (labelled: string, said: string) =>
    rows.filter((row) => row.labelled === labelled && row.reported === said).length;
  return [
    `| label \\ found | ${reported.join(' | ')} |`,
    `| --- |${' ---: |'.repeat(reported.length)}`,
    ...labels.map(
      (label) => `| ${label} | ${reported.map((said) => count(label, said) || '').join(' | ')} |`,
    ),
  ];
}

const distinct = (names: readonly string[]) =>
  [...new Set(names)].sort((a, b) => Number(a === nothing) - Number(b === nothing) || (a < b ? -1 : 1));

/** What all of it comes to. */
export function summaryOf(all: readonly Played[]): readonly string[] {
  const sum = (of: (judgement: Judgement) => number) =>
    all.reduce((total, { judgement }) => total + of(judgement), 0);
  const windows = all.flatMap(({ judgement }) => judgement.rows.flatMap((row) => row.windows ?? []));
  const tally = (ruleOf: (rules: Named) => string | undefined) => {
    const answers = all.flatMap(({ judgement, rules }) => {
      const [own] = judgement.rows;
      return own ? [answerOf(own, ruleOf(rules))] : [];
    });
    const of = (which: Answer) => answers.filter((answer) => answer === which).length;
    return `${of('right')} right, ${of('wrong')} wrong, ${of('silent')} silent`;
  };
  const timed = [...new Set(windows)].sort((a, b) => a - b);
  return [
    `named culprits: ${sum(({ namedRight }) => namedRight)} right, ${sum(({ namedWrong }) => namedWrong)} wrong`,
    `findings of main victims: ${all.filter(({ judgement }) => judgement.problems.length === 0).length} of ${all.length} scenarios right`,
    `windows until found: ${timed.map((count) => `${count}: ${windows.filter((one) => one === count).length}`).join(', ')}`,
    `last runner: ${tally(({ lastRunner }) => lastRunner)}`,
    `preemptor count: ${tally(({ preemptor }) => preemptor)}`,
  ];
}

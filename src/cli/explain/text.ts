import type { Answer, Candidate, Name, Reply } from '../../explanations/answer.ts';
import { printable } from '../../printable.ts';
import { type Colours, causeBar, legend, paint } from '../../views/cause-bar.ts';
import { clockTime } from '../../views/clock-time.ts';
import { duration, percentage, period } from '../../views/quantities.ts';

export interface Look extends Colours {
  /** Columns of the terminal. */
  readonly width: number;
}

/** An answer for a person: the sentence, then its evidence, a heading for each kind. */
export function renderAnswer(answer: Answer, look: Look): string {
  const lines = sectionsOf(answer, look).flatMap(([heading, all]) =>
    all.map((line, index) => `${paint('1', (index ? '' : heading).padEnd(indent), look)}${line}`),
  );
  return [...wrap(printable(answer.sentence), look.width), '', ...lines]
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

type Section = readonly [heading: string, lines: readonly string[]];

const indent = 12;
const widestBar = 60;
const mostCulprits = 10;
/** Of the wait; a JSON answer has all. */
const leastShown = 0.0005;

function sectionsOf(answer: Answer, look: Look): readonly Section[] {
  const wrapped = (text: string) => wrap(printable(text), look.width - indent);
  const sections: readonly Section[] = [
    ['WORKLOAD', wrapped(describe(answer.workload))],
    ['RECORDING', wrapped(answer.recording ?? '')],
    ['PERIOD', wrapped(periodOf(answer))],
    ['CAUSES', causesOf(answer, look)],
    ['CULPRITS', culpritsOf(answer)],
    ['P99 WAIT', wrapped(latencyOf(answer))],
    ['WORST', wrapped(worstOf(answer))],
    ['FINDINGS', answer.findings.map((finding) => findingLine(finding, answer.period.to))],
    ['CONFIDENCE', confidenceOf(answer).flatMap(wrapped)],
    ['ADVICE', wrapped(answer.advice ?? '')],
  ];
  return sections.map(([heading, lines]): Section => [heading, lines.filter(Boolean)]);
}

function describe({ name, owner, cgroup }: Name): string {
  const notes = [owner, cgroup === name ? undefined : cgroup].filter(Boolean);
  return notes.length > 0 ? `${name} (${notes.join(', ')})` : name;
}

function periodOf({ period: { from, to, windows, seconds, since, heldFrom } }: Answer): string {
  const text = `${timeOf(from)} to ${timeOf(to)}: ${windows} ${windows === 1 ? 'window' : 'windows'}, ${period(seconds)}`;
  const isShorter = seconds < 0.9 * since;
  return isShorter
    ? `${text}; ${period(since)} were asked for, held are windows since ${timeOf(heldFrom)}`
    : text;
}

function causesOf({ causes, wait }: Answer, look: Look): readonly string[] {
  if (causes.length === 0) return ['none: it did not wait'];
  const waits = new Map(causes.map(({ cause, seconds }) => [cause, seconds]));
  const width = Math.max(10, Math.min(widestBar, look.width - indent));
  return [
    causeBar(waits, width, look),
    legend([waits], width, look),
    ...causes
      .filter(({ share }) => share >= leastShown)
      .map(({ cause, seconds, share }) => figures(share, seconds, cause)),
    figures(1, wait.seconds, `all, ${percentage(wait.share)} of its runnable time`),
  ];
}

const figures = (share: number, seconds: number, text: string) =>
  `${percentage(share).padStart(5)}  ${duration(seconds).padStart(7)}  ${text}`;

function culpritsOf({ culprits }: Answer): readonly string[] {
  const hidden = culprits.length - mostCulprits;
  return [
    ...culprits.slice(0, mostCulprits).map(({ name, cause, seconds, share, excess }) => {
      const beyond = excess > 0 ? `, ${percentage(excess / share)} of it beyond its share` : '';
      return figures(share, seconds, `${printable(name)} (${cause}${beyond})`);
    }),
    hidden > 0 ? `and ${hidden} more` : '',
  ];
}

function latencyOf({ wait: { p99, baseline, trend } }: Answer): string {
  if (p99 === undefined) return '';
  const usual = baseline
    ? `, usually ${duration(baseline.p99)} ${sources[baseline.source] ?? ''}`
    : ', what is usual is not known yet';
  const moves = trend && trend !== 'steady' ? `; the time that it waits is ${trend}` : '';
  return `${duration(p99)} in the worst window${usual}${moves}`;
}

const sources: Readonly<Record<string, string>> = {
  recent: '(this hour and the one before)',
  hour_of_week: '(this hour of the week)',
};

function worstOf({ affected: { windows, worst }, period: { windows: all } }: Answer): string {
  if (!worst || all === 1) return '';
  const culprit = worst.culprit === undefined ? '' : `, behind ${worst.culprit}`;
  return `${timeOf(worst.at)}: lost ${percentage(worst.share)} of its runnable time in ${period(worst.seconds)} to ${worst.verdict}${culprit}; ${windows} of ${all} windows have a verdict`;
}

function findingLine({ severity, verdict, since, victims }: Answer['findings'][number], now: string): string {
  const others = victims > 1 ? `; its culprit has ${victims} victims` : '';
  return printable(`${severity} ${verdict}, since ${dayOf(since, now)}${timeOf(since)}${others}`);
}

function confidenceOf({ confidence, verdicts: [main] }: Answer): readonly string[] {
  if (!confidence || !main) return [];
  return [
    `${confidence.value.toFixed(2)} for ${main.verdict}, ${percentage(main.share)} of the wait`,
    ...confidence.loweredBy.map(({ meaning, factor }) => `× ${factor.toFixed(2)}  ${meaning}`),
  ];
}

/** The date of what is older than a day: a time of day alone would be of today. */
function dayOf(at: string, now: string): string {
  const date = new Date(at);
  if (Date.parse(now) - date.getTime() < 86_400_000) return '';
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return `${parts.map((part) => String(part).padStart(2, '0')).join('-')} `;
}

const timeOf = (at: string) => clockTime(new Date(at));

/** Why there is no answer, and what to ask instead. */
export function renderRefusal(reply: Exclude<Reply, { kind: 'answer' }>, workload: string): string {
  const name = printable(workload);
  switch (reply.kind) {
    case 'ambiguous':
      return [
        `Error: ${name} means ${reply.candidates.length} workloads; the part of its runnable time that each waited lately:`,
        ...candidateLines(reply.candidates),
        'Ask for one of them by its whole name.',
      ].join('\n');
    case 'unknown':
      return [
        `Error: no workload is called ${name}. ${reply.isAlike ? 'Names that look like it:' : `Of ${reply.workloads}, those that waited most lately:`}`,
        ...reply.near.map((near) => `  ${printable(near)}`),
      ].join('\n');
    case 'nothing':
      return reply.reason === 'no_window'
        ? 'Error: there is no window to explain yet: ask again after the next interval of the receiver scheduler.'
        : 'Error: cannot explain: no connector noisy_neighbor runs; add it to the configuration, behind the processor contention.';
  }
}

const mostCandidates = 20;

function candidateLines(candidates: readonly Candidate[]): readonly string[] {
  const hidden = candidates.length - mostCandidates;
  return [
    ...candidates
      .slice(0, mostCandidates)
      .map((of) => `  ${percentage(of.waitShare).padStart(5)}  ${printable(describe(of))}`),
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
  ];
}

/** At blanks; longer words are left whole. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

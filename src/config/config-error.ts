import { printable } from '../printable.ts';
import type { Files } from './text/files.ts';
import { type Position, place, type Source } from './text/source.ts';

export type Path = readonly (string | number)[];

/** One error, or (as a warning) an oddity, in the configuration. */
export interface Problem {
  readonly message: string;
  readonly path?: Path;
  readonly at?: Position;
  /** Replaces the message where it might quote a secret: quotes nothing. */
  readonly discreet?: string;
  /** Stretches of the sources that are not shown. */
  readonly secrets?: readonly Position[];
}

/** A list that ends there: more are of no use to a reader, and each takes time to find and to describe. */
export const maxProblems = 50;

/** The errors in the configuration, in the order of the files, at most `maxProblems`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG';
  readonly problems: readonly Problem[];
  /** Those that were read before. */
  readonly files: Files;

  constructor(problems: readonly Problem[], files: Files = new Map()) {
    const sorted = sortProblems(problems).slice(0, maxProblems);
    super(sorted.map(describeProblem).join('\n'));
    this.problems = sorted;
    this.files = files;
  }
}

/** `file:line:col: path::to::key: message`, as it is. */
export function sentenceOf({ at, path = [], message, discreet, secrets = [] }: Problem): string {
  const isSecret = at && secrets.some((secret) => overlap(secret, at));
  const shown = withoutUserinfo(isSecret ? (discreet ?? message) : message);
  const sentence = path.length > 0 ? `${path.join('::')}: ${shown}` : shown;
  if (at === undefined) return sentence;
  const { line, column } = place(at);
  return `${at.source.name}:${line}:${column}: ${sentence}`;
}

/** The sentence, then the line with a caret; printable. */
export function describeProblem(problem: Problem): string {
  const sentence = printable(sentenceOf(problem));
  const { at, secrets = [] } = problem;
  if (at === undefined) return sentence;
  const { line, column, ...written } = place(at);
  const lineText = masked(written, at.source, secrets);
  if (/^[\s*]*$/.test(lineText)) return sentence;
  const from = Math.max(0, column - 1 - shownBefore);
  const to = Math.min(lineText.length, Math.max(from + shownWidth, column));
  const end = Math.min(to, column - 1 + Math.max(1, at.end - at.start));
  const before = (from > 0 ? '…' : '') + printableLine(lineText.slice(from, column - 1));
  const marked = printableLine(lineText.slice(column - 1, end));
  const after = printableLine(lineText.slice(end, to)) + (to < lineText.length ? '…' : '');
  const gutter = String(line);
  // Tabs stay tabs, so that the caret stands below its character.
  const indent = before.replace(/[^\t]/g, ' ');
  return [
    sentence,
    `  ${gutter} | ${before}${marked}${after}`,
    `  ${' '.repeat(gutter.length)} | ${indent}${'^'.repeat(Math.max(1, marked.length))}`,
  ].join('\n');
}

/** Characters of a line that are shown: a line may be a whole file. */
const shownWidth = 160;
const shownBefore = 80;

const printableLine = (text: string) => text.split('\t').map(printable).join('\t');

const overlap = (a: Position, b: Position) =>
  a.source === b.source && a.start < Math.max(b.end, b.start + 1) && b.start < Math.max(a.end, a.start + 1);

/** Keys whose values are hidden even where no schema could be asked. */
const secretLine =
  /((?:password|passwd|secret|token|authorization|credential|api[-_]?key)[\w-]*["']?[^\S\n]*[:=][^\S\n]*)(.+)/gi;

/** A line with stars for what is secret. */
function masked(
  { lineText, lineStart }: { readonly lineText: string; readonly lineStart: number },
  source: Source,
  secrets: readonly Position[],
): string {
  let text = lineText;
  for (const { start, end } of secrets.filter((secret) => secret.source === source)) {
    const [from, to] = [Math.max(0, start - lineStart), Math.max(0, end - lineStart)];
    text = text.slice(0, from) + stars(text.slice(from, to)) + text.slice(to);
  }
  return withoutUserinfo(text).replace(secretLine, (_, key: string, value: string) => key + stars(value));
}

const stars = (text: string) => text.replace(/[^\r\n]/g, '*');

/** What stands before an `@` may be the password of a URL; as long as before, for the caret. */
function withoutUserinfo(text: string): string {
  const [scheme, at] = [text.indexOf('://'), text.lastIndexOf('@')];
  const whole =
    scheme >= 0 && scheme < at
      ? text.slice(0, scheme + 3) + stars(text.slice(scheme + 3, at)) + text.slice(at)
      : text;
  return whole.replace(/\S+/g, (word) => {
    const at = word.lastIndexOf('@');
    const start = /^(?:[\w./:-]+=)?["']?(?:[a-z][\w+.-]*:\/\/)?/i.exec(word)?.[0].length ?? 0;
    return at < start ? word : word.slice(0, start) + stars(word.slice(start, at)) + word.slice(at);
  });
}

function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const sources = [...new Set(problems.map(({ at }) => at?.source))];
  const rank = ({ at }: Problem) => sources.indexOf(at?.source);
  return [...problems].sort((a, b) => rank(a) - rank(b) || (a.at?.start ?? 0) - (b.at?.start ?? 0));
}

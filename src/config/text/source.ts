/** A text that configuration came from. */
export interface Source {
  /** As the user named it: a file's path, or `--set`. */
  readonly name: string;
  readonly text: string;
}

/** A stretch of a source: offsets, `end` not included. */
export interface Position {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

interface Place {
  readonly line: number;
  readonly column: number;
  readonly lineText: string;
  /** Offset of the line. */
  readonly lineStart: number;
}

/** Offsets of all lines: a text of a megabyte may have thousands of problems. */
const lineStarts = new WeakMap<Source, readonly number[]>();

function lineStartsOf(source: Source): readonly number[] {
  const known = lineStarts.get(source);
  if (known) return known;
  const starts = [0, ...Array.from(source.text.matchAll(/\n/g), ({ index }) => index + 1)];
  lineStarts.set(source, starts);
  return starts;
}

/** Counted from 1, as editors do. */
export function place({ source, start }: Position): Place {
  const starts = lineStartsOf(source);
  let line = 0;
  for (let beyond = starts.length; beyond - line > 1; ) {
    const middle = (line + beyond) >> 1;
    if ((starts[middle] ?? 0) <= start) line = middle;
    else beyond = middle;
  }
  const lineStart = starts[line] ?? 0;
  const lineEnd = (starts[line + 1] ?? source.text.length + 1) - 1;
  return {
    line: line + 1,
    column: start - lineStart + 1,
    lineText: source.text.slice(lineStart, lineEnd).replace(/\r$/, ''),
    lineStart,
  };
}

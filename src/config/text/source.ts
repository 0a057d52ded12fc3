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
}

/** Counted from 1, as editors do. */
export function place({ source: { text }, start }: Position): Place {
  const lineStart = start === 0 ? 0 : text.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = text.indexOf('\n', start);
  return {
    line: text.slice(0, lineStart).split('\n').length,
    column: start - lineStart + 1,
    lineText: text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd).replace(/\r$/, ''),
  };
}

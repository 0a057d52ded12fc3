/** A condition that is not one; the column counts from 1. */
export class ConditionError extends Error {
  readonly column: number;

  constructor(message: string, column: number) {
    super(message);
    this.column = column;
  }
}

const kinds = ['string', 'bytes', 'number', 'word', 'operator', 'mark'] as const;

export interface Token {
  readonly kind: (typeof kinds)[number] | 'end';
  readonly text: string;
  /** Of its first character. */
  readonly column: number;
}

/** A sign belongs to the number behind it, as in OTTL. */
const pattern =
  /\s*(?:(?<string>"(?:[^"\\]|\\.)*")|(?<bytes>0x[0-9a-fA-F]*)|(?<number>[+-]?(?:\d*\.\d+|\d+))|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<operator>==|!=|<=|>=|<|>)|(?<mark>[()[\]{}.,=+\-*/:]))/sy;

export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const matching = new RegExp(pattern);
  while (text.slice(matching.lastIndex).trim() !== '') {
    const at = matching.lastIndex;
    const match = matching.exec(text);
    if (match === null) throw unreadable(text, at);
    const kind = kinds.find((each) => match.groups?.[each] !== undefined) ?? 'mark';
    const token = match.groups?.[kind] ?? '';
    tokens.push({ kind, text: token, column: matching.lastIndex - token.length + 1 });
  }
  return [...tokens, { kind: 'end', text: '', column: text.trimEnd().length + 1 }];
}

function unreadable(text: string, at: number): ConditionError {
  const rest = text.slice(at);
  const column = at + rest.length - rest.trimStart().length + 1;
  const [first = ''] = rest.trimStart();
  if (first === '"') return new ConditionError('the text has no closing "', column);
  if (first === "'") return new ConditionError('texts stand between double quotes', column);
  if (first === '&' || first === '|')
    return new ConditionError(`write "${first === '&' ? 'and' : 'or'}" for "${first}${first}"`, column);
  return new ConditionError(`"${first}" is not part of a condition`, column);
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"' };

/** The text of a token with quotes. */
export function unquote({ text, column }: Token): string {
  return text.slice(1, -1).replace(/\\(.)/gs, (_, letter: string, offset: number) => {
    const character = escapes[letter];
    if (character !== undefined) return character;
    throw new ConditionError(
      `there is no escape "\\${letter}": a backslash is written "\\\\"`,
      column + 1 + offset,
    );
  });
}

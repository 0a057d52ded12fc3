/** A regular expression that matches anywhere, with two spellings of the Collector's syntax: `(?P<name>…)`, leading `(?i)`. */
export function regularExpression(source: string): RegExp {
  const [flagGroup = '', flags = ''] = /^\(\?([ims]+)\)/.exec(source) ?? [];
  return new RegExp(source.slice(flagGroup.length).replaceAll('(?P<', '(?<'), flags);
}

/** Why it is none; undefined: it is one. */
export function regularExpressionProblem(source: string): string | undefined {
  try {
    regularExpression(source);
    return undefined;
  } catch (error) {
    return `is no regular expression: ${(error as Error).message}`;
  }
}

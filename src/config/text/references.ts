export type Part = string | Reference;

/** A `${…}`. */
export interface Reference {
  readonly inside: readonly Part[];
}

/** References inside one another. */
const maxNested = 16;

/** Text and references, unescaped; or why it cannot be split. */
export function split(text: string): readonly Part[] | string {
  let position = 0;

  function parts(nested: number): Part[] | string {
    if (nested > maxNested) return `"\${" nested too deep: more than ${maxNested} levels`;
    const found: Part[] = [];
    let literal = '';
    while (position < text.length && !(nested > 0 && text[position] === '}')) {
      if (text.startsWith('${', position)) {
        position += 2;
        const inside = parts(nested + 1);
        if (typeof inside === 'string') return inside;
        if (literal) found.push(literal);
        literal = '';
        found.push({ inside });
      } else {
        literal += text[position];
        position += text.startsWith('$$', position) ? 2 : 1;
      }
    }
    if (nested > 0 && text[position] !== '}')
      return '"${" without "}": write "$${" if the text itself is meant';
    if (nested > 0) position += 1;
    if (literal) found.push(literal);
    return found;
  }

  return parts(0);
}

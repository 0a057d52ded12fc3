import type { Problem } from '../config-error.ts';
import { parseExpanded } from './parse.ts';
import type { Position } from './source.ts';
import type { Entry, Tree } from './tree.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Expanded {
  readonly tree: Tree;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/**
 * Replaces `${env:X}`, `${X}`, `${env:X:-default}` and `$$` in every text of the tree. What comes out of the
 * environment is final: neither expanded again nor unescaped.
 */
export function expandTree(tree: Tree, environment: Environment): Expanded {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];

  function expand(tree: Tree): Tree {
    if (tree.kind === 'list') return { ...tree, items: tree.items.map(expand) };
    if (tree.kind === 'map') {
      const entries = [...tree.entries].map(([name, { key, value }]): [string, Entry] => [
        name,
        { key, value: expand(value) },
      ]);
      return { ...tree, entries: new Map(entries) };
    }
    if (typeof tree.value !== 'string' || !tree.value.includes('$')) return tree;
    return expandText(tree.value, tree.at);
  }

  function expandText(text: string, at: Position): Tree {
    const parts = split(text);
    if (typeof parts === 'string') {
      problems.push({ message: parts, at });
      return { kind: 'scalar', at, value: text };
    }
    const values = parts.map((part) => (typeof part === 'string' ? part : resolve(part, at)));
    const whole = values[0];
    if (parts.length !== 1 || typeof parts[0] === 'string') {
      const joined = values.map((value) => value ?? '').join('');
      return {
        kind: 'scalar',
        at,
        value: joined,
        ...(parts.some((part) => typeof part !== 'string') && { expanded: joined }),
      };
    }
    if (whole === undefined) return { kind: 'scalar', at, value: null };
    return { ...(parseExpanded(whole, at) ?? { kind: 'scalar', at, value: whole }), expanded: whole };
  }

  function resolve({ inside }: Reference, at: Position): string | undefined {
    const content = inside
      .map((part) => (typeof part === 'string' ? part : (resolve(part, at) ?? '')))
      .join('');
    const [, scheme = 'env', name = '', fallback] =
      /^(?:([a-z][a-z0-9+.-]+):(?!-))?(.*?)(?::-(.*))?$/s.exec(content) ?? [];
    if (scheme !== 'env') {
      const discreet = 'scheme is not supported: "${env:NAME}" is';
      problems.push({ message: `scheme "${scheme}" is not supported: "\${env:NAME}" is`, discreet, at });
    } else if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      const message = `environment variable "${name}" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$`;
      problems.push({ message, discreet: 'environment variable has invalid name', at });
    } else {
      const value = environment[name] ?? fallback;
      if (value === undefined)
        warnings.push({ message: `Configuration references unset environment variable "${name}"`, at });
      return value;
    }
    return undefined;
  }

  return { tree: expand(tree), problems, warnings };
}

type Part = string | Reference;
interface Reference {
  readonly inside: readonly Part[];
}

/** References inside one another. */
const maxNested = 16;

/** Text and references, unescaped; or why it cannot be split. */
function split(text: string): readonly Part[] | string {
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

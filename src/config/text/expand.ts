import type { Problem } from '../config-error.ts';
import { parseExpanded, parseYaml } from './parse.ts';
import { type Part, type Reference, split } from './references.ts';
import { isScheme, type Retriever, schemeOf, unknownScheme } from './retrieve.ts';
import type { Position, Source } from './source.ts';
import type { Entry, Tree } from './tree.ts';

export interface Expanded {
  readonly tree: Tree;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** What stands for a reference. */
type Resolved =
  /** Final: neither expanded again nor unescaped. */
  | { readonly kind: 'final'; readonly text: string; readonly hidden: string }
  /** Configuration text of its own. */
  | { readonly kind: 'source'; readonly source: Source }
  | { readonly kind: 'nothing'; readonly unset?: string };

/** Where something is written, and how many files are read inside one another there. */
interface Site {
  readonly at: Position;
  readonly level: number;
}

/** Files inside one another. */
const maxLevel = 16;

/**
 * Replaces `${env:X}`, `${X}`, `${env:X:-default}`, `${file:path}`, `${yaml:text}`, `${https://…}` and `$$` in every text of the
 * tree. What files and addresses hold is expanded, too, as in the Collector; what a variable holds is final.
 */
export function expandTree(tree: Tree, retriever: Retriever): Expanded {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];

  function expand(tree: Tree, level: number): Tree {
    if (tree.kind === 'list') return { ...tree, items: tree.items.map((item) => expand(item, level)) };
    if (tree.kind === 'map') {
      const entries = [...tree.entries].map(([name, { key, value }]): [string, Entry] => [
        name,
        { key, value: expand(value, level) },
      ]);
      return { ...tree, entries: new Map(entries) };
    }
    if (typeof tree.value !== 'string' || !tree.value.includes('$')) return tree;
    return expandText(tree.value, { at: tree.at, level });
  }

  /** Undefined: it cannot be split, which was reported. */
  function partsOf(text: string, at: Position): readonly Part[] | undefined {
    const parts = split(text);
    if (typeof parts !== 'string') return parts;
    problems.push({ message: parts, at });
    return undefined;
  }

  function expandText(text: string, site: Site): Tree {
    const parts = partsOf(text, site.at);
    if (parts === undefined) return { kind: 'scalar', at: site.at, value: null };
    const [first] = parts;
    if (parts.length === 1 && typeof first === 'object') return whole(resolve(first, site), site);
    const joined = join(parts, site);
    const hasReference = parts.some((part) => typeof part !== 'string');
    return {
      kind: 'scalar',
      at: site.at,
      value: joined,
      ...(hasReference && { expanded: joined, hidden: 'a value with references in it' }),
    };
  }

  const join = (parts: readonly Part[], site: Site) =>
    parts.map((part) => (typeof part === 'string' ? part : textOf(resolve(part, site), site))).join('');

  /** Of a reference within a text. */
  function textOf(resolved: Resolved, { at, level }: Site): string {
    if (resolved.kind === 'nothing') return '';
    if (resolved.kind === 'final') return resolved.text;
    const text = withoutLineEnd(resolved.source.text);
    return text.includes('$') ? join(partsOf(text, at) ?? [], { at, level: level + 1 }) : text;
  }

  /** Of a reference that is the whole value, which has the type that its YAML has. */
  function whole(resolved: Resolved, site: Site): Tree {
    const { at, level } = site;
    if (resolved.kind === 'nothing')
      return { kind: 'scalar', at, value: null, ...(resolved.unset && { unset: resolved.unset }) };
    if (resolved.kind === 'final') {
      const { text, hidden } = resolved;
      return {
        ...(parseExpanded(text, { at, hidden }) ?? { kind: 'scalar', at, value: text }),
        expanded: text,
        hidden,
      };
    }
    const { source } = resolved;
    const parsed = parseYaml(source);
    if (parsed.tree?.kind === 'map' || parsed.tree?.kind === 'list') {
      problems.push(...parsed.problems);
      return { ...expand(parsed.tree, level + 1), expanded: source.text };
    }
    const hidden = `the value from ${source.name}`;
    const text = textOf(resolved, site);
    const tree = parsed.tree && parseExpanded(text, { at, hidden });
    const flaw = parsed.tree ? undefined : parsed.problems[0];
    return {
      ...(tree ?? { kind: 'scalar', at, value: text }),
      expanded: text,
      hidden,
      ...(flaw && { flaw }),
    };
  }

  function resolve({ inside }: Reference, site: Site): Resolved {
    const content = join(inside, site);
    const { at, level } = site;
    // `${X:-…}` has no scheme.
    const [scheme, rest] = (/^[^:]*:-/.test(content) ? undefined : schemeOf(content)) ?? ['env', content];
    if (!isScheme(scheme)) {
      problems.push({ message: unknownScheme(scheme), discreet: 'scheme is not supported', at });
      return { kind: 'nothing' };
    }
    if (scheme === 'env') return variable(rest, at);
    if (scheme === 'yaml') return { kind: 'final', text: rest, hidden: 'the value of ${yaml:}' };
    if (level >= maxLevel) {
      problems.push({ message: `files inside one another: more than ${maxLevel} levels`, at });
      return { kind: 'nothing' };
    }
    const { source, problems: unreadable } =
      scheme === 'file' ? retriever.file(rest) : retriever.url(content);
    if (source) return { kind: 'source', source };
    problems.push(
      ...unreadable.map((problem) => ({
        ...problem,
        at: problem.at ?? at,
        message: `${problem.message}${/:-/.test(rest) ? '; only a variable has a default behind ":-"' : ''}`,
      })),
    );
    return { kind: 'nothing' };
  }

  function variable(content: string, at: Position): Resolved {
    const [, name = '', fallback] = /^(.*?)(?::-(.*))?$/s.exec(content) ?? [];
    if (name === '') {
      problems.push({ message: '"${}" names no variable: write "${env:NAME}"', at });
      return { kind: 'nothing' };
    }
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) {
      const message = `environment variable "${name}" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$`;
      problems.push({ message, discreet: 'environment variable has invalid name', at });
      return { kind: 'nothing' };
    }
    const text = retriever.environment[name] ?? fallback;
    if (text !== undefined) return { kind: 'final', text, hidden: 'the value from the environment' };
    warnings.push({ message: `Configuration references unset environment variable "${name}"`, at });
    return { kind: 'nothing', unset: name };
  }

  return { tree: expand(tree, 0), problems, warnings };
}

/** A file that holds one value ends with a line end that is not meant. */
const withoutLineEnd = (text: string) => text.replace(/\r?\n$/, '');

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  parseDocument,
  type Range,
  type Scalar,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { maxProblems, type Problem } from '../config-error.ts';
import { type Position, place, type Source } from './source.ts';
import type { Entry, MapTree, Tree } from './tree.ts';

export interface Parsed {
  /** Absent when the text is not YAML; the problems say why. */
  readonly tree?: Tree;
  readonly problems: readonly Problem[];
}

/** YAML text, from `offset` of the source on. An empty text is null, as in YAML. */
export function parseYaml(source: Source, offset = 0): Parsed {
  const text = source.text.slice(offset);
  const positionOf = (range: readonly number[]) => ({
    source,
    start: (range[0] ?? 0) + offset,
    end: (range[1] ?? 0) + offset,
  });
  const document = readDocument(text);
  const syntax = [...document.errors, ...document.warnings]
    // After a first mistake these are only its consequences.
    .filter(({ code }, index) => index === 0 || (code !== 'UNEXPECTED_TOKEN' && code !== 'BAD_INDENT'))
    .slice(0, maxProblems)
    .map((error) => describe(error, document, positionOf));
  if (syntax.length > 0) return { problems: oneALine(syntax) };
  const problems: Problem[] = [];
  const { tree, excess } = toTree(document, {
    positionOf,
    report(problem) {
      if (problems.length < maxProblems) problems.push(problem);
    },
  });
  return excess ? { problems: [excess] } : { tree, problems };
}

/** A value that came for a reference: all of it stands `at` one place, and is `hidden`. Undefined: it is not YAML. */
export function parseExpanded(
  text: string,
  { at, hidden }: { readonly at: Position; readonly hidden: string },
): Tree | undefined {
  const document = readDocument(text);
  if (document.errors.length > 0 || document.warnings.length > 0) return undefined;
  let odd = false;
  const { tree, excess } = toTree(document, {
    positionOf: () => at,
    report() {
      odd = true;
    },
    expanded: (range) => text.slice(range[0], range[1]),
    hidden,
  });
  return odd || excess ? undefined : tree;
}

// Duplicate keys are found here, with both their places, and do not hide other problems.
const readDocument = (text: string) =>
  parseDocument(text, { merge: true, uniqueKeys: false, prettyErrors: false, logLevel: 'error' });

/** Values that aliases may repeat in all; more than any configuration has. */
const maxRepeated = 20_000;

/** Levels of keys and lists; the deepest key of a component is at 8. */
const maxDepth = 64;
const tooDeep = `nested too deep: more than ${maxDepth} levels`;

interface Conversion {
  readonly positionOf: (range: Range) => Position;
  readonly report: (problem: Problem & { at: Position }) => void;
  /** The text of a value that came for a reference, and what messages call it. */
  readonly expanded?: (range: Range) => string;
  readonly hidden?: string;
}

interface Converted {
  readonly tree: Tree;
  /** Why it is not the whole tree. */
  readonly excess?: Problem;
}

function toTree(
  document: Document.Parsed,
  { positionOf, report, expanded, hidden = '' }: Conversion,
): Converted {
  const unfinished = new Set<unknown>();
  let excess: Problem | undefined;
  let depth = 0;
  let aliases = 0;
  let repeated = 0;

  function convert(node: ParsedNode | null, otherwise: Position): Tree {
    depth += 1;
    const tree = convertNode(node, otherwise);
    depth -= 1;
    if (expanded === undefined) return tree;
    const isText = tree.kind === 'scalar' && typeof tree.value === 'string';
    return { ...tree, hidden, expanded: isText ? String(tree.value) : node ? expanded(node.range) : '' };
  }

  function convertNode(node: ParsedNode | null, otherwise: Position): Tree {
    const at = node ? positionOf(node.range) : otherwise;
    if (aliases > 0) repeated += 1;
    if (depth > maxDepth) excess ??= { message: tooDeep, at };
    if (repeated > maxRepeated)
      excess ??= { message: `aliases repeat too much: more than ${maxRepeated} values`, at };
    if (excess) return { kind: 'scalar', at, value: null };
    if (isAlias(node)) {
      const target = node.resolve(document) as ParsedNode | undefined;
      if (target && !unfinished.has(target)) {
        aliases += 1;
        const tree = convert(target, at);
        aliases -= 1;
        return { ...tree, at, anchor: tree.at };
      }
      const trouble = target
        ? 'stands inside its own anchor: it cannot repeat what contains it'
        : 'has no anchor: write & and the name before the value that it repeats';
      report({ message: `alias "*${node.source}" ${trouble}`, discreet: `alias ${trouble}`, at });
    } else if (isMap(node) || isSeq(node)) {
      unfinished.add(node);
      const tree: Tree = isMap(node)
        ? convertMap(node as YAMLMap.Parsed, at)
        : { kind: 'list', at, items: node.items.map((item) => convert(item as ParsedNode | null, at)) };
      unfinished.delete(node);
      return tree;
    } else if (isScalar(node)) {
      const doubt = numberDoubt(node);
      if (doubt && expanded) return { kind: 'scalar', at, value: node.source };
      if (doubt) report({ message: doubt, discreet: 'number in doubt: put it in quotes', at });
      return { kind: 'scalar', at, value: node.value };
    }
    return { kind: 'scalar', at, value: null };
  }

  function convertMap(node: YAMLMap.Parsed, at: Position): MapTree {
    const entries = new Map<string, Entry>();
    const merged: Tree[] = [];
    for (const { key, value } of node.items) {
      const keyAt = key ? positionOf(key.range) : at;
      const isMerge = isScalar(key) && typeof key.value === 'symbol';
      const name = isScalar(key) ? String(key.value ?? '') : undefined;
      const entry = { key: keyAt, value: convert(value, keyAt) };
      const first = entries.get(name ?? '');
      if (name === undefined) report({ message: 'a key must be a plain text', at: keyAt });
      else if (isMerge) merged.push(entry.value);
      else if (first) {
        const where = `(first in line ${place(first.key).line})`;
        report({
          message: `duplicate key "${name}" ${where}: keep one of them`,
          discreet: `duplicate key ${where}: keep one of them`,
          at: keyAt,
        });
      } else entries.set(name, entry);
    }
    for (const tree of merged.flatMap((tree) => (tree.kind === 'list' ? tree.items : [tree]))) {
      if (tree.kind !== 'map') report({ message: 'only a mapping can be merged with "<<"', at: tree.at });
      else for (const [name, entry] of tree.entries) if (!entries.has(name)) entries.set(name, entry);
    }
    return { kind: 'map', at, entries };
  }

  const tree = convert(document.contents, positionOf([0, 0, 0]));
  return { tree, ...(excess && { excess }) };
}

/** Numbers that other YAML readers, or a double, would make something else of. */
function numberDoubt({ value, source = '' }: Scalar): string | undefined {
  if (typeof value !== 'number') return undefined;
  if (/^[-+]?0\d/.test(source))
    return `number ${source} begins with 0: write ${value}, 0o${source.replace(/^[-+]?0+/, '')} if octal is meant, or "${source}" for text`;
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return `number ${source} is too large to be exact: write "${source}" if text is meant`;
  return undefined;
}

function describe(
  error: YAMLError,
  document: Document.Parsed,
  positionOf: (range: readonly number[]) => Position,
): Problem {
  const end = positionOf(error.pos);
  if (error.code === 'MISSING_CHAR' && error.message.includes('quote'))
    return {
      at: { ...end, start: startOfScalar(document, positionOf, end.start) },
      message: 'the quote is not closed',
    };
  return {
    at: end,
    message: remedy(error, end) ?? error.message.charAt(0).toLowerCase() + error.message.slice(1),
    discreet: 'not YAML here: look at quotes, brackets and indentation',
  };
}

/** Where the text begins that ends at an offset. */
function startOfScalar(
  document: Document.Parsed,
  positionOf: (range: readonly number[]) => Position,
  end: number,
) {
  let start = end;
  visit(document, {
    Scalar(_, { range }) {
      const position = range ? positionOf(range) : undefined;
      if (position && position.start < end && position.end >= end) start = position.start;
    },
  });
  return start;
}

function remedy({ code, message }: YAMLError, at: Position): string | undefined {
  const { lineText } = place(at);
  const closing = /^Flow .* end with a ([}\]])/.exec(message)?.[1];
  if (closing) return `a bracket is not closed: "${closing}" is missing`;
  if (code === 'RESOURCE_EXHAUSTION') return tooDeep;
  if (code === 'TAB_AS_INDENT' || /^ *\t/.test(lineText)) return 'tab in the indentation: indent with spaces';
  if (code === 'BAD_INDENT') return 'indented like no line above: keys of one level begin at the same column';
  if (code === 'MULTILINE_IMPLICIT_KEY' || code === 'BLOCK_AS_IMPLICIT_KEY') {
    const glued = /^\s*(?:- )?([\w/.-]+):[^\s:]/.exec(lineText);
    if (glued) return `missing space after "${glued[1]}:"`;
  }
  if (at.source.text.slice(at.start - 1, at.start + 1) === '${')
    return 'between { } or [ ], quotes are needed: "${env:NAME}"';
  if (code === 'MULTIPLE_DOCS')
    return 'more than one YAML document in the file: give each its own --config file';
  if (code === 'UNEXPECTED_TOKEN')
    return 'unexpected text here: a quote, bracket or comma is missing, or one too many';
  return undefined;
}

function oneALine(problems: readonly Problem[]): Problem[] {
  const lines = new Set<number>();
  return problems.filter(({ at }) => {
    const line = at ? place(at).line : 0;
    return !lines.has(line) && lines.add(line);
  });
}

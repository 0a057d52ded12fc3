import type { Path, Problem } from '../config-error.ts';
import type { JsonSchema } from '../schema/json-schema.ts';
import { schemaAt } from '../schema/json-schema.ts';
import { type Position, place } from './source.ts';

/** Configuration text as data in which every key and value knows where it was written. */
export type Tree = ScalarTree | ListTree | MapTree;

interface Written {
  readonly at: Position;
  /** Set on the value of an alias: the position of its anchor. */
  readonly anchor?: Position;
  /** Set on a value that came for a reference: its text there. */
  readonly expanded?: string;
  /** Set on one that no message may show: what is said instead. */
  readonly hidden?: string;
  /** Set on a null: the variable that is not set. */
  readonly unset?: string;
  /** Set on a text from a file: why it is no more than a text. */
  readonly flaw?: Problem;
}
export interface ScalarTree extends Written {
  readonly kind: 'scalar';
  readonly value: unknown;
}
export interface ListTree extends Written {
  readonly kind: 'list';
  readonly items: readonly Tree[];
}
export interface MapTree extends Written {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
}
export interface Entry {
  readonly key: Position;
  readonly value: Tree;
}

/** Which lists are appended to where trees are merged. */
export type Appended = (path: readonly string[]) => boolean;

/** `over` wins: maps merge, everything else is replaced, by null too, but for the lists that are appended to. */
export function mergeTrees(under: Tree, over: Tree, appended?: Appended, path: readonly string[] = []): Tree {
  if (under.kind === 'list' && over.kind === 'list' && appended?.(path)) return append(under, over);
  if (under.kind !== 'map' || over.kind !== 'map') return over;
  const entries = new Map(under.entries);
  for (const [name, entry] of over.entries) {
    const below = entries.get(name);
    const value = below ? mergeTrees(below.value, entry.value, appended, [...path, name]) : entry.value;
    entries.set(name, { key: entry.key, value });
  }
  return { ...over, entries };
}

/** What is in both lists stays at its place. */
function append(under: ListTree, over: ListTree): ListTree {
  const textOf = (item: Tree) => (item.kind === 'scalar' ? item.value : item);
  const there = new Set(under.items.map(textOf));
  return { ...over, items: [...under.items, ...over.items.filter((item) => !there.has(textOf(item)))] };
}

/**
 * Plain data for the schema's check. Where it wants text, what came for a reference is that text, not the YAML
 * in it. A key without a value is left out, so that it gets its default,
 * unless null means something there.
 */
export function plainValue(tree: Tree, schema: JsonSchema | undefined): unknown {
  if (tree.expanded !== undefined && schema?.type === 'string') return tree.expanded;
  switch (tree.kind) {
    case 'scalar':
      if (tree.value === null && schema?.type === 'object') return {};
      return schema?.ignoresCase && typeof tree.value === 'string' ? tree.value.toLowerCase() : tree.value;
    case 'list':
      return tree.items.map((item) => plainValue(item, schema?.items));
    case 'map':
      return Object.fromEntries(
        [...tree.entries].flatMap(([name, { value }]) => {
          const inner = schemaAt(schema, name);
          const plain = plainValue(value, inner);
          const isMeant = plain !== null || !inner || takesNull(inner) || /:\S/.test(name);
          return isMeant ? [[name, plain]] : [];
        }),
      );
  }
}

const takesNull = ({ type }: JsonSchema) => Array.isArray(type) && type.includes('null');

export interface Found {
  /** Of the last key on the way. */
  readonly key: Position | undefined;
  readonly tree: Tree;
}

/** The value at a path, or the nearest above it. */
export function find(tree: Tree, path: Path): Found {
  let found: Found = { key: undefined, tree };
  for (const step of path) {
    const { tree } = found;
    if (tree.kind === 'map') {
      const entry = tree.entries.get(String(step));
      if (!entry) break;
      found = { key: entry.key, tree: entry.value };
    } else if (tree.kind === 'list') {
      const item = tree.items[Number(step)];
      if (!item) break;
      found = { key: undefined, tree: item };
    } else break;
  }
  return found;
}

/** Where the value at a path was written, for a person to read; undefined: nothing was. */
export function originOf(tree: Tree, path: Path): string | undefined {
  const above = find(tree, path.slice(0, -1)).tree;
  const { tree: found, key } = find(tree, path);
  if (found === above || (found.kind === 'scalar' && found.value === null)) return undefined;
  const at = key ?? found.at;
  const { name } = at.source;
  const where = name === '--set' ? name : `${name}:${place(at).line}`;
  return found.hidden === undefined ? where : `${where}, ${found.hidden}`;
}

/** A problem at the key of what a path names, or, if that is not there, at the nearest key above. */
export function problemAt(tree: Tree, path: Path, message: string): Problem {
  const { key, tree: value } = find(tree, path);
  return { path, message, at: key ?? value.at };
}

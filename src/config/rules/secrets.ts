import { type JsonSchema, schemaAt } from '../schema/json-schema.ts';
import type { Position, Source } from '../text/source.ts';
import type { Tree } from '../text/tree.ts';

/** Whether a value of this schema is secret or has a secret somewhere in it. */
export function mayHoldSecret(schema: JsonSchema | undefined): boolean {
  return schema !== undefined && (schema.secret === true || insides(schema).some(mayHoldSecret));
}

/** The keys that hold secrets directly: what stands after one of them in a text is not shown. */
export function secretKeys(schema: JsonSchema): readonly string[] {
  const own = Object.entries(schema.properties ?? {})
    .filter(([, inner]) => inner.secret || unnamed(inner).some(({ secret }) => secret))
    .map(([key]) => key);
  return [...new Set([...own, ...insides(schema).flatMap(secretKeys)])];
}

const insides = (schema: JsonSchema) => [...Object.values(schema.properties ?? {}), ...unnamed(schema)];

const unnamed = ({ patternProperties, additionalProperties, items }: JsonSchema) => [
  ...Object.values(patternProperties ?? {}),
  ...(typeof additionalProperties === 'object' ? [additionalProperties] : []),
  ...(items ? [items] : []),
];

/** A key with other characters may be a whole `key=value` or `key:value`. */
export const isPlainKey = (key: string) => /^[\w./-]+$/.test(key);

/**
 * Where the values stand that a schema calls secret. What has another shape than the schema wants, or an unknown key
 * where a secret one may be meant, is secret as a whole.
 */
export function secretsIn(tree: Tree, schema: JsonSchema | undefined): readonly Position[] {
  if (!mayHoldSecret(schema)) return [];
  if (schema?.secret) return everything(tree);
  if (tree.kind === 'map' && schema?.type === 'object')
    return [...tree.entries].flatMap(([name, { key, value }]) => {
      const inner = schemaAt(schema, name);
      return [...(isPlainKey(name) ? [] : [key]), ...(inner ? secretsIn(value, inner) : everything(value))];
    });
  if (tree.kind === 'list' && schema?.type === 'array')
    return tree.items.flatMap((item) => secretsIn(item, schema.items));
  return everything(tree);
}

function everything(tree: Tree): readonly Position[] {
  return [...(tree.anchor ? [tree.anchor] : []), ...everythingAt(tree)];
}

/** The name of a variable or a file is no secret. */
const plainReference = /^\$\{((env:)?\w+|file:[^${}]*)\}$/;

function everythingAt(tree: Tree): readonly Position[] {
  // What came for a reference stands elsewhere; the reference itself was looked at before.
  if (tree.hidden !== undefined) return [];
  switch (tree.kind) {
    case 'scalar':
      // Without a value it stands at its key.
      return tree.value === null || plainReference.test(String(tree.value)) ? [] : [tree.at];
    case 'list':
      return [tree.at, ...tree.items.flatMap(everything)];
    case 'map':
      return [
        tree.at,
        ...[...tree.entries.values()].flatMap(({ key, value }) => [key, ...everything(value)]),
      ];
  }
}

/**
 * Where secrets may stand in a text, for what no tree was made of: from each of the keys to the first line that is
 * indented less, or, where a bracket or quote is open, to the end.
 */
export function secretStretches(source: Source, keys: readonly string[]): readonly Position[] {
  if (keys.length === 0) return [];
  const { text } = source;
  return [
    ...text.matchAll(new RegExp(`(?<![\\w-])(?:${keys.join('|')})(?![\\w-])["']?[ \\t]*[:=]*`, 'g')),
  ].map(({ 0: key, index }) => {
    const start = index + key.length;
    return { source, start, end: endOfStretch(text, { key: index, start }) };
  });
}

function endOfStretch(text: string, { key, start }: { key: number; start: number }): number {
  const lineStart = text.lastIndexOf('\n', key) + 1;
  const lineEnd = endOfLine(text, start);
  const rest = text.slice(start, lineEnd);
  const before = text.slice(lineStart, key);
  const beginsLine = /^\s*(?:- +)*["']?$/.test(before);
  const count = (characters: RegExp) => rest.match(characters)?.length ?? 0;
  const isOpen = count(/[{[]/g) > count(/[}\]]/g) || count(/"/g) % 2 === 1 || count(/'/g) % 2 === 1;
  if (isOpen || (!beginsLine && rest.trim() === '')) return text.length;
  const column = before.replace(/["']$/, '').length;
  let end = lineEnd;
  while (beginsLine && end < text.length) {
    const next = endOfLine(text, end + 1);
    const line = text.slice(end + 1, next);
    if (line.trim() !== '' && line.search(/\S/) < column) break;
    end = next;
  }
  return end;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

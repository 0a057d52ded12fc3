import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { parseYaml } from '../../../../src/config/text/parse.ts';
import { place } from '../../../../src/config/text/source.ts';
import { find, mergeTrees, plainValue, type Tree } from '../../../../src/config/text/tree.ts';

type Data = null | boolean | number | string | readonly Data[] | { readonly [key: string]: Data };

const { data, map } = fc.letrec<{ data: Data; map: { [key: string]: Data }; list: Data[] }>((tie) => ({
  data: fc.oneof({ maxDepth: 4 }, fc.boolean(), fc.integer(), fc.string(), tie('map'), tie('list')),
  map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd/e', '__proto__'), tie('data'), { maxKeys: 4 }),
  list: fc.array(tie('data'), { maxLength: 3 }),
}));

function treeOf(data: Data, name = 'test.yaml'): Tree {
  const { tree, problems } = parseYaml({ name, text: stringify(data) });
  assert.deepEqual(problems, []);
  return tree ?? assert.fail('no tree');
}

const plain = (tree: Tree) => plainValue(tree, undefined);

const isMap = (data: unknown): data is { [key: string]: Data } =>
  typeof data === 'object' && data !== null && !Array.isArray(data);

function merged(under: Data, over: Data): Data {
  if (!isMap(under) || !isMap(over)) return over;
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
  const value = (key: string) => {
    if (!Object.hasOwn(over, key)) return under[key] ?? null;
    return Object.hasOwn(under, key) ? merged(under[key] ?? null, over[key] ?? null) : (over[key] ?? null);
  };
  return Object.fromEntries([...keys].map((key) => [key, value(key)]));
}

/** Without the order of keys and without prototypes. */
const normal = (value: unknown) => JSON.parse(JSON.stringify(value ?? null));

test('YAML becomes the data it describes', () => {
  fc.assert(fc.property(data, (value) => assert.deepEqual(normal(plain(treeOf(value))), normal(value))));
});

test('maps merge at every depth, everything else is replaced', () => {
  fc.assert(
    fc.property(map, map, (under, over) => {
      assert.deepEqual(normal(plain(mergeTrees(treeOf(under), treeOf(over)))), normal(merged(under, over)));
    }),
  );
});

test('a file merged over itself, or with an empty one, changes nothing', () => {
  fc.assert(
    fc.property(map, (data) => {
      const tree = treeOf(data);
      for (const same of [
        mergeTrees(tree, treeOf(data)),
        mergeTrees(tree, treeOf({})),
        mergeTrees(treeOf({}), tree),
      ])
        assert.deepEqual(normal(plain(same)), normal(data));
    }),
  );
});

test('a merged value still knows the file, line and column it was written at', () => {
  const under = parseYaml({ name: 'a.yaml', text: 'x:\n  y: 1\n  z: 2\n' }).tree ?? assert.fail();
  const over = parseYaml({ name: 'b.yaml', text: '\nx: {z: 3}\n' }).tree ?? assert.fail();
  const tree = mergeTrees(under, over);
  const where = (...path: string[]) => {
    const { at } = find(tree, path).tree;
    const { line, column } = place(at);
    return `${at.source.name}:${line}:${column}`;
  };
  assert.equal(where('x', 'y'), 'a.yaml:2:6');
  assert.equal(where('x', 'z'), 'b.yaml:2:8');
});

test('every character of a text has its line and column', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', '\n'), { minLength: 1 }), fc.nat(), (characters, n) => {
      const text = characters.join('');
      const start = n % text.length;
      const { line, column } = place({ source: { name: '', text }, start, end: start });
      const before = text.slice(0, start).split('\n');
      assert.deepEqual({ line, column }, { line: before.length, column: (before.at(-1) ?? '').length + 1 });
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KubeError } from '../../../../src/identity/kubernetes/kube-error.ts';
import { ItemSplitter, LineSplitter } from '../../../../src/identity/kubernetes/split.ts';

function split(parts: readonly Buffer[]) {
  const items: unknown[] = [];
  const splitter = new ItemSplitter('PodList', (item) => items.push(item));
  for (const part of parts) splitter.write(part);
  return { items, rest: splitter.end() };
}

/** The text in parts that end anywhere, also inside a character. */
function cut(text: string, ends: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text);
  const places = [
    0,
    ...ends.map((end) => Math.floor(end * bytes.length)).sort((a, b) => a - b),
    bytes.length,
  ];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

const anyObject = fc.dictionary(fc.string(), fc.jsonValue({ depthSize: 'small' }));
const anywhere = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });

test('a split list equals the parsed whole, for any chunks', () => {
  fc.assert(
    fc.property(
      fc.array(anyObject, { maxLength: 5 }),
      anyObject,
      anywhere,
      fc.boolean(),
      (items, metadata, ends, isPretty) => {
        const list = {
          kind: 'PodList',
          apiVersion: 'v1',
          metadata: { ...metadata, items: [1] },
          items,
          after: ['x'],
        };
        const text = JSON.stringify(list, undefined, isPretty ? 2 : undefined);
        const found = split(cut(text, ends));
        assert.deepEqual(found.items, JSON.parse(text).items);
        assert.equal((found.rest as typeof list).kind, 'PodList');
        assert.deepEqual((found.rest as typeof list).after, ['x']);
      },
    ),
  );
});

test('a text that ends half-way is never a list', () => {
  const text = JSON.stringify({
    kind: 'PodList',
    metadata: { name: 'a "b" \\' },
    items: [{ a: [{}] }, { b: '}' }],
  });
  for (let end = 0; end < text.length; end++)
    assert.throws(() => split([Buffer.from(text.slice(0, end))]), KubeError, text.slice(0, end));
});

const noLists = {
  'an empty answer': '',
  'another kind': '{"kind":"NodeList","items":[{}]}',
  'another kind, named late': '{"items":[{}],"kind":"NodeList"}',
  'a single object': '{"kind":"Pod","metadata":{}}',
  'an array': '[{"kind":"PodList"}]',
  'two lists': '{"kind":"PodList"}{"kind":"PodList"}',
  'closing brackets': '}]}]',
  'items that are texts': '{"kind":"PodList","items":["a"]}',
  'items that are numbers': '{"kind":"PodList","items":[1,2]}',
  'broken items': '{"kind":"PodList","items":[{"a":}]}',
  'a web page': '<html><body>{"kind":"PodList"}</body></html>',
  'a text': '"kind"',
  null: 'null',
};
for (const [what, text] of Object.entries(noLists))
  test(`${what} is no list of pods`, () => {
    assert.throws(
      () => split([Buffer.from(text)]),
      (error: KubeError) => error.reason === 'invalid_response',
    );
  });

test('a list without pods may have null for items, as Go writes it', () => {
  assert.deepEqual(split([Buffer.from('{"kind":"PodList","metadata":{},"items":null}')]).items, []);
});

test('an object without an end is refused at the size limit', () => {
  const splitter = new ItemSplitter('PodList', () => assert.fail('no object is complete'));
  const lines = new LineSplitter(() => assert.fail('no line is complete'));
  const part = Buffer.alloc(1024 * 1024, 'x');
  const fill = (write: (part: Buffer) => void) => () => {
    for (let i = 0; i < 10; i++) write(part);
  };
  splitter.write(Buffer.from('{"kind":"PodList","items":[{"a":"'));
  const isTooLarge = (error: KubeError) => error.reason === 'too_large';
  assert.throws(
    fill((part) => splitter.write(part)),
    isTooLarge,
  );
  assert.throws(
    fill((part) => lines.write(part)),
    isTooLarge,
  );
  const noItems = new ItemSplitter('PodList', () => {});
  noItems.write(Buffer.from('{"kind":"'));
  assert.throws(
    fill((part) => noItems.write(part)),
    isTooLarge,
  );
});

test('lines are passed on when complete, for any split into chunks', () => {
  fc.assert(
    fc.property(fc.array(anyObject, { maxLength: 5 }), anywhere, (objects, ends) => {
      const lines: unknown[] = [];
      const splitter = new LineSplitter((line) => lines.push(line));
      const text = `${objects.map((object) => `${JSON.stringify(object)}\n`).join('\n')}{"half":`;
      for (const part of cut(text, ends)) splitter.write(part);
      assert.deepEqual(lines, JSON.parse(JSON.stringify(objects)));
    }),
  );
});

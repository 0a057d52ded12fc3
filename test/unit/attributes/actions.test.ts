import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { createActions } from '../../../src/attributes/actions.ts';
import { loadProcessor } from '../processors/load-processor.ts';

type Actions = Parameters<typeof createActions>[0];

const cases: readonly [title: string, actions: Actions, before: Attributes, after: Attributes][] = [
  ['insert sets what is absent', [{ key: 'a', action: 'insert', value: 1 }], {}, { a: 1 }],
  ['insert leaves what is there', [{ key: 'a', action: 'insert', value: 1 }], { a: '' }, { a: '' }],
  ['update leaves what is absent', [{ key: 'a', action: 'update', value: true }], {}, {}],
  ['update changes what is there', [{ key: 'a', action: 'update', value: true }], { a: 1 }, { a: true }],
  ['upsert sets', [{ key: 'a', action: 'upsert', value: 'x' }], {}, { a: 'x' }],
  ['upsert changes', [{ key: 'a', action: 'upsert', value: 'x' }], { a: 1 }, { a: 'x' }],
  [
    'a value is copied',
    [{ key: 'a', action: 'upsert', from_attribute: 'b' }],
    { b: [1] },
    { b: [1], a: [1] },
  ],
  [
    'an absent source changes nothing',
    [{ key: 'a', action: 'upsert', from_attribute: 'b' }],
    { a: 1 },
    { a: 1 },
  ],
  [
    'members of all objects are no attributes',
    [{ key: 'a', action: 'insert', from_attribute: 'toString' }],
    {},
    {},
  ],
  ['delete by key', [{ key: 'a', action: 'delete' }], { a: 1, b: 2 }, { b: 2 }],
  [
    'delete by key and pattern',
    [{ key: 'a', pattern: '^x\\.', action: 'delete' }],
    { a: 1, 'x.y': 1, ax: 2 },
    { ax: 2 },
  ],
  [
    'hash: SHA-256 of the text in hex', // printf abc | sha256sum; printf 5 | sha256sum
    [{ key: 'a', pattern: '^b', action: 'hash' }],
    { a: 'abc', b: 5, c: 'abc' },
    {
      a: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      b: 'ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d',
      c: 'abc',
    },
  ],
  [
    'extract: groups become attributes, whatever they were, in both spellings',
    [{ key: 'a', pattern: '^/(?P<user>[^/]+)(?:/(?<page>.*))?$', action: 'extract' }],
    { a: '/me', user: 1 },
    { a: '/me', user: 'me', page: '' },
  ],
  ['extract without a match', [{ key: 'a', pattern: '(?<b>x)', action: 'extract' }], { a: 'y' }, { a: 'y' }],
  ['extract from a number', [{ key: 'a', pattern: '(?<b>1)', action: 'extract' }], { a: 1 }, { a: 1 }],
  [
    'a pattern with (?i)',
    [{ key: 'a', pattern: '(?i)(?<b>X)', action: 'extract' }],
    { a: 'x' },
    { a: 'x', b: 'x' },
  ],
  ['convert to text', [{ key: 'a', action: 'convert', converted_type: 'string' }], { a: 1.5 }, { a: '1.5' }],
  [
    'convert a list to text',
    [{ key: 'a', action: 'convert', converted_type: 'string' }],
    { a: ['x'] },
    { a: '["x"]' },
  ],
  ['convert an absent one', [{ key: 'a', action: 'convert', converted_type: 'int' }], {}, {}],
  [
    'a key may be named like the prototype',
    [
      { key: 'a', action: 'insert', value: 1 },
      { key: '__proto__', action: 'upsert', from_attribute: 'b' },
      { key: 'b', action: 'delete' },
    ],
    { b: [2] },
    JSON.parse('{"a": 1, "__proto__": [2]}'),
  ],
  [
    'one after the other',
    [
      { key: 'b', action: 'insert', from_attribute: 'a' },
      { key: 'a', action: 'delete' },
    ],
    { a: 1 },
    { b: 1 },
  ],
];

for (const [title, actions, before, after] of cases)
  test(title, () => {
    const frozen = Object.freeze(before);
    const changed = createActions(actions)(frozen);
    assert.deepEqual(changed, after);
    const isSame = JSON.stringify(before) === JSON.stringify(after);
    assert.equal(changed === frozen, isSame, 'the same object exactly if nothing changes');
  });

test('convert reads decimal numbers and leaves the rest', () => {
  const convert = (type: 'int' | 'double', value: string | number | boolean) =>
    createActions([{ key: 'a', action: 'convert', converted_type: type }])({ a: value }).a;
  for (const [value, int, double] of [
    ['42', 42, 42],
    ['-7', -7, -7],
    ['4.5', '4.5', 4.5],
    ['1e3', '1e3', 1000],
    ['9007199254740993', '9007199254740993', 9007199254740992],
    [-1.9, -1, -1.9],
    [true, 1, 1],
    ['', '', ''],
    ['0x10', '0x10', '0x10'],
    [' 1', ' 1', ' 1'],
    ['1e999', '1e999', '1e999'],
  ] as const) {
    assert.equal(convert('int', value), int, `int of ${value}`);
    assert.equal(convert('double', value), double, `double of ${value}`);
  }
});

const mistakes: readonly [title: string, action: object, message: RegExp][] = [
  ['no value', { key: 'a', action: 'insert' }, /0: "insert" needs either "value" or "from_attribute"/],
  ['two values', { key: 'a', action: 'upsert', value: 1, from_attribute: 'b' }, /needs either "value"/],
  ['no key', { action: 'update', value: 1 }, /"update" needs "key"/],
  ['neither key nor pattern', { action: 'delete' }, /"delete" needs "key" or "pattern"/],
  ['a value that is not used', { key: 'a', action: 'hash', value: 1 }, /value: "hash" does not use it/],
  ['an unknown action', { key: 'a', action: 'remove' }, /"remove" is not one of insert/],
  ['no type', { key: 'a', action: 'convert' }, /"convert" needs "converted_type"/],
  ['an unknown type', { key: 'a', action: 'convert', converted_type: 'bool' }, /"bool" is not one of int/],
  ['no pattern', { key: 'a', action: 'extract' }, /"extract" needs "pattern"/],
  ['no regular expression', { action: 'delete', pattern: '(' }, /pattern: is no regular expression/],
  [
    'a group without a name',
    { key: 'a', action: 'extract', pattern: '(?<b>x)(y)' },
    /each group needs a name/,
  ],
  ['no group', { key: 'a', action: 'extract', pattern: 'x' }, /each group needs a name/],
  ['a key of the Collector', { key: 'a', action: 'insert', from_context: 'x' }, /unknown key "from_context"/],
];

for (const [title, action, message] of mistakes)
  test(`${title} is refused with a remedy`, () => {
    assert.throws(() => loadProcessor('resource', { attributes: [action] }), message);
    assert.throws(() => loadProcessor('attributes', { actions: [action] }), message);
  });

test('a list without actions is refused', () => {
  assert.throws(() => loadProcessor('resource', { attributes: [] }), /required key "attributes" is missing/);
  assert.throws(() => loadProcessor('attributes', {}), /required key "actions" is missing/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type as TypeBox } from 'typebox';
import { Type } from '../../../../src/config/schema/type.ts';

type Builders = typeof Type;

/** By builder, in lower case: with and without options. */
const schemas = {
  array: (of: Builders) => [of.Array(of.String()), of.Array(of.Integer(), { minItems: 1 })],
  boolean: (of: Builders) => [of.Boolean(), of.Boolean({ default: true })],
  enum: (of: Builders) => [of.Enum(['a', 'b']), of.Enum(['a', 1], { default: 'a', description: 'text' })],
  integer: (of: Builders) => [of.Integer(), of.Integer({ minimum: 1, maximum: 5 })],
  number: (of: Builders) => [of.Number(), of.Number({ exclusiveMinimum: 0 })],
  string: (of: Builders) => [of.String(), of.String({ minLength: 1, pattern: '^a', secret: true })],
  record: (of: Builders) => [
    of.Record(of.String(), of.Integer()),
    of.Record(of.String(), of.String(), { default: {} }),
    of.Record(of.String({ pattern: '^a' }), of.Boolean()),
  ],
  unsafe: (of: Builders) => [of.Unsafe({ type: ['string', 'integer'], duration: {} })],
  optional: (of: Builders) => [of.Optional(of.Integer({ minimum: 1 }))],
  object: (of: Builders) => [
    of.Object({}),
    of.Object({ a: of.Optional(of.String()) }, { additionalProperties: false }),
    of.Object({ a: of.String(), b: of.Optional(of.Object({ c: of.Number(), d: of.Boolean() })) }),
    of.Object({ a: of.Optional(of.Array(of.Object({ b: of.Integer() }))), c: of.Unsafe({}) }),
  ],
};

test('each builder is compared', () => {
  const builders = Object.keys(Type).map((name) => name.toLowerCase());
  assert.deepEqual(Object.keys(schemas).sort(), builders.sort());
});

for (const [name, make] of Object.entries(schemas))
  test(`${name}: the JSON Schema is TypeBox's, in the same order of keys`, () => {
    assert.equal(JSON.stringify(make(Type)), JSON.stringify(make(TypeBox)));
  });

test('a schema may be optional in one object and required in another', () => {
  const text = Type.String();
  const both = (required: boolean) => Type.Object({ text: required ? text : Type.Optional(text) });
  assert.deepEqual(
    [both(true), both(false)].map(({ required }) => required),
    [['text'], undefined],
  );
});

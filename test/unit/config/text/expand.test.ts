import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expandTree } from '../../../../src/config/text/expand.ts';
import { Retriever } from '../../../../src/config/text/retrieve.ts';
import { plainValue, type Tree } from '../../../../src/config/text/tree.ts';

function expand(
  text: string,
  environment: Record<string, string> = {},
  schema: { type: string } = { type: 'integer' },
) {
  const source = { name: 'test', text };
  const tree: Tree = { kind: 'scalar', at: { source, start: 0, end: text.length }, value: text };
  const { tree: expanded, problems, warnings } = expandTree(tree, new Retriever({ environment }));
  return {
    value: plainValue(expanded, schema),
    problems: problems.map(({ message }) => message),
    warnings: warnings.map(({ message }) => message),
  };
}

const asText = { type: 'string' };

test('a value from the environment is inserted verbatim', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string({ unit: fc.constantFrom('$', '{', '}', 'X', ':', '-', 'a') }),
      (a, b) => {
        for (const X of [a, b]) {
          assert.equal(expand('${env:X}', { X }, asText).value, X);
          assert.equal(expand('<${X}>', { X }, asText).value, `<${X}>`);
        }
      },
    ),
  );
});

test('`$$` is a literal dollar', () => {
  const text = fc.string({ unit: fc.constantFrom('$', '{', '}', 'X', ':', '-', 'é') });
  fc.assert(
    fc.property(text, (text) => {
      const { value, problems } = expand(text.replaceAll('$', '$$$$'), { X: 'no' });
      assert.deepEqual({ value, problems }, { value: text, problems: [] });
    }),
  );
});

test('an odd number of dollars before a brace expands, an even number does not', () => {
  const X = 'x';
  assert.equal(expand('a${X}', { X }).value, 'ax');
  assert.equal(expand('a$${X}', { X }).value, 'a${X}');
  assert.equal(expand('a$$${X}', { X }).value, 'a$x');
  assert.equal(expand('a$X', { X }).value, 'a$X');
});

test('an expansion that is the whole value has its YAML type, unless the schema wants a string', () => {
  assert.equal(expand('${X}', { X: '4317' }).value, 4317);
  assert.equal(expand('${X}', { X: 'true' }).value, true);
  assert.deepEqual(expand('${X}', { X: '[a, {b: 1}]' }).value, ['a', { b: 1 }]);
  assert.equal(expand('${X}', { X: '0123' }, asText).value, '0123');
  assert.equal(expand('${X}', { X: '[a, b]' }, asText).value, '[a, b]');
  assert.equal(expand('${X}', { X: 'a: b: c' }).value, 'a: b: c', 'what is no YAML is text');
});

test('an expansion inside a longer value yields a string', () => {
  assert.equal(expand('${A}${B}', { A: '1', B: '2' }).value, '12');
});

test('the default applies to an unset variable, not to an empty one', () => {
  assert.equal(expand('${env:X:-10}').value, 10);
  assert.equal(expand('${env:X:-10}', { X: '5' }).value, 5);
  assert.equal(expand('${env:X:-}', {}, asText).value, '');
  assert.equal(expand('${env:X:-10}', { X: '' }, asText).value, '');
  assert.equal(expand('${X:-http://a:1}').value, 'http://a:1');
});

test('a nested expansion is expanded first', () => {
  assert.equal(expand('${env:${env:NAME}}', { NAME: 'X', X: 'found' }).value, 'found');
  assert.equal(expand('${env:X:-${env:Y:-z}}').value, 'z');
});

test('an unset variable without a default is null, with a warning', () => {
  const { value, warnings } = expand('${env:X}');
  assert.equal(value, null);
  assert.deepEqual(warnings, ['Configuration references unset environment variable "X"']);
  assert.equal(expand('a${env:X}b').value, 'ab');
});

test('an invalid expansion is a problem', () => {
  assert.match(expand('${env:a-b}').problems.join(), /environment variable "a-b" has invalid name/);
  assert.match(expand('${vault:x}').problems.join(), /scheme "vault" is not supported/);
  assert.match(expand('a ${env:X').problems.join(), /"\$\{" without "\}"/);
});

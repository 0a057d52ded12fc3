import assert from 'node:assert/strict';
import { test } from 'node:test';
import { earshot } from './earshot.ts';

for (const [word, remedy] of [
  ['valdate', '(did you mean "validate"?)'],
  ['version', '(did you mean "--version"?)'],
  [
    'frobnicate',
    '(known: run, reload, explain, validate, print-config, components, featuregate, completion, help)',
  ],
  [
    '\u001b[2J',
    '(known: run, reload, explain, validate, print-config, components, featuregate, completion, help)',
  ],
] as const)
  test(`the unknown command ${JSON.stringify(word)} is named with what may be meant`, () => {
    const { status, stdout, stderr } = earshot(word, '--verbose');
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
    assert.ok(stderr.startsWith('Error: unknown command "') && stderr.endsWith(`" ${remedy}\n`), stderr);
    assert.ok(!stderr.includes('\u001b'));
  });

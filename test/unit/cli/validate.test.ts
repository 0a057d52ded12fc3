import assert from 'node:assert/strict';
import { test } from 'node:test';
import { earshot, file, good } from './earshot.ts';

test('validate prints nothing for a valid configuration', () => {
  assert.deepEqual(earshot('validate', '--config', good), { status: 0, stdout: '', stderr: '' });
});

test('validate prints all problems on standard error, and exits with 1', () => {
  const bad = file('bad.yaml', 'receivers: {agent: {interva: 1s, interval: 5}}\nexporters: {}\n');
  const { status, stdout, stderr } = earshot('validate', '--config', bad);
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.ok(stderr.startsWith('Error: invalid configuration, 3 problems:\n'), stderr);
  assert.ok(
    stderr.includes(
      `${bad}:1:21: receivers::agent::interva: unknown key "interva" (did you mean "interval"?)`,
    ),
  );
  assert.ok(stderr.includes('^^^^^^^'));
});

test('validate prints warnings, and exits with 0', () => {
  const { status, stderr } = earshot('validate', '--config', good, '--set', 'receivers::agent/b={}');
  assert.equal(status, 0);
  assert.ok(
    stderr.startsWith('Warning: --set:1:1: receivers::agent/b: configured but used in no pipeline'),
    stderr,
  );
});

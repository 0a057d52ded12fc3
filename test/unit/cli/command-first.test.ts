import assert from 'node:assert/strict';
import { test } from 'node:test';
import { earshot, file, good } from './earshot.ts';

for (const options of [
  ['--config', good],
  [`--config=${good}`],
  ['--config', good, '--set', 'exporters::debug::verbosity=basic'],
])
  test(`options before the command are the command's: ${options.length} words`, () => {
    assert.deepEqual(earshot(...options, 'validate'), { status: 0, stdout: '', stderr: '' });
    assert.deepEqual(earshot(...options, 'print-config'), earshot('print-config', ...options));
  });

test('options before and after the command are merged in their order', () => {
  const bad = file('bad.yaml', 'exporters: {nothing: {}}\n');
  assert.deepEqual(
    earshot('--config', good, 'validate', '--config', bad),
    earshot('validate', '--config', good, '--config', bad),
  );
  assert.equal(earshot('--config', good, 'validate', '--config', bad).status, 1);
});

test('an unknown command behind options is named', () => {
  const { status, stderr } = earshot('--config', good, '--watch', 'valdate');
  assert.equal(stderr, 'Error: unknown command "valdate" (did you mean "validate"?)\n');
  assert.equal(status, 1);
});

test('an option that the command does not have is refused before it, too', () => {
  assert.deepEqual(earshot('--watch', 'validate'), earshot('validate', '--watch'));
  assert.match(earshot('--watch', 'validate').stderr, /unknown option '--watch'/);
});

test('the value of an option is no command, even if it is called like one', () => {
  assert.match(earshot('--config', 'validate').stderr, /validate/);
  assert.equal(earshot('--config', 'validate').status, 1);
  assert.match(earshot('--verbose', 'validate').stderr, /unknown option '--verbose'/);
});

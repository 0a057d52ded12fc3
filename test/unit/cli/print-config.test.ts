import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { earshot, good, main } from './earshot.ts';

test('print-config shows the effective configuration', () => {
  const { status, stdout } = earshot(
    'print-config',
    '--config',
    good,
    '--set',
    'receivers.agent.interval=90s',
  );
  assert.equal(status, 0);
  assert.equal(parse(stdout).receivers.agent.interval, '1m30s');
});

test('print-config --print-origin names file and line behind each value', () => {
  const { status, stdout } = earshot('print-config', '--print-origin', '--config', good);
  assert.equal(status, 0);
  assert.match(stdout, / {4}interval: 100ms # \S+good\.yaml:1\n/);
  assert.match(stdout, / {4}verbosity: normal # \S+good\.yaml:2\n/);
  assert.match(stdout, / {4}root_path: \/ # default\n/);
});

test('a command whose output cannot be written ends with one line and 1', (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  for (const command of [['print-config', '--config', good], ['components']]) {
    const stdio = ['ignore', full, 'pipe'] as const;
    const { status, stderr } = spawnSync(process.execPath, [main, ...command], {
      stdio: [...stdio],
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stderr, /^Error: cannot write to standard output: ENOSPC: [^\n]*\n$/);
  }
});

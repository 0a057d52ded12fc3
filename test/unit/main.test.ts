import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { earshot, good, main } from './cli/earshot.ts';

test('invalid arguments are an error', () => {
  for (const [args, expected] of [
    [['validate', '--nonsense'], /^Error: unknown option '--nonsense'/],
    [['validate'], /^Error: invalid configuration:\nat least one config flag must be provided/],
    [
      ['run', '--config', '/nowhere.yaml'],
      /^Error: invalid configuration:\ncannot read \/nowhere.yaml: no such file/,
    ],
    [['validate', '--config', good, '--set', 'a'], /missing equal sign/],
  ] as const) {
    const { status, stdout, stderr } = earshot(...args);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, expected);
  }
});

for (const command of [['components'], ['print-config', '--config', good]])
  test(`${command[0]} fails where its output cannot be written, and says why`, () => {
    const full = openSync('/dev/full', 'w');
    try {
      const { status, stderr } = spawnSync(process.execPath, [main, ...command], {
        stdio: ['ignore', full, 'pipe'],
        encoding: 'utf8',
      });
      assert.equal(
        stderr,
        'Error: cannot write to standard output: ENOSPC: no space left on device, write\n',
      );
      assert.equal(status, 1);
    } finally {
      closeSync(full);
    }
  });

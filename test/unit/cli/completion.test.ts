import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { earshot, folder, good } from './earshot.ts';

const script = earshot('completion', 'bash').stdout;

/** What bash offers for the last of the words. */
function offered(...words: readonly string[]): readonly string[] {
  const { stdout, stderr } = spawnSync(
    'bash',
    [
      '--norc',
      '-c',
      `${script}
complete -p earshot >/dev/null || exit 1
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _earshot; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      'earshot',
      ...words,
    ],
    { encoding: 'utf8', cwd: folder },
  );
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean);
}

const commandsInHelp = [...earshot('--help').stdout.matchAll(/^ {2}([a-z][a-z-]+) .*/gm)].map(
  ([, name]) => name,
);

test('bash completes all commands that the help lists', () => {
  assert.ok(commandsInHelp.includes('completion') && commandsInHelp.includes('help'));
  assert.deepEqual(
    offered('').filter((word) => !word.startsWith('-')),
    commandsInHelp,
  );
  assert.deepEqual(offered('val'), ['validate']);
  assert.deepEqual(offered('help', 'val'), ['validate']);
});

test('bash completes the options of the command, and before it those of the default one', () => {
  for (const command of ['run', 'reload', 'explain', 'validate', 'print-config', 'components']) {
    const inHelp = [...earshot(command, '--help').stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(
      ([, long]) => long,
    );
    assert.ok(inHelp.length > 0);
    assert.deepEqual(offered(command, '--').toSorted(), inHelp.toSorted());
  }
  assert.deepEqual(offered('--w'), ['--watch']);
  assert.deepEqual(offered('--config', good, 'explain', '--j'), ['--json']);
});

test('bash completes files for options that take one, and nothing for other values', () => {
  for (const option of ['--config', '--fallback-config']) {
    assert.deepEqual(offered('run', option, 'goo'), ['good.yaml']);
    assert.deepEqual(offered('run', option, '=', 'goo'), ['good.yaml']);
    assert.ok(offered('run', option, '=').includes('good.yaml'));
  }
  assert.deepEqual(offered('run', '--set', ''), []);
  assert.deepEqual(offered('--set', 'validate', 'val'), ['validate']);
});

test('bash completes the shells', () => {
  assert.deepEqual(offered('completion', ''), ['bash', 'zsh', 'fish', '--help']);
});

for (const shell of ['zsh', 'fish']) {
  const isInstalled = spawnSync(shell, ['--version']).error === undefined;
  test(`${shell} accepts its script`, { skip: !isInstalled && `no ${shell} here` }, () => {
    const { stdout } = earshot('completion', shell);
    const { status, stderr } = spawnSync(shell, ['-n', '/dev/stdin'], { input: stdout, encoding: 'utf8' });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  });
}

test('an unknown shell is refused with those that are known', () => {
  const { status, stderr } = earshot('completion', 'tcsh');
  assert.equal(status, 1);
  assert.match(stderr, /bash, zsh, fish/);
});

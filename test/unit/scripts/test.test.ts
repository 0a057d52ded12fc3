import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { usualOr } from '../../lab/thorough.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const checkouts: string[] = [];
after(() => {
  for (const directory of checkouts) rmSync(directory, { recursive: true });
});

const runner = [
  'scripts/test.ts',
  'scripts/test-files.ts',
  'scripts/test-suites.ts',
  'scripts/beside-each-other.ts',
  'scripts/kernel-obstacle.ts',
  'src/bpf/native.ts',
  'src/bpf/unsupported-error.ts',
  'test/lab/thorough.ts',
];

/** A checkout with nothing but the test runner and these files; each text has `test` imported. */
function checkout(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-test-'));
  checkouts.push(directory);
  chmodSync(directory, 0o755);
  for (const file of [...runner, ...Object.keys(files)])
    mkdirSync(dirname(join(directory, file)), { recursive: true });
  for (const file of runner) cpSync(join(root, file), join(directory, file));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  for (const [file, text] of Object.entries(files))
    writeFileSync(join(directory, file), `import { test } from 'node:test';\n${text}`);
  return directory;
}

const kernelTest = { 'test/kernel/some.test.ts': 'throw new Error("must not be run");' };

/** As a user other than root, so that tests of the kernel are excused. */
function runTests(directory: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  return spawnSync(process.execPath, [join(directory, 'scripts/test.ts'), ...args], {
    env,
    encoding: 'utf8',
    ...identity,
  });
}

test('without root kernel tests are skipped, and the reason is printed', () => {
  const { status, stdout } = runTests(checkout(kernelTest), ['kernel']);
  assert.equal(status, 0);
  assert.match(stdout, /^skipped: kernel tests cannot run: they need root$/m);
});

test('in continuous integration a skip is a failure', () => {
  const { status, stdout, stderr } = runTests(checkout(kernelTest), ['kernel'], { CI: 'true' });
  assert.equal(status, 1);
  assert.match(stderr, /^failed: kernel tests cannot run: /m);
  assert.doesNotMatch(stdout, /skipped/);
});

test('a failing test fails the run', () => {
  const directory = checkout({
    'test/unit/bad.test.ts': "test('bad', () => { throw new Error('as planned'); });",
  });
  const { status, stdout, stderr } = runTests(directory, ['unit']);
  assert.equal(status, 1);
  assert.match(stdout, /as planned/);
  assert.match(stderr, /^failed: unit tests failed$/m);
});

test('--thorough gives tests longer loads and more cases', () => {
  const directory = checkout({
    'test/unit/bound.test.ts':
      "import { usualOr } from '../lab/thorough.ts';\n" +
      "test('bound', (context) => context.diagnostic(`of $" +
      '{usualOr(3, 500)} cases`));',
  });
  assert.match(runTests(directory, ['unit']).stdout, /of 3 cases/);
  assert.match(runTests(directory, ['--thorough', 'unit']).stdout, /of 500 cases/);
});

test('a hanging test file is ended for want of results, named, and fails the run', () => {
  const directory = checkout({ 'test/unit/loop.test.ts': "test('loop', () => { for (;;); });" });
  const { status, stderr } = runTests(directory, ['--idle-limit', '1', 'unit']);
  assert.equal(status, 1);
  assert.match(stderr, /^failed: test\/unit\/loop\.test\.ts was ended after 1 s without a result$/m);
});

test('a test file that goes on past its tests is ended, named, and fails the run', () => {
  const directory = checkout({
    'test/unit/open.test.ts': "test('open', () => { setInterval(() => {}, 1000); });",
  });
  const { status, stderr } = runTests(directory, ['--idle-limit', '1', 'unit']);
  assert.equal(status, 1);
  assert.match(stderr, /^failed: test\/unit\/open\.test\.ts was ended after 1 s without a result$/m);
});

test('a file may take longer than the limit as long as it has results', () => {
  const count = usualOr(2, 12);
  const directory = checkout({
    'test/unit/slow.test.ts': `for (let i = 0; i < ${count}; i++) test(\`slow \${i}\`, () => new Promise((done) => setTimeout(done, 1000)));`,
  });
  const { status, stdout } = runTests(directory, ['--idle-limit', '8', 'unit']);
  assert.equal(status, 0);
  assert.match(stdout, new RegExp(`^ℹ pass ${count}$`, 'm'));
});

test('each result of files that run beside each other is counted', () => {
  const text =
    'for (let i = 0; i < 1000; i++) test(`a title that helps to fill the pipe with results ${i}`, () => {});';
  const names = Array.from({ length: 4 }, (_, i) => `test/unit/many-${i}.test.ts`);
  const { status, stdout } = runTests(checkout(Object.fromEntries(names.map((name) => [name, text]))), [
    'unit',
  ]);
  assert.equal(status, 0);
  assert.match(stdout, /^ℹ pass 4000$/m);
});

test('a test without a peer is no passed suite, and the missing program is printed', () => {
  const directory = checkout({
    'test/unit/peer.test.ts':
      "import { lacks } from '../lab/needed.ts';\n" +
      "test('peer', { skip: lacks('absent-program') }, () => {});",
  });
  cpSync(join(root, 'test/lab/needed.ts'), join(directory, 'test/lab/needed.ts'));
  const { status, stdout } = runTests(directory, ['unit']);
  assert.equal(status, 0);
  assert.match(stdout, /^unit tests: incomplete in \d+ s$/m);
  assert.match(stdout, /^skipped: unit tests: cannot run without absent-program$/m);
  assert.equal(runTests(directory, ['unit'], { CI: 'true' }).status, 1);
});

test('an unreadable limit is refused', () => {
  const { status, stderr } = runTests(checkout({}), ['--idle-limit', 'soon']);
  assert.equal(status, 1);
  assert.match(stderr, /cannot read --idle-limit soon/);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'earshot-test-'));
after(() => rmSync(directory, { recursive: true }));

/** A checkout with nothing but the script and a test of the kernel. */
for (const file of ['scripts/test.ts', 'scripts/kernel-obstacle.ts', 'src/bpf/native.ts']) {
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  cpSync(join(root, file), join(directory, file));
}
mkdirSync(join(directory, 'test/kernel'), { recursive: true });
writeFileSync(join(directory, 'test/kernel/some.test.ts'), 'throw new Error("must not be run");\n');
chmodSync(directory, 0o755);

/** As somebody who is not root, so that there is an excuse for not running tests of the kernel. */
function runTests(suite: string, env: Readonly<Record<string, string>> = {}) {
  const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  return spawnSync(process.execPath, [join(directory, 'scripts/test.ts'), suite], {
    env,
    encoding: 'utf8',
    ...identity,
  });
}

test('tests of the kernel are skipped without root, and that is said', () => {
  const { status, stdout } = runTests('kernel');
  assert.equal(status, 0);
  assert.match(stdout, /^skipped: kernel tests cannot run: /m);
});

test('in continuous integration a skip is a failure', () => {
  const { status, stdout, stderr } = runTests('kernel', { CI: 'true' });
  assert.equal(status, 1);
  assert.match(stderr, /^failed: kernel tests cannot run: /m);
  assert.doesNotMatch(stdout, /skipped/);
});

test('a suite without a test passes, but not in continuous integration', () => {
  assert.equal(runTests('unit').status, 0);
  const { status, stderr } = runTests('unit', { CI: 'true' });
  assert.equal(status, 1);
  assert.match(stderr, /^failed: there are no unit tests$/m);
});

test('a suite nobody knows is a failure', () => {
  const { status, stderr } = runTests('units');
  assert.equal(status, 1);
  assert.match(stderr, /no tests are called units; there are unit, kernel, e2e/);
});

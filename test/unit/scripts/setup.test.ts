import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const scripts = fileURLToPath(new URL('../../../scripts', import.meta.url));
const setup = join(scripts, 'setup.mjs');
const isRoot = process.getuid?.() === 0;

/** A machine on which only the given commands exist, each a shell script. */
function machineWith(commands: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-setup-'));
  chmodSync(directory, 0o777);
  for (const [name, script] of Object.entries(commands)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

function runSetup(path: string, args: readonly string[] = [], asNobody = false, script = setup) {
  const identity = asNobody && isRoot ? { uid: 65534, gid: 65534 } : {};
  return spawnSync(process.execPath, [script, ...args], {
    env: { PATH: path },
    encoding: 'utf8',
    ...identity,
  });
}

test('setup: without root the command to run is printed, and nothing is installed', () => {
  const machine = machineWith({ 'apt-get': 'echo called', make: 'echo called' });
  const { status, stdout, stderr } = runSetup(machine, [], true);
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.doesNotMatch(stderr, /called/);
  assert.match(stderr, /clang, a C compiler is missing\. Type:/);
  assert.match(stderr, /\n {4}sudo apt-get install --yes --no-install-recommends clang gcc\n/);
});

/** A checkout of the setup alone, whose Node.js prints its arguments. */
function checkoutOfSetup(): string {
  const root = machineWith({});
  cpSync(scripts, join(root, 'scripts'), { recursive: true });
  const node = join(root, 'node_modules/node/bin/node');
  mkdirSync(dirname(node), { recursive: true });
  writeFileSync(node, '#!/bin/sh\necho "node $*"\n', { mode: 0o755 });
  for (const file of ['package-lock.json', 'node_modules/.package-lock.json'])
    writeFileSync(join(root, file), '{"packages": {}}');
  return root;
}

test('setup: with --or-replay missing packages are named, and what replays is built without them', () => {
  const script = join(checkoutOfSetup(), 'scripts/setup.mjs');
  const { status, stderr } = runSetup(
    machineWith({ 'apt-get': 'echo called' }),
    ['--or-replay'],
    true,
    script,
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /going on with less: clang, a C compiler, make is missing\. Type:/);
  assert.match(
    stderr,
    /building what replays a recording\nnode node_modules\/typescript\/bin\/tsc -p tsconfig\.build\.json\n$/,
  );
});

test('setup: each package manager has its own command and package names', () => {
  const { stderr } = runSetup(machineWith({ dnf: '', clang: '', cc: '' }), ['--check'], true);
  assert.match(stderr, /sudo dnf install .* make\n/);
});

test('setup: without a package manager the missing packages are named', () => {
  const { status, stderr } = runSetup(machineWith({ clang: '', cc: '' }));
  assert.equal(status, 1);
  assert.match(stderr, /make is missing; install it \(Debian: make\)/);
});

test('setup: as root missing packages are installed, and lists are refreshed only after a failure', {
  skip: !isRoot,
}, () => {
  const machine = machineWith({});
  const log = join(machine, 'log');
  // Installs successfully only after `update`, and what it installs is a `make` with nothing to do.
  writeFileSync(
    join(machine, 'apt-get'),
    `#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >> ${log}
if [ "$1" = update ]; then : > ${machine}/updated; exit 0; fi
[ -e ${machine}/updated ] || exit 100
for name in clang cc make; do
  echo '#!/bin/sh' > ${machine}/$name
  /bin/chmod 755 ${machine}/$name
done
`,
  );
  chmodSync(join(machine, 'apt-get'), 0o755);
  const install = 'noninteractive install --yes --quiet --no-install-recommends clang gcc make';
  const first = runSetup(machine);
  assert.equal(first.status, 0, first.stderr);
  assert.deepEqual(readFileSync(log, 'utf8').trim().split('\n'), [
    install,
    'noninteractive update --quiet',
    install,
  ]);
  const second = runSetup(machine);
  assert.deepEqual(
    [second.status, second.stdout, second.stderr],
    [0, '', ''],
    'nothing to do, nothing to say',
  );
});

test('setup: output of an installation is one line, and nothing of the package manager', {
  skip: !isRoot,
}, () => {
  const machine = machineWith({ make: '', cc: '' });
  writeFileSync(
    join(machine, 'apt-get'),
    `#!/bin/sh
echo Reading package lists...
printf '#!/bin/sh\\n' > ${machine}/clang
/bin/chmod 755 ${machine}/clang
`,
  );
  chmodSync(join(machine, 'apt-get'), 0o755);
  const { status, stdout, stderr } = runSetup(machine);
  assert.equal(status, 0, stderr);
  assert.deepEqual([stdout, stderr], ['', 'earshot setup: installing clang (apt-get)\n']);
});

test('setup: a failed installation names the log and shows its last lines', { skip: !isRoot }, () => {
  const machine = machineWith({
    make: '',
    cc: '',
    'apt-get': 'echo first; for i in $(/usr/bin/seq 20); do echo line $i; done; exit 100',
  });
  const { status, stderr } = runSetup(machine);
  assert.equal(status, 1);
  const [, log = ''] = /apt-get failed; the last lines of (\S+):/.exec(stderr) ?? [];
  assert.match(readFileSync(log, 'utf8'), /^first$/m);
  assert.match(stderr, /\nline 19\nline 20\n/);
  assert.doesNotMatch(stderr, /first/);
  rmSync(dirname(log), { recursive: true });
});

test('setup: a failed build ends the setup with its output', () => {
  const { status, stderr } = runSetup(machineWith({ clang: '', cc: '', make: 'echo broken; exit 2' }));
  assert.equal(status, 1);
  assert.match(stderr, /broken\nearshot setup: cannot build/);
});

test('setup: an unknown argument is refused', () => {
  const { status, stderr } = runSetup('/nonexistent', ['--test']);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /unknown argument --test; there are --tests, --check, --vm, --vm-arm64, --interop, --kubernetes, --scenarios, --cross, --bench, --or-replay/,
  );
});

/**
 * Makes this checkout able to run: system packages, npm dependencies with their own Node.js, then the build. Plain
 * JavaScript for any Node.js from 18, because nothing is installed yet. Does nothing, silently, when nothing is missing.
 *
 *   node scripts/setup.mjs [--tests] [--check] [--vm] [--vm-arm64] [--interop] [--kubernetes] [--scenarios] [--cross] [--bench]    what else is needed besides the agent
 *   node scripts/setup.mjs --or-replay                        what replays a recording is enough, where packages cannot be had
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPackages, systemNeeds } from './system-needs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = join(root, 'node_modules/node/bin/node');

/** Without the checkout's own programs: npm must not run on the Node.js it is about to replace. */
const outsidePath = (process.env.PATH ?? '')
  .split(delimiter)
  .filter(
    (directory) =>
      !directory.endsWith('node_modules/.bin') && !directory.startsWith(join(root, 'node_modules')),
  )
  .join(delimiter);

const say = (text) => console.error(`earshot setup: ${text}`);

function stop(text) {
  say(text);
  process.exit(1);
}

/** Whether it succeeded. Standard output belongs to what runs after the setup. */
function run(command, args, { env = {}, output = process.stderr.fd } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...env },
  });
  if (error) say(`cannot run ${command}: ${error.message}`);
  return status === 0;
}

/** Lines of a package manager's output that are shown when it fails; the rest is in the log. */
const shownLines = 15;

/** What package managers print; made when one first runs. */
let log;
let isLogNamed = false;

function runLogged(command, args, env) {
  log ??= join(mkdtempSync(join(tmpdir(), 'earshot-setup-')), 'log');
  const output = openSync(log, 'a');
  try {
    return run(command, args, { env, output });
  } finally {
    closeSync(output);
  }
}

/** Ends with the log's last lines, for the failure of a package manager; the log stays. */
function failure(text) {
  isLogNamed = true;
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-shownLines);
  return `${text}; the last lines of ${log}:\n\n${lines.join('\n')}\n`;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not executable: both mean no
  }
}

const hasCommand = (name) =>
  [...outsidePath.split(delimiter), '/usr/sbin', '/sbin'].some((directory) =>
    isExecutable(join(directory, name)),
  );

const packageManagers = {
  'apt-get': {
    install: ['install', '--yes', '--quiet', '--no-install-recommends'],
    refresh: ['update', '--quiet'],
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  },
  dnf: {
    install: ['install', '--assumeyes', '--setopt=install_weak_deps=False'],
    refresh: ['makecache'],
    env: {},
  },
};

/** Whether everything is there now. */
function installSystemPackages(needs, { required }) {
  const manager = Object.keys(packageManagers).find(hasCommand);
  const missing = missingPackages(needs, manager ?? 'apt-get', { hasCommand, exists: existsSync });
  if (missing.length === 0) return true;
  const names = missing.map(({ name }) => name).join(' ');
  const what = missing.map(({ what }) => what).join(', ');
  if (!manager) return required ? stop(`${what} is missing; install it (Debian: ${names})`) : without(what);
  const { install, refresh, env } = packageManagers[manager];
  if (process.getuid?.() !== 0) {
    const command = `sudo ${[manager, ...install.filter((word) => word !== '--quiet')].join(' ')} ${names}`;
    const text = `${what} is missing. Type:\n\n    ${command}\n`;
    return required ? stop(text) : without(text);
  }
  say(`installing ${names.replaceAll(' ', ', ')} (${manager})`);
  const attempt = () => runLogged(manager, [...install, ...missing.map(({ name }) => name)], env);
  // Package lists that are absent or too old show in the first attempt; refreshing them first would cost every time.
  if (attempt()) return true;
  say(`refreshing the package lists of ${manager}`);
  if (runLogged(manager, refresh, env) && attempt()) return true;
  const text = failure(`cannot install ${names}: ${manager} failed`);
  return required ? stop(text) : without(text);
}

function without(text) {
  say(`going on with less: ${text}`);
  return false;
}

/** npm notes in a hidden lockfile what it last installed completely. */
function npmDependenciesAreCurrent() {
  const installed = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed) || !isExecutable(node)) return false;
  const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const present = packagesOf(installed);
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(
    ([path, { version, integrity, optional }]) =>
      path === '' ||
      (present[path] ? present[path].version === version && present[path].integrity === integrity : optional),
  );
}

function installNpmDependencies() {
  if (npmDependenciesAreCurrent()) return;
  say('installing the packages of package-lock.json (npm ci)');
  if (!runLogged('npm', ['ci', '--include=dev', '--loglevel=error'], { PATH: outsidePath }))
    stop(failure('cannot install npm dependencies: npm ci failed'));
  if (!isExecutable(node))
    stop('npm ci did not fetch Node.js 24. Is `ignore-scripts` set in an .npmrc? Type `npm rebuild node`');
}

/** make decides what is out of date. */
function build(targets) {
  if (run('make', ['--question', ...targets])) return;
  say('building');
  if (!run('make', ['--silent', '--jobs=2', ...targets])) stop('cannot build: see above');
}

/** All that a recording needs; without make, so each time. */
function buildTypeScript() {
  say('building what replays a recording');
  if (!run(node, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']))
    stop('cannot build: see above');
}

const wanted = new Set(process.argv.slice(2));
const purposes = [
  '--tests',
  '--check',
  '--vm',
  '--vm-arm64',
  '--interop',
  '--kubernetes',
  '--scenarios',
  '--cross',
  '--bench',
  '--or-replay',
];
for (const argument of wanted)
  if (!purposes.includes(argument)) stop(`unknown argument ${argument}; there are ${purposes.join(', ')}`);

const canBuild = installSystemPackages(systemNeeds.build, { required: !wanted.has('--or-replay') });
if (wanted.has('--check')) installSystemPackages(systemNeeds.check, { required: true });
if (wanted.has('--tests')) installSystemPackages(systemNeeds.tests, { required: false });
if (wanted.has('--interop')) installSystemPackages(systemNeeds.interop, { required: true });
if (wanted.has('--kubernetes')) installSystemPackages(systemNeeds.kubernetes, { required: true });
if (wanted.has('--scenarios')) installSystemPackages(systemNeeds.scenarios, { required: false });
if (wanted.has('--bench')) installSystemPackages(systemNeeds.bench, { required: true });
if (wanted.has('--cross')) installSystemPackages(systemNeeds.cross, { required: true });
if (wanted.has('--vm')) installSystemPackages(systemNeeds.vm, { required: true });
if (wanted.has('--vm-arm64')) installSystemPackages(systemNeeds['vm-arm64'], { required: true });
installNpmDependencies();
if (canBuild)
  build(
    ['--tests', '--vm', '--scenarios'].some((purpose) => wanted.has(purpose))
      ? ['agent', 'tests']
      : ['agent'],
  );
else buildTypeScript();
if (log && !isLogNamed) rmSync(dirname(log), { recursive: true });

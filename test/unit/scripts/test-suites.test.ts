import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TestFilesResult } from '../../../scripts/test-files.ts';
import { findSuites, type Runner, runSuites, type Suite } from '../../../scripts/test-suites.ts';

const noFiles = { beside: [], oneByOne: [], alone: [] };
const suites: readonly Suite[] = [
  { name: 'unit', files: { ...noFiles, beside: ['/clone/test/unit/a.test.ts'] }, needsKernel: false },
  { name: 'kernel', files: { ...noFiles, alone: ['/clone/test/kernel/b.test.ts'] }, needsKernel: true },
  { name: 'e2e', files: noFiles, needsKernel: true },
];
const passed: TestFilesResult = { hasPassed: true, hanging: [], skips: [] };

function runner(result: Partial<TestFilesResult> = {}, options: Partial<Runner> = {}) {
  const runs: { readonly files: readonly string[]; readonly concurrency: number }[] = [];
  const runOf: Runner = {
    isStrict: false,
    testLimit: 1000,
    idleLimit: 5000,
    root: '/clone',
    write: () => {},
    kernelObstacle: () => undefined,
    async run(files, { concurrency }) {
      runs.push({ files, concurrency });
      return { ...passed, ...result };
    },
    ...options,
  };
  return { runs, runOf };
}

test('without names all suites run', async () => {
  const { runs, runOf } = runner();
  const { results, failures } = await runSuites(suites, [], runOf);
  assert.deepEqual(runs, [
    { files: ['/clone/test/unit/a.test.ts'], concurrency: availableParallelism() },
    { files: ['/clone/test/kernel/b.test.ts'], concurrency: 1 },
  ]);
  assert.deepEqual(results, ['unit tests: passed in 0 s', 'kernel tests: passed in 0 s']);
  assert.deepEqual(failures, []);
});

const mixed: readonly Suite[] = ['kernel', 'e2e'].map((name) => ({
  name,
  needsKernel: true,
  files: {
    beside: [`/clone/${name}/beside`],
    oneByOne: [`/clone/${name}/oneByOne`],
    alone: [`/clone/${name}/alone`],
  },
}));

test('a file runs beside those that its mode allows', async () => {
  const running = new Set<string>();
  const beside = new Map<string, string[]>();
  const { runOf } = runner(
    {},
    {
      async run([file = ''], { concurrency }) {
        assert.equal(concurrency, file.endsWith('beside') ? availableParallelism() : 1);
        for (const other of running) beside.get(other)?.push(file);
        beside.set(file, [...running]);
        running.add(file);
        await new Promise((resolve) => setImmediate(resolve));
        running.delete(file);
        return passed;
      },
    },
  );
  await runSuites(mixed, [], runOf);
  assert.deepEqual(
    [...beside.keys()].sort(),
    mixed.flatMap(({ files }) => Object.values(files).flat()).sort(),
  );
  for (const [file, others] of beside) {
    const kind = file.slice(file.lastIndexOf('/'));
    const allowed = { '/beside': '/oneByOne', '/oneByOne': '/beside' }[kind];
    assert.ok(
      others.every((other) => allowed !== undefined && other.endsWith(allowed)),
      `${others} beside ${file}`,
    );
    assert.equal(others.length > 0, allowed !== undefined, `${others} beside ${file}`);
  }
});

test('a failure of any file is one of its suite', async () => {
  for (const failing of mixed.flatMap(({ files }) => Object.values(files).flat())) {
    const { runOf } = runner(
      {},
      {
        run: async (files) =>
          files.includes(failing)
            ? { hasPassed: false, hanging: [failing], skips: [] }
            : { ...passed, skips: ['cannot run without podman'] },
      },
    );
    const { failures, skips } = await runSuites(mixed, [], runOf);
    const [, , suite] = failing.split('/');
    const name = failing.replace('/clone/', '');
    assert.deepEqual(failures, [`${name} was ended after 5 s without a result`, `${suite} tests failed`]);
    assert.deepEqual(skips, [
      'kernel tests: cannot run without podman',
      'e2e tests: cannot run without podman',
    ]);
  }
});

test('each test file of this checkout belongs to one suite', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
  const all = globSync('test/**/*.test.ts', {
    cwd: root,
    exclude: ['test/vm/guest/**', 'test/interop/**', 'test/kubernetes/**', 'test/scenarios/**'],
  });
  const found = findSuites(root).flatMap(({ files }) => Object.values(files).flat());
  assert.deepEqual([...found].sort(), all.map((file) => join(root, file)).sort());
});

test('an unknown suite is a failure', async () => {
  const { runs, runOf } = runner();
  const { failures } = await runSuites(suites, ['units'], runOf);
  assert.deepEqual(failures, ['no tests are called units; there are unit, kernel, e2e']);
  assert.equal(runs.length, 0);
});

test('an empty suite is a failure in continuous integration only', async () => {
  assert.deepEqual((await runSuites(suites, ['e2e'], runner().runOf)).failures, []);
  const strict = runner({}, { isStrict: true }).runOf;
  assert.deepEqual((await runSuites(suites, ['e2e'], strict)).failures, ['there are no e2e tests']);
});

test('an obstacle that cannot be excused is a failure', async () => {
  const kernelObstacle = () => ({ reason: 'the kernel has no BTF', excusable: false });
  const { runs, runOf } = runner({}, { kernelObstacle });
  const { failures } = await runSuites(suites, ['kernel'], runOf);
  assert.deepEqual(failures, ['kernel tests cannot run: the kernel has no BTF']);
  assert.equal(runs.length, 0);
});

test('a suite without a peer is incomplete, one with a kernel too old for a test has passed', async () => {
  const summaryOf = (reason: string) => runSuites(suites, ['unit'], runner({ skips: [reason] }).runOf);
  assert.deepEqual(await summaryOf('cannot run without podman'), {
    results: ['unit tests: incomplete in 0 s'],
    skips: ['unit tests: cannot run without podman'],
    failures: [],
  });
  const old = await summaryOf('the kernel has no cpu.stat.local (6.6)');
  assert.deepEqual(old.results, ['unit tests: passed in 0 s']);
});

test('a hanging file is a failure with its name', async () => {
  const { runOf } = runner({ hasPassed: false, hanging: ['/clone/test/unit/a.test.ts'] });
  const { results, failures } = await runSuites(suites, ['unit'], runOf);
  assert.deepEqual(results, ['unit tests: failed in 0 s']);
  assert.deepEqual(failures, [
    'test/unit/a.test.ts was ended after 5 s without a result',
    'unit tests failed',
  ]);
});

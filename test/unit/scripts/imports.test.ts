import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const places: string[] = [];
after(() => {
  for (const place of places) rmSync(place, { recursive: true });
});

/** The rules that a source tree breaks; each file imports those named. */
function brokenBy(files: Readonly<Record<string, readonly string[]>>): readonly string[] {
  const place = mkdtempSync(join(tmpdir(), 'earshot-imports-'));
  places.push(place);
  for (const [file, imports] of Object.entries(files)) {
    const path = join(place, 'src', file);
    mkdirSync(dirname(path), { recursive: true });
    const lines = imports.map((to, at) => `import type { X as X${at} } from '${to}';\n`);
    writeFileSync(path, `${lines.join('')}export interface X {}\n`);
  }
  const run = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
      '--config',
      join(root, '.dependency-cruiser.mjs'),
      '--output-type',
      'json',
      'src',
    ],
    { cwd: place, encoding: 'utf8' },
  );
  assert.equal(run.stderr, '');
  const { summary } = JSON.parse(run.stdout) as {
    summary: { totalCruised: number; violations: readonly { rule: { name: string } }[] };
  };
  assert.ok(summary.totalCruised >= Object.keys(files).length, `${summary.totalCruised} modules seen`);
  return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort();
}

const sound = {
  'main.ts': ['./runtime/agent.ts', './receivers/disk/disk.ts', './receivers/net.ts'],
  'runtime/agent.ts': ['../component.ts'],
  'receivers/disk/disk.ts': ['./counters.ts'],
  'receivers/disk/counters.ts': ['../../component.ts'],
  'receivers/net.ts': ['../component.ts'],
  'component.ts': ['./telemetry/signals.ts'],
  'telemetry/signals.ts': [],
};

test('imports from a layer above another, and inside a component, are allowed', () => {
  assert.deepEqual(brokenBy(sound), []);
});

const faults: Readonly<Record<string, { readonly files: Record<string, string[]>; readonly rule: string }>> =
  {
    'the contract imports the runtime': {
      files: { 'component.ts': ['./runtime/agent.ts'], 'runtime/agent.ts': [] },
      rule: 'no-import-upward-from-component',
    },
    'two files import one another': {
      files: {
        'receivers/disk/counters.ts': ['./labels.ts'],
        'receivers/disk/labels.ts': ['./counters.ts'],
      },
      rule: 'no-circle',
    },
    'a component imports another': {
      files: { 'receivers/net.ts': ['./disk/disk.ts'] },
      rule: 'components-are-islands',
    },
    'the runtime imports a component': {
      files: { 'runtime/agent.ts': ['../receivers/net.ts'] },
      rule: 'runtime-knows-no-component',
    },
    'a folder has no layer': {
      files: { 'receivers/net.ts': ['../misc/texts.ts'], 'misc/texts.ts': [] },
      rule: 'every-folder-has-a-layer',
    },
    'a module is reached by no command': {
      files: { 'net/unused.ts': [] },
      rule: 'no-dead-module',
    },
    'a module is missing': {
      files: { 'receivers/net.ts': ['./missing.ts'] },
      rule: 'resolvable',
    },
  };

for (const [fault, { files, rule }] of Object.entries(faults))
  test(`imports are refused where ${fault}`, () => {
    assert.ok(brokenBy({ ...sound, ...files }).includes(rule));
  });

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, describeProblem } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { printConfig } from '../../../src/config/print.ts';
import { digestOf } from '../../../src/config/text/files.ts';
import { sampleComponents, withProbe } from './sample-components.ts';

interface Around {
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Loads what `--config` names, of files that are there alone. */
function load(named: string | readonly string[], { files = {}, environment = {}, stdin = '' }: Around) {
  const readFile = (path: string) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
    return text;
  };
  const input = {
    files: [named].flat(),
    sets: [],
    environment,
    readFile,
    readStdin: () => Buffer.from(stdin),
  };
  return loadConfig(input, sampleComponents);
}

function problemsOf(named: string | readonly string[], around: Around): readonly string[] {
  try {
    load(named, around);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map((problem) => describeProblem(problem).split('\n')[0] ?? '');
  }
}

/** The receiver of a configuration with this body, beside other files. */
const probe = (body: string, around: Around = {}) =>
  load('a.yaml', { ...around, files: { ...around.files, 'a.yaml': withProbe(body) } }).receivers.get('probe')
    ?.config as Record<string, unknown>;

const problemsIn = (body: string, around: Around = {}) =>
  problemsOf('a.yaml', { ...around, files: { ...around.files, 'a.yaml': withProbe(body) } });

test('--config takes a file, a variable, a text and standard input, and merges them in order', () => {
  const environment = { CONFIG: 'receivers: {probe: {depth: 5, exact: true}}' };
  const around = {
    files: { 'a.yaml': withProbe('{depth: 4}') },
    environment,
    stdin: 'receivers: {probe: {ratio: 0.25}}',
  };
  const config = load(['file:a.yaml', 'env:CONFIG', '-', 'yaml:receivers::probe::label: x'], around);
  const probe = config.receivers.get('probe')?.config as Record<string, unknown> | undefined;
  const { depth, exact, ratio, label } = probe ?? {};
  assert.deepEqual({ depth, exact, ratio, label }, { depth: 5, exact: true, ratio: 0.25, label: 'x' });
});

test('what --config names and is not there is a problem that names it', () => {
  assert.deepEqual(problemsOf('env:NONE', {}), [
    'cannot read env:NONE: there is no such environment variable',
  ]);
  assert.deepEqual(problemsOf('none.yaml', {}), ['cannot read none.yaml: no such file']);
  assert.deepEqual(problemsOf('s3:bucket', {}), [
    '--config s3:bucket: scheme "s3" is not supported (known: env, file, yaml, http, https); a file of this name is written file:s3:bucket',
  ]);
  assert.match(`${problemsOf('yaml:a: [', {})}`, /--config yaml:1:\d+/);
});

test('a file in a value is text, number, list or section as its YAML is; its last line end is not meant', () => {
  const files = {
    number: '7\n',
    list: '[a, b]\n',
    section: 'count: 9\nage: 2m\n',
  };
  assert.equal(probe('{depth: "${file:number}"}', { files }).depth, 7);
  assert.equal(probe('{label: "${file:number}"}', { files }).label, '7');
  assert.equal(probe('{label: "x-${file:number}-y"}', { files }).label, 'x-7-y');
  assert.deepEqual(probe('{include: "${file:list}"}', { files }).include, ['a', 'b']);
  assert.equal((probe('{limits: "${file:section}"}', { files }).limits as { count: number }).count, 9);
});

test('a file may have references, is named by one, and `$$` in it is a dollar', () => {
  const files = { 'dir/outer': '${file:dir/inner}-$$', 'dir/inner': '${env:NAME}' };
  assert.equal(
    probe('{label: "${file:${env:DIR}/outer}"}', { files, environment: { DIR: 'dir', NAME: '$$x' } }).label,
    '$$x-$',
  );
  assert.equal(probe("{depth: '${yaml:4}'}").depth, 4);
});

test('a file that cannot be read is a problem at its reference; what is wrong in it is one there', () => {
  assert.deepEqual(problemsIn('{label: "${file:none}"}'), ['a.yaml:2:18: cannot read none: no such file']);
  const files = { section: 'count: 9\ncuont: 1\n', broken: '[a' };
  assert.match(
    `${problemsIn('{limits: "${file:section}"}', { files })}`,
    /^section:2:1: .*unknown key "cuont" \(did you mean "count"\?\)/,
  );
  assert.match(`${problemsIn('{include: "${file:broken}"}', { files })}`, /^broken:1:\d+: /);
  assert.match(`${problemsIn('{label: "${file:none:-x}"}')}`, /only a variable has a default behind ":-"/);
  assert.match(
    `${problemsIn('{label: "${fil:none}"}')}`,
    /scheme "fil" is not supported \(did you mean "file"\?\)/,
  );
});

test('files that name one another end at a bound', () => {
  const problems = problemsIn('{label: "${file:loop}"}', { files: { loop: '${file:loop}' } });
  assert.deepEqual(problems.length, 1);
  assert.match(`${problems}`, /files inside one another: more than 16 levels/);
  const wide = { files: { x: '1', list: `[${'"${file:x}",'.repeat(1200)}]` } };
  assert.match(`${problemsIn('{include: "${file:list}"}', wide)[0]}`, /more than 1000 references/);
});

test('a secret from a file is never shown: neither printed nor in a problem of its section', () => {
  const send = (headers: string) => `receivers: {probe: }
exporters: {send: {endpoint: e, headers: ${headers}}}
service: {pipelines: {metrics: {receivers: [probe], exporters: [send]}}}
`;
  const files = { token: 'hunter2\n', whole: 'authorization: hunter2\nother: [hunter2]\n' };
  const good = load('a.yaml', {
    files: { ...files, 'a.yaml': send('{authorization: "Bearer ${file:token}"}') },
  });
  const sent = good.exporters.get('send')?.config as { headers: Record<string, string> } | undefined;
  assert.equal(sent?.headers.authorization, 'Bearer hunter2');
  assert.ok(!printConfig(good).includes('hunter2'));
  assert.throws(
    () => load('a.yaml', { files: { ...files, 'a.yaml': send('"${file:whole}"') } }),
    (error: Error) => error instanceof ConfigError && !error.message.includes('hunter2'),
  );
});

test('the configuration has the digest of each file that it came from, a refused one too', () => {
  const files = { 'a.yaml': withProbe('{label: "${file:name}"}'), name: 'x' };
  assert.deepEqual(
    [...load('a.yaml', { files }).files],
    Object.entries(files).map(([path, text]) => [path, digestOf(text)]),
  );
  const missing = { files: { 'a.yaml': files['a.yaml'] } };
  assert.throws(
    () => load('a.yaml', missing),
    (error: Error) => error instanceof ConfigError && error.files.get('name') === 'ENOENT',
  );
});

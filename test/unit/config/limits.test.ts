import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pipeline } from '../../../src/config/config.ts';
import { ConfigError, describeProblem, maxProblems } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { checkReferences, checkWiring } from '../../../src/config/rules/service.ts';
import { problemsOf, warningsOf } from './load-fixture.ts';
import { loadTexts, sampleComponents, withProbe } from './sample-components.ts';

function refusal(bytes: string | Buffer): readonly string[] {
  try {
    loadConfig({ files: ['a.yaml'], sets: [], environment: {}, readFile: () => bytes }, sampleComponents);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split('\n');
  }
}

test('a configuration above a megabyte is refused, in one file or in several', () => {
  const half = `#${'x'.repeat(600_000)}\n`;
  const message = 'the configuration is larger than 1024 KiB';
  assert.deepEqual(refusal(half + half), [`cannot read a.yaml: ${message}`]);
  assert.deepEqual(problemsOf([half + withProbe(''), half + withProbe('')]), [
    `cannot read b.yaml: ${message}`,
  ]);
});

test('nesting beyond the limit is one problem, whatever is nested', () => {
  for (const text of [
    `a: ${'['.repeat(100)}${']'.repeat(100)}`,
    `a: ${'['.repeat(20_000)}`,
    `a:\n  ${'- '.repeat(100)}x\n`,
  ]) {
    const [sentence = '', ...others] = problemsOf(text);
    assert.match(sentence, /nested too deep: more than 64 levels$/);
    assert.deepEqual(others, []);
  }
  const nested = `${'${env:'.repeat(20_000)}X${'}'.repeat(20_000)}`;
  assert.deepEqual(problemsOf(withProbe(`{label: "${nested}"}`)), [
    'a.yaml:2:18: "${" nested too deep: more than 16 levels',
  ]);
});

test('aliases that multiply are one problem', () => {
  const lines = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
  const [sentence, ...others] = problemsOf(['a0: &a0 [x]', ...lines].join('\n'));
  assert.match(sentence ?? '', /aliases repeat too much: more than 20000 values$/);
  assert.deepEqual(others, []);
});

test('the list of problems ends, and so does that of warnings', () => {
  const keys = Array.from({ length: 200 }, (_, i) => `none${i}: 1`).join(', ');
  assert.equal(problemsOf(withProbe(`{${keys}}`)).length, maxProblems);
  const unused = Array.from({ length: 200 }, (_, i) => `  probe/${i}:\n`).join('');
  const warnings = warningsOf(withProbe(`\n${unused}`.trimEnd()));
  assert.deepEqual([warnings.length, warnings.at(-1)], [maxProblems + 1, '150 more warnings']);
});

test('of a long line the part around the problem is shown, and its secrets are not', () => {
  const long = 'x'.repeat(5000);
  const text = withProbe(`{label: ${long}, depth: 0, mode: fast, include: [${long}]}`);
  assert.throws(
    () => loadTexts([text]),
    (error: ConfigError) => {
      const [, line = '', caret = ''] = describeProblem(error.problems[0] ?? assert.fail()).split('\n');
      assert.match(line, /^ {2}2 \| …x+, depth: 0, mode: fast, include: \[x+…$/);
      assert.ok(line.length < 180, line);
      assert.equal(caret.indexOf('^'), line.indexOf('0, mode'));
      return true;
    },
  );
  const secret = `exporters: {send: {endpoint: [], headers: {x-team: "${'hunter2'.repeat(1000)}"}}}`;
  assert.equal(refusal(secret).join('\n').includes('hunter2'), false);
});

test('a file that is no UTF-8 is refused at its first wrong byte', () => {
  const latin1 = Buffer.from('# é\n', 'utf8');
  assert.deepEqual(
    refusal(Buffer.concat([latin1, Buffer.from('a: caf\xe9\n', 'latin1')]))[0],
    'a.yaml:2:7: invalid UTF-8 here: save the file as UTF-8',
  );
  assert.match(
    refusal(Buffer.from('\uFEFFa: 1\n', 'utf16le'))[0] ?? '',
    /^a\.yaml:1:1: the file is UTF-16: save it as UTF-8$/,
  );
});

test('control characters are refused; tabs, line ends and U+0085 are not', () => {
  assert.equal(
    refusal('a: "\x1b[2J"\n')[0],
    'a.yaml:1:5: control characters are not allowed: U+001B; in double quotes it is written "\\x1B"',
  );
  assert.equal(
    refusal('a: b\0\n')[0],
    'a.yaml:1:5: control characters are not allowed: U+0000; in double quotes it is written "\\x00"',
  );
  assert.equal(
    refusal('a: 1\rb: 2\r')[0],
    'a.yaml:1:5: a line ends with a carriage return alone: save the file with LF or CRLF',
  );
  assert.deepEqual(refusal(`\uFEFF${withProbe('{label: "a\tb\u0085"}')}`.replaceAll('\n', '\r\n')), []);
});

/** A list of pipelines that chain connectors, and how often its lists are read. */
function chained(count: number) {
  let reads = 0;
  const pipelines = Array.from({ length: count + 1 }, (_, index): Pipeline => {
    const [receivers, exporters] = [
      [index === 0 ? 'probe' : `relay/${index - 1}`],
      [index === count ? 'show' : `relay/${index}`],
    ];
    return {
      ...{ id: `metrics/${index}`, signal: 'metrics', processors: [] },
      get receivers() {
        reads++;
        return receivers;
      },
      get exporters() {
        reads++;
        return exporters;
      },
    };
  });
  return { pipelines, reads: () => reads };
}

test('the work of checking chained pipelines grows with their number, not with its square', () => {
  const component = (type: string) => sampleComponents.find((component) => component.type === type);
  const readsOf = (count: number) => {
    const { pipelines, reads } = chained(count);
    const ids = Array.from({ length: count }, (_, index) => [`relay/${index}`, component('relay')] as const);
    const catalogue = {
      ...{ receivers: new Map([['probe', component('probe')]]), processors: new Map() },
      ...{ exporters: new Map([['show', component('show')]]), extensions: new Map() },
      connectors: new Map(ids),
    };
    const problems: string[] = [];
    const report = { error: (_: unknown, text: string) => problems.push(text), warn: assert.fail };
    checkReferences({ pipelines, extensions: [] }, catalogue, report);
    checkWiring({ pipelines, extensions: [] }, catalogue, report);
    assert.deepEqual(problems, []);
    return reads();
  };
  assert.ok(readsOf(2000) < 2.1 * readsOf(1000), `${readsOf(2000)} and ${readsOf(1000)}`);
});

test('of many unused components each is checked once, and only those that are shown are described', () => {
  let checks = 0;
  const check = () => {
    checks++;
    return [];
  };
  const counting = sampleComponents.map((component) =>
    component.type === 'probe' ? { ...component, check } : component,
  );
  const unused = Array.from({ length: 5000 }, (_, i) => `  probe/${i}:\n`).join('');
  const text = withProbe(`\n${unused}`.trimEnd());
  const { warnings } = loadConfig(
    { files: ['a.yaml'], sets: [], environment: {}, readFile: () => text },
    counting,
  );
  assert.deepEqual([checks, warnings.length], [5001, maxProblems + 1]);
});

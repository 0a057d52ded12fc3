import assert from 'node:assert/strict';
import { test } from 'node:test';
import { components } from '../../../src/components.ts';
import { sectionOf } from '../../../src/config/schema/file-schema.ts';
import { earshot, file } from '../cli/earshot.ts';
import { corpusFiles, type Entry, entriesIn, stderrOf } from './corpus/entry.ts';

/** Bad configurations with all that is said of each. `corpus/write-expected.ts` writes what is missing. */
const corpus: readonly Entry[] = corpusFiles.flatMap(entriesIn);

for (const entry of corpus)
  test(entry.name, async () => {
    const stderr = await stderrOf(entry);
    assert.equal(stderr, entry.stderr);
    assert.match(stderr, /^Error: invalid configuration(?:, (?:the first )?\d+ problems)?:\n/);
    assert.doesNotMatch(stderr, /hunter2/, 'a secret is shown');
    for (const line of stderr.split('\n'))
      assert.ok(line.length < 600, `a line is too long to be read: ${line}`);
  });

test('there are at least 150, each with a name of its own', () => {
  assert.ok(corpus.length >= 150, String(corpus.length));
  assert.equal(new Set(corpus.map(({ name }) => name)).size, corpus.length);
});

test('the command prints what an entry has, and exits with 1', () => {
  const text = 'receivers: {agent: {interva: 1s}}\nexporters: {debug: }\nservice: {}\n';
  const bad = file('corpus.yaml', text);
  const { status, stdout, stderr } = earshot('validate', '--config', bad);
  assert.deepEqual([status, stdout], [1, '']);
  return stderrOf({ name: '', config: text }).then((expected) =>
    assert.equal(stderr.replaceAll(bad, 'a.yaml'), expected),
  );
});

for (const { kind, type } of components)
  test(`an unknown key of the ${kind} ${type} is named at its place`, async () => {
    const stderr = await stderrOf({ name: '', [kind]: `${type}:\n  no_such_key: 1` });
    const place = `a.yaml:4:5: ${sectionOf(kind)}::${type}::no_such_key: unknown key "no_such_key"`;
    assert.ok(stderr.includes(place), stderr);
  });

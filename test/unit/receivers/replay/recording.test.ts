import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pathsIn } from '../../../../scripts/record-interval.ts';
import { readRecording, writeRecording } from '../../../../src/receivers/replay/recording.ts';
import { recording } from './recorded.ts';

const directory = mkdtempSync(join(tmpdir(), 'earshot-recording-'));
after(() => rmSync(directory, { recursive: true }));

const file = join(directory, 'whole.jsonl.gz');
await writeRecording(file, recording);

test('a recording round-trips', async () => {
  assert.deepEqual(await readRecording(file), recording);
});

const lines = (...texts: readonly string[]) => gzipSync(texts.map((text) => `${text}\n`).join(''));

test('a recording without weights is read, and none are known', async () => {
  const path = spoilt('former', lines('{"title":"x"}', '{"span":1,"metrics":[],"events":[]}'));
  assert.deepEqual((await readRecording(path)).weights, {});
});

test('the weights of a recording are those of all cgroups that it names, and of those above them', () => {
  const [interval] = recording.intervals;
  assert.ok(interval);
  assert.deepEqual([...pathsIn(interval)].sort(), ['/default', '/default/batch', '/default/web']);
});

function spoilt(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

function damage(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy.fill(0xff, 60, 120);
  return copy;
}

const whole = readFileSync(file);
const unreadable = [
  { title: 'is not there', path: join(directory, 'absent'), reason: /ENOENT/ },
  { title: 'is empty', path: spoilt('empty', new Uint8Array(0)), reason: /unexpected end of file/ },
  {
    title: 'is no gzip',
    path: spoilt('plain', Buffer.from('{"title":"x"}\n{}\n')),
    reason: /incorrect header check/,
  },
  {
    title: 'is truncated',
    path: spoilt('truncated', whole.subarray(0, whole.length >> 1)),
    reason: /unexpected end of file/,
  },
  { title: 'is damaged', path: spoilt('damaged', damage(whole)), reason: /./ },
  { title: 'has no interval', path: spoilt('header', lines('{"title":"x"}')), reason: /it has no interval/ },
  { title: 'has no title', path: spoilt('untitled', lines('{}', '{}')), reason: /it has no title/ },
  { title: 'is no JSON', path: spoilt('text', lines('{"title":"x"}', 'hello')), reason: /JSON/ },
  {
    title: 'has lines that are no interval',
    path: spoilt('other', lines('{"title":"x"}', '[]')),
    reason: /line 2 is no interval/,
  },
  {
    title: 'has an interval with something else than lists',
    path: spoilt('lists', lines('{"title":"x"}', '{"span":1,"metrics":5,"events":[]}')),
    reason: /line 2 is no interval/,
  },
];
for (const { title, path, reason } of unreadable)
  test(`a file that ${title} is refused by name, with the reason`, async () => {
    await assert.rejects(readRecording(path), (error: Error) => {
      assert.ok(error.message.startsWith(`cannot replay ${path}: `), error.message);
      assert.match(error.message, reason);
      return true;
    });
  });

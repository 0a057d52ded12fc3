import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { filesAt } from '../../../src/config/text/files.ts';
import { watchFiles } from '../../../src/runtime/config-watch.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { FakeClock } from '../fake-clock.ts';
import { bench, whole } from './agent-bench.ts';

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-watch-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function knownAt(paths: readonly string[]) {
  const files = filesAt(paths);
  return () => files;
}

function watching(t: TestContext, ...files: readonly string[]) {
  const clock = new FakeClock();
  let changes = 0;
  const onChange = () => {
    changes += 1;
  };
  const watch = watchFiles({ clock, known: knownAt(files), onChange });
  t.after(() => watch.stop());
  return {
    clock,
    watch,
    /** Changes that so many looks found. */
    async found(looks: number) {
      changes = 0;
      await clock.advance(seconds(looks));
      return changes;
    },
  };
}

test('a changed file is found once, at the second look that shows the same', async (t) => {
  const file = join(folderFor(t), 'a.yaml');
  writeFileSync(file, 'one');
  const { found } = watching(t, file);
  assert.equal(await found(5), 0);
  writeFileSync(file, 'two');
  assert.equal(await found(1), 0);
  assert.equal(await found(1), 1);
  assert.equal(await found(5), 0);
  writeFileSync(file, 'one');
  assert.equal(await found(5), 1, 'what it was before is a change too');
});

test('a file that is written again at each look is left alone until it stays as it is', async (t) => {
  const file = join(folderFor(t), 'a.yaml');
  writeFileSync(file, '0');
  const { found } = watching(t, file);
  for (let size = 1; size <= 5; size++) {
    writeFileSync(file, 'x'.repeat(size));
    assert.equal(await found(1), 0);
  }
  assert.equal(await found(1), 1);
});

test('a change of time, or one that is taken back before the next look, is none', async (t) => {
  const file = join(folderFor(t), 'a.yaml');
  writeFileSync(file, 'one');
  const { found } = watching(t, file);
  writeFileSync(file, 'two');
  writeFileSync(file, 'one');
  assert.equal(await found(3), 0);
});

test('each of several files is watched', async (t) => {
  const folder = folderFor(t);
  const files = ['a.yaml', 'b.yaml'].map((name) => join(folder, name));
  for (const file of files) writeFileSync(file, 'one');
  const { found } = watching(t, ...files);
  for (const file of files) {
    writeFileSync(file, 'two');
    assert.equal(await found(3), 1, file);
  }
  for (const file of files) writeFileSync(file, 'three');
  assert.equal(await found(3), 1, 'changes at the same time are one');
});

test('a file that an editor renames away and writes anew is found once', async (t) => {
  const file = join(folderFor(t), 'a.yaml');
  writeFileSync(file, 'one');
  const { found } = watching(t, file);
  renameSync(file, `${file}~`);
  assert.equal(await found(1), 0, 'it is away');
  writeFileSync(`${file}.tmp`, 'two');
  renameSync(`${file}.tmp`, file);
  assert.equal(await found(3), 1);
  renameSync(`${file}~`, file);
  assert.equal(await found(3), 1, 'and the other file once it is renamed back');
});

test('a file that stays away is a change, and one more when it is back', async (t) => {
  const file = join(folderFor(t), 'a.yaml');
  writeFileSync(file, 'one');
  const { found } = watching(t, file);
  unlinkSync(file);
  assert.equal(await found(3), 1);
  mkdirSync(file);
  assert.equal(await found(3), 1, 'a directory is no file');
  rmSync(file, { recursive: true });
  writeFileSync(file, 'one');
  assert.equal(await found(3), 1);
});

test("a ConfigMap's directory that is swapped behind the links to its files is a change", async (t) => {
  const folder = folderFor(t);
  const publish = (version: string) => {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, 'earshot.yaml'), version);
    // As the kubelet's AtomicWriter does.
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  publish('..one');
  const file = join(folder, 'earshot.yaml');
  symlinkSync('..data/earshot.yaml', file);
  const { found } = watching(t, file);
  assert.equal(await found(2), 0);
  publish('..two');
  rmSync(join(folder, '..one'), { recursive: true });
  assert.equal(await found(3), 1);
});

test('what a reload reads is watched from then on, and what it has read is no change', async (t) => {
  const folder = folderFor(t);
  const [config = '', token = ''] = ['a.yaml', 'token'].map((name) => join(folder, name));
  for (const file of [config, token]) writeFileSync(file, 'one');
  const clock = new FakeClock();
  let files = filesAt([config]);
  let changes = 0;
  const watch = watchFiles({
    ...{ clock, known: () => files },
    onChange() {
      changes += 1;
      files = filesAt([config, token]);
    },
  });
  t.after(() => watch.stop());
  writeFileSync(token, 'two');
  await clock.advance(seconds(5));
  assert.equal(changes, 0, 'it is not named yet');
  writeFileSync(config, 'two');
  await clock.advance(seconds(5));
  assert.equal(changes, 1);
  writeFileSync(token, 'three');
  await clock.advance(seconds(5));
  assert.equal(changes, 2);
  writeFileSync(token, 'four');
  files = filesAt([config, token]); // by a signal
  await clock.advance(seconds(5));
  assert.equal(changes, 2, 'it was read already');
});

test('nothing is looked at after `stop`', async (t) => {
  const file = join(folderFor(t), 'a.yaml');
  writeFileSync(file, 'one');
  const { found, watch, clock } = watching(t, file);
  await watch.stop();
  writeFileSync(file, 'two');
  assert.equal(await found(5), 0);
  assert.equal(clock.timers, 0);
});

test('a bad file is refused once with its problems, the graph goes on, and the next good one is applied', async (t) => {
  const file = join(folderFor(t), 'a.yaml');
  const { agent, clock, write, messages, happened, start } = bench(whole);
  const put = (text: string) => {
    writeFileSync(file, text);
    write(text);
  };
  put(whole);
  await start();
  const onChange = () => void agent.reload().catch(() => {});
  const watch = watchFiles({ clock, known: knownAt([file]), onChange });
  put(whole.replace('step: ', 'stop: '));
  happened();
  await clock.advance(seconds(25));
  assert.equal(messages().filter((text) => text.startsWith('Configuration refused.')).length, 1);
  assert.ok(messages().some((text) => /"stop"/.test(text)));
  assert.deepEqual(new Set(happened()), new Set(['collect source']));
  put(whole.replace('step: ', 'step: {setting: b}'));
  await clock.advance(seconds(3));
  assert.deepEqual(
    happened().filter((event) => !event.startsWith('collect')),
    ['open step', 'close step'],
  );
  await watch.stop();
  await agent.stop();
});

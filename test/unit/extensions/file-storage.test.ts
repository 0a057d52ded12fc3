import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Closable } from '../../../src/component.ts';
import { fileStorageEmits } from '../../../src/extensions/file-storage/emits.ts';
import { fileStorage } from '../../../src/extensions/file-storage/file-storage.ts';
import type { Store } from '../../../src/store.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { type FakeClock, settle } from '../fake-clock.ts';
import { fakeHost } from '../fake-host.ts';
import { total } from '../runtime/fake-world.ts';

const component = 'connector noisy_neighbor/a';
const file = 'connector-noisy_neighbor%2fa.db';

function inDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-storage-'));
  t.after(async () => {
    for (const opened of running.splice(0)) await opened.close();
    rmSync(directory, { recursive: true });
  });
  return directory;
}

/** Of the test that runs. */
const running: Closable[] = [];

async function storage(directory: string) {
  const { host, logged } = fakeHost('file_storage', fileStorageEmits);
  const opened = await fileStorage.open({ directory }, host);
  running.push(opened);
  return { ...opened, host, logged };
}

const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();
const set = (key: string, value: string) => ({ key, value: Buffer.from(value) });
const all = async (store: Store) =>
  (await store.entries({ limit: 100 })).map(({ key, value }) => `${key}=${text(value)}`);

test('what was applied is there in the next run', async (t) => {
  const directory = inDirectory(t);
  const first = await storage(directory);
  const store = await first.openStore(component);
  await store.apply([set('a', '1'), set('b', '2')]);
  await store.apply([set('a', '3'), { key: 'b', value: undefined }]);
  await first.close();
  assert.deepEqual(readdirSync(directory), [file]);
  const again = await (await storage(directory)).openStore(component);
  assert.deepEqual([text(await again.get('a')), text(await again.get('b'))], ['3', undefined]);
});

test('entries come in the order of their UTF-8, within a range, at most so many', async (t) => {
  const { openStore } = await storage(inDirectory(t));
  const store = await openStore(component);
  await store.apply(['b', 'é', 'a', 'a/2', 'a/10', '\u{1f600}', '～'].map((key) => set(key, '')));
  const keys = async (range: object) => (await store.entries({ limit: 100, ...range })).map(({ key }) => key);
  assert.deepEqual(await keys({}), ['a', 'a/10', 'a/2', 'b', 'é', '～', '\u{1f600}']);
  assert.deepEqual(await keys({ from: 'a/', before: 'b' }), ['a/10', 'a/2']);
  assert.deepEqual(await keys({ from: 'a/2', limit: 2 }), ['a/2', 'b']);
  assert.deepEqual(await keys({ from: 'a/2\0', limit: 1 }), ['b'], 'behind a key');
});

test('components see nothing of each other, nor do their names leave the directory', async (t) => {
  const directory = inDirectory(t);
  const { openStore } = await storage(directory);
  const names = [
    'connector a',
    'connector a/../..',
    'processor logs/x a',
    `exporter ${'ü'.repeat(500)}`,
    `exporter ${'ü'.repeat(501)}`,
  ];
  for (const name of names) await (await openStore(name)).apply([set('key', name)]);
  const files = readdirSync(directory).filter((name) => name.endsWith('.db'));
  assert.equal(files.length, names.length);
  assert.ok(files.every((name) => name.length < 200 && !name.includes('..')));
});

test('a store is open once', async (t) => {
  const directory = inDirectory(t);
  const { openStore } = await storage(directory);
  const store = await openStore(component);
  const other = await storage(directory);
  await assert.rejects(other.openStore(component), { code: 'locked' });
  await store.close();
  await store.close();
  await (await other.openStore(component)).close();
  await assert.rejects(store.get('a'), /it is closed/);
});

test('a store that is about to close is waited for', async (t) => {
  const { openStore } = await storage(inDirectory(t));
  const store = await openStore(component);
  await store.apply([set('a', '1')]);
  const closed = store.close();
  const [again, other] = await Promise.allSettled([openStore(component), openStore(component)]);
  await closed;
  assert.equal(again.status === 'fulfilled' && text(await again.value.get('a')), '1');
  assert.equal(other.status, 'rejected');
});

test('where the disk takes nothing, what is applied is not rejected, until there is too much of it', async (t) => {
  const directory = inDirectory(t);
  const { openStore, host } = await storage(directory);
  const store = await openStore(component);
  const megabytes = (key: string, count: number) => ({ key, value: Buffer.alloc(count * 1024 * 1024) });
  await store.apply([set('a', '1')]);
  rmSync(join(directory, `${file}-wal`)); // so that it cannot be opened for a sync
  await store.apply([megabytes('b', 5)]);
  await store.apply([set('a', '2')]);
  assert.equal(total(host.counters, 'earshot.agent.storage.failed', { component, reason: 'failed' }), 1);
  await store.apply([megabytes('b', 30)]);
  await assert.rejects(store.apply([set('a', '3')]), { code: 'unsynced' });
  assert.equal(text(await store.get('a')), '2');
  await store.close().catch(() => {}); // cannot be synced
});

test('while the disk does not answer, calls are rejected in time, and later they are answered again', async (t) => {
  const directory = inDirectory(t);
  const first = await storage(directory);
  await (await first.openStore(component)).apply([set('a', '1')]);
  await first.close();
  const [path, kept] = [join(directory, file), join(directory, 'kept')];
  renameSync(path, kept);
  execFileSync('mkfifo', [path]); // which opens as soon as it has a reader
  const { openStore, host, tasks } = await storage(directory);
  const clock = host.clock as FakeClock;
  const opening = openStore(component);
  await clock.advance(seconds(11));
  const store = await opening;
  const sync = async () => tasks?.[0]?.run(new AbortController().signal);
  for (const call of [() => store.get('a'), () => store.apply([set('b', '2')]), sync])
    await assert.rejects(call, {
      code: 'unresponsive',
      message: new RegExp(
        `^cannot (read|write|sync) the store of ${component} in ${directory}: its disk does not answer; look `,
      ),
    });
  const unresponsive = { component, reason: 'unresponsive' };
  assert.equal(total(host.counters, 'earshot.agent.storage.failed', unresponsive), 3);
  const reader = openSync(path, 'r');
  renameSync(kept, path);
  let value: Uint8Array | undefined;
  while (!value) value = await store.get('a').catch(() => settle().then(() => undefined));
  closeSync(reader);
  assert.equal(text(value), '1');
  assert.equal(await store.get('b'), undefined);
});

test('a transaction that fails changes nothing', async (t) => {
  const { openStore } = await storage(inDirectory(t));
  const store = await openStore(component);
  await store.apply([set('a', '1')]);
  const wrong = { key: 'b', value: 'no bytes' as unknown as Uint8Array };
  await assert.rejects(store.apply([set('a', '2'), wrong]), /cannot write .*: /);
  assert.deepEqual(await all(store), ['a=1']);
  await store.apply([set('a', '3')]);
  assert.deepEqual(await all(store), ['a=3']);
});

test('directories that are missing are made for the agent alone, and so are files', async (t) => {
  const directory = join(inDirectory(t), 'a', 'b');
  const { openStore } = await storage(directory);
  await (await openStore(component)).apply([set('a', '1')]);
  const mode = (...path: string[]) => statSync(join(directory, ...path)).mode & 0o777;
  assert.deepEqual([mode(), mode(file), mode(`${file}-wal`)], [0o700, 0o600, 0o600]);
});

test('a directory that is a file is refused', async (t) => {
  const directory = join(inDirectory(t), 'file');
  writeFileSync(directory, '');
  await assert.rejects(storage(directory), /cannot use the directory .*file: EEXIST/);
});

for (const mode of [0o777, 0o1777, 0o2777, 0o775])
  test(`in a directory of mode ${mode.toString(8)} the files are in one for the agent alone`, async (t) => {
    const directory = inDirectory(t);
    chmodSync(directory, mode);
    for (const value of ['1', '2']) {
      const { openStore, close } = await storage(directory);
      const store = await openStore(component);
      await store.apply([set(value, value)]);
      await close();
    }
    assert.deepEqual(readdirSync(directory), ['earshot']);
    assert.equal(statSync(join(directory, 'earshot')).mode & 0o777, 0o700);
    const { openStore } = await storage(directory);
    assert.deepEqual(await all(await openStore(component)), ['1=1', '2=2']);
  });

for (const [name, { make, reason }] of Object.entries<{
  make: (own: string) => void;
  reason: RegExp;
}>({
  'is a link': { make: (own) => symlinkSync('/tmp', own), reason: /\(it is a link\)$/ },
  'may be written by others': {
    make: (own) => {
      mkdirSync(own);
      chmodSync(own, 0o1777);
    },
    reason: /\(it belongs to user \d+ and has mode 1777\)$/,
  },
}))
  test(`where the agent's directory among those of others ${name}, it is refused with what to do`, async (t) => {
    const directory = inDirectory(t);
    chmodSync(directory, 0o1777);
    make(join(directory, 'earshot'));
    await assert.rejects(storage(directory), ({ code, message }: NodeJS.ErrnoException) => {
      assert.equal(code, 'exposed');
      assert.match(
        message,
        /^cannot use the directory .*earshot: another user may replace what is in it: give /,
      );
      assert.match(message, reason);
      return true;
    });
    assert.deepEqual(readdirSync(directory), ['earshot']);
  });

for (const [name, damage] of Object.entries({
  'is no database': (path: string) => writeFileSync(path, 'x'.repeat(10_000)),
  'has a damaged page': (path: string) => {
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096 * 2, 4096 * 3);
    writeFileSync(path, bytes);
  },
  'is cut off': (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 5000)),
}))
  test(`a file that ${name} is moved aside, and the store is empty`, async (t) => {
    const directory = inDirectory(t);
    const first = await storage(directory);
    await (await first.openStore(component)).apply(
      Array.from({ length: 500 }, (_, n) => set(`key ${n}`, 'value'.repeat(20))),
    );
    await first.close();
    damage(join(directory, file));
    const { openStore, host, logged } = await storage(directory);
    const store = await openStore(component);
    assert.deepEqual(await all(store), []);
    await store.apply([set('a', '1')]);
    assert.deepEqual(await all(store), ['a=1']);
    const discarded = { component, reason: 'corrupt' };
    assert.equal(total(host.counters, 'earshot.agent.storage.discarded', discarded), 1);
    assert.match(logged.join(), /moved aside/);
    const aside = readdirSync(directory).filter((other) => other.includes('.corrupt-'));
    assert.deepEqual(aside, [`${file}.corrupt-20231114T221320Z`]);
  });

test('of damaged files the newest one is kept', async (t) => {
  const directory = inDirectory(t);
  for (const content of ['first', 'second']) {
    writeFileSync(join(directory, file), content.repeat(1000));
    const opened = await storage(directory);
    await opened.openStore(component);
    await opened.close();
  }
  const [aside, ...others] = readdirSync(directory).filter((other) => other.includes('.corrupt-'));
  assert.deepEqual(others, []);
  assert.match(readFileSync(join(directory, aside ?? ''), 'utf8'), /^second/);
});

test('a file of a later format is moved aside', async (t) => {
  const directory = inDirectory(t);
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const database = new DatabaseSync(join(directory, file));
  database.exec('PRAGMA user_version = 2');
  database.close();
  const { openStore } = await storage(directory);
  assert.deepEqual(await all(await openStore(component)), []);
  assert.ok(readdirSync(directory).some((name) => name.startsWith(`${file}.other_format-`)));
});

/** Another process that opens the store and goes on writing; prints a line for each transaction that it has applied. */
const writer = `
import { fileStorage } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../../src/extensions/file-storage/file-storage.ts')))};
const [directory, component] = process.argv.slice(1);
const { openStore } = await fileStorage.open({ directory }, {
  clock: { now: () => 0n },
  endsWithin: (limit, work) => work.then(() => true),
});
const store = await openStore(component);
for (let n = 1; ; n++) {
  const value = Buffer.from(String(n).repeat(200));
  await store.apply(Array.from({ length: 50 }, (_, key) => ({ key: 'key ' + key, value })));
  if (n % 7 === 0) await store.sync();
  process.stdout.write(n + '\\n');
}`;

function startWriter(t: TestContext, directory: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, directory, component]);
  t.after(() => child.kill('SIGKILL'));
  let [output, errors] = ['', ''];
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  return {
    child,
    applied: () => Number(output.trimEnd().split('\n').at(-1)),
    errors: () => errors,
    async reached(transactions: number): Promise<void> {
      while (output.split('\n').length <= transactions) await once(child.stdout, 'data');
    },
  };
}

test('a file that another process has open is refused, with what to do', async (t) => {
  const directory = inDirectory(t);
  const { reached, child } = startWriter(t, directory);
  await reached(1);
  const { openStore } = await storage(directory);
  await assert.rejects(openStore(component), {
    code: 'locked',
    message: new RegExp(
      `cannot open .*${file}: another agent has it open: give each one a directory of its own`,
    ),
  });
  await reached(20); // the refused attempt has not disturbed it
  child.kill('SIGKILL');
  await once(child, 'exit');
  await openStore(component);
});

test('a process that is killed leaves whole transactions, all that it had applied', async (t) => {
  const directory = inDirectory(t);
  for (const transactions of [3, 20, 41]) {
    const { child, reached, applied, errors } = startWriter(t, directory);
    await reached(transactions);
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.equal(errors(), '', 'nothing is printed for users, no ExperimentalWarning either');
    const { openStore, close, logged } = await storage(directory);
    const entries = await (await openStore(component)).entries({ limit: 100 });
    const values = new Set(entries.map(({ value }) => text(value)));
    assert.equal(entries.length, 50);
    assert.equal(values.size, 1, 'of one transaction');
    const written = [applied(), applied() + 1].map((n) => String(n).repeat(200));
    assert.ok(written.includes([...values][0] ?? ''));
    assert.deepEqual(logged, []);
    await close();
  }
});

test('other files in the directory are left alone', async (t) => {
  const directory = inDirectory(t);
  mkdirSync(join(directory, 'other'));
  writeFileSync(join(directory, 'notes.txt'), 'mine');
  const opened = await storage(directory);
  await opened.openStore(component);
  await opened.close();
  assert.deepEqual(readdirSync(directory).sort(), [file, 'notes.txt', 'other']);
});

test('a file that is damaged while it is open is moved aside, and what follows has an empty store', async (t) => {
  const directory = inDirectory(t);
  const first = await storage(directory);
  await (await first.openStore(component)).apply(
    Array.from({ length: 500 }, (_, n) => set(`key ${n}`, 'value'.repeat(20))),
  );
  await first.close();
  const { openStore, host } = await storage(directory);
  const store = await openStore(component);
  const bytes = readFileSync(join(directory, file));
  writeFileSync(join(directory, file), bytes.fill(0xff, 4096));
  await store
    .apply(Array.from({ length: 500 }, (_, n) => set(`other ${n}`, 'value'.repeat(2000))))
    .catch(() => {});
  await assert.rejects(store.entries({ limit: 1000 }), { code: 'corrupt' });
  assert.deepEqual(await all(store), []);
  assert.equal(total(host.counters, 'earshot.agent.storage.discarded', { component, reason: 'corrupt' }), 1);
});

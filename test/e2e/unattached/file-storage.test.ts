import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Closable } from '../../../src/component.ts';
import { fileStorageEmits } from '../../../src/extensions/file-storage/emits.ts';
import { fileStorage } from '../../../src/extensions/file-storage/file-storage.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { type FakeClock, settle } from '../../unit/fake-clock.ts';
import { fakeHost } from '../../unit/fake-host.ts';
import { total } from '../../unit/runtime/fake-world.ts';

/** File systems that are full, cannot be written or do not answer, and directories of other users: with root's rights there are no others for a test. */

const component = 'connector a';

/** A file system of its own, of so many KiB. */
function mounted(t: TestContext, size: number) {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-mount-'));
  const remount = (option: string) =>
    execFileSync('mount', ['-o', `remount,size=${size}k,${option}`, directory]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}k`, 'tmpfs', directory]);
  t.after(async () => {
    for (const opened of running.splice(0)) await opened.close();
    execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true });
  });
  return { directory, remount };
}

/** Of the test that runs. */
const running: Closable[] = [];

async function storage(directory: string) {
  const { host, logged } = fakeHost('file_storage', fileStorageEmits);
  const opened = await fileStorage.open({ directory }, host);
  running.push(opened);
  const failed = (reason: string) =>
    total(host.counters, 'earshot.agent.storage.failed', { component, reason });
  return { ...opened, failed, logged };
}

const set = (key: string, bytes: number) => [{ key, value: Buffer.alloc(bytes, key) }];

test('a full file system refuses what has no room, keeps the rest, and goes on when there is room', async (t) => {
  const { directory } = mounted(t, 1024);
  const { openStore, failed, logged } = await storage(directory);
  const store = await openStore(component);
  await store.apply(set('first', 1000));
  assert.throws(() => writeFileSync(join(directory, 'other'), Buffer.alloc(2_000_000)), { code: 'ENOSPC' });
  await assert.rejects(store.apply(set('second', 100_000)), { code: 'full' });
  const keys = async () => (await store.entries({ limit: 10 })).map(({ key }) => key);
  assert.deepEqual(await keys(), ['first']);
  assert.equal(failed('full'), 1);
  rmSync(join(directory, 'other'));
  await store.apply(set('second', 100_000));
  assert.deepEqual(await keys(), ['first', 'second']);
  assert.deepEqual(logged, []);
});

test('a store of a file system without any room opens, and begins when there is room', async (t) => {
  const { directory } = mounted(t, 512);
  assert.throws(() => writeFileSync(join(directory, 'other'), Buffer.alloc(2_000_000)), { code: 'ENOSPC' });
  const { openStore } = await storage(directory);
  const store = await openStore(component);
  await assert.rejects(store.apply(set('a', 10)), { code: 'full' });
  rmSync(join(directory, 'other'));
  await store.apply(set('a', 10));
  assert.equal((await store.get('a'))?.length, 10);
});

test('a directory that is not there and cannot be made is refused, with what to do', async (t) => {
  const { directory, remount } = mounted(t, 512);
  remount('ro');
  await assert.rejects(fileStorage.open({ directory }, fakeHost('file_storage').host), {
    code: 'read_only',
    message: new RegExp(
      `^cannot use the directory ${directory}/earshot: it cannot be written: mount a volume there`,
    ),
  });
  await assert.rejects(fileStorage.open({ directory: join(directory, 'a') }, fakeHost('file_storage').host), {
    code: 'read_only',
  });
});

test('on a file system that became read-only a storage opens, refuses writes, and goes on when it can be written', async (t) => {
  const { directory, remount } = mounted(t, 1024);
  const first = await storage(directory);
  await (await first.openStore(component)).apply(set('a', 10));
  await first.close(); // a file system with a file open for writing does not become read-only
  remount('ro');
  const { openStore, failed } = await storage(directory);
  const store = await openStore(component);
  await assert.rejects(store.apply(set('b', 10)), { code: 'read_only' });
  assert.equal(failed('read_only'), 1);
  remount('rw');
  assert.equal((await store.get('a'))?.length, 10);
  await store.apply(set('b', 10));
  assert.deepEqual(
    readdirSync(join(directory, 'earshot')).filter((name) => name.includes('read_only')),
    [],
  );
});

test("a directory of another user is refused, and so is the agent's own, with what to do", async (t) => {
  const { directory } = mounted(t, 512);
  const own = join(directory, 'earshot');
  mkdirSync(own, { mode: 0o700 });
  for (const foreign of [own, directory]) {
    chownSync(foreign, 1000, 1000);
    await assert.rejects(fileStorage.open({ directory }, fakeHost('file_storage').host), {
      code: 'exposed',
      message: new RegExp(
        `^cannot use the directory ${foreign}: another user may replace what is in it: give it to the user of the agent .* \\(it belongs to user 1000 and has mode \\d{4}\\)$`,
      ),
    });
    assert.deepEqual(readdirSync(own), []);
  }
});

test('on a file system that does not answer a storage opens, and goes on when it does', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-frozen-'));
  const image = `${directory}.img`;
  execFileSync('truncate', ['-s', '8M', image]);
  execFileSync('mkfs.ext4', ['-q', image]);
  execFileSync('mount', ['-o', 'loop', image, directory]);
  execFileSync('chmod', ['0700', directory]);
  const thaw = () => execFileSync('fsfreeze', ['--unfreeze', directory]);
  t.after(async () => {
    for (const opened of running.splice(0)) await opened.close();
    execFileSync('umount', [directory]);
    rmSync(image);
    rmSync(directory, { recursive: true });
  });
  const first = await storage(directory);
  await (await first.openStore(component)).apply(set('a', 10));
  await first.close();
  execFileSync('fsfreeze', ['--freeze', directory]);
  let isFrozen = true;
  try {
    const { host, logged } = fakeHost('file_storage', fileStorageEmits);
    const clock = host.clock as FakeClock;
    const inTime = async <T>(work: Promise<T>) => {
      await clock.advance(seconds(11));
      return work;
    };
    const opened = await inTime(fileStorage.open({ directory: join(directory, 'b') }, host));
    running.push(opened);
    assert.match(logged.join(), /The disk does not answer/);
    const store = await inTime(opened.openStore(component));
    await assert.rejects(store.apply(set('a', 10)), { code: 'unresponsive' });
    thaw();
    isFrozen = false;
    while (!(await store.apply(set('a', 20)).then(() => true, settle)));
    assert.equal((await store.get('a'))?.length, 20);
  } finally {
    if (isFrozen) thaw();
  }
});

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileStorageEmits } from '../../../src/extensions/file-storage/emits.ts';
import { fileName } from '../../../src/extensions/file-storage/file-name.ts';
import { fileStorage } from '../../../src/extensions/file-storage/file-storage.ts';
import { fakeHost } from '../fake-host.ts';
import { total } from '../runtime/fake-world.ts';

const component = 'exporter otlp_grpc';
const MiB = 1024 * 1024;

test('a large file opens without being read, shows damage where it is read, and is moved aside then', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-large-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const open = async () => {
    const { host } = fakeHost('file_storage', fileStorageEmits);
    const storage = await fileStorage.open({ directory }, host);
    return { host, storage, store: await storage.openStore(component) };
  };
  const before = await open();
  for (let n = 10; n < 80; n++) await before.store.apply([{ key: `${n}`, value: Buffer.alloc(MiB, n) }]);
  await before.storage.close();
  const file = openSync(join(directory, fileName(component)), 'r+');
  writeSync(file, Buffer.alloc(60 * MiB, 0xff), 0, 60 * MiB, 5 * MiB);
  closeSync(file);

  const { host, storage, store } = await open();
  const asides = () => readdirSync(directory).filter((name) => name.includes('.corrupt-')).length;
  assert.equal(asides(), 0);
  assert.equal((await store.get('10'))?.[0], 10);
  await assert.rejects(store.get('50'), { code: 'corrupt' });
  assert.equal(await store.get('10'), undefined);
  await store.apply([{ key: 'a', value: Buffer.from('new') }]);
  assert.equal(asides(), 1);
  assert.equal(total(host.counters, 'earshot.agent.storage.discarded', { component, reason: 'corrupt' }), 1);
  await storage.close();
});

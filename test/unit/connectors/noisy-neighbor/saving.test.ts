import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { fileStorageEmits } from '../../../../src/extensions/file-storage/emits.ts';
import { fileStorage } from '../../../../src/extensions/file-storage/file-storage.ts';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import type { FakeClock } from '../../fake-clock.ts';
import { fakeHost } from '../../fake-host.ts';
import type { MemoryStore } from '../../memory-store.ts';
import { total } from '../../runtime/fake-world.ts';
import { brief, connector, only } from './connector.ts';
import { body, calm, hurt, runs } from './runs.ts';
import { hurtBy } from './windows.ts';

test('histories are saved each five minutes, findings with the next second', async (t) => {
  const { start, store } = runs(t);
  const { windows, save, host } = await start();
  const keys = () => [...store.bytes.keys()].map((key) => key.split('/')[0]).sort();
  windows(hurt, 2);
  await save();
  assert.deepEqual(keys(), ['finding', 'format']);
  const { applied } = store;
  windows(hurt);
  await save();
  assert.equal(store.applied, applied, 'nothing has changed');
  (host.clock as FakeClock).block(seconds(300));
  await save();
  assert.deepEqual(keys(), ['finding', 'format', 'history']);
});

test('what could not be saved is saved when there is room', async (t) => {
  const { start, store } = runs(t);
  const { windows, save } = await start();
  windows(hurt, 2);
  store.failure = new Error('no space');
  await assert.rejects(save(), /no space/);
  store.failure = undefined;
  await save();
  assert.deepEqual(brief((await start()).windows(hurt, 2)), []);
});

test('while nothing can be saved, what waits for it is bounded, and later the store has what lives', async (t) => {
  const { start, store } = runs(t, { ...body, max_workloads: 8 });
  const { windows, save, abandon, close, host } = await start();
  const batch = (n: number) =>
    Object.fromEntries(Array.from({ length: 8 }, (_, of) => [`job ${n}-${of}`, hurtBy('etl')]));
  windows(batch(0), 6);
  (host.clock as FakeClock).block(seconds(300));
  await save();
  store.failure = new Error('no space');
  for (let n = 1; n < 100; n++) {
    windows(batch(n), 6);
    (host.clock as FakeClock).block(seconds(300));
    await assert.rejects(save(), /no space/);
  }
  store.failure = undefined;
  await save();
  const kept = [...store.bytes.keys()].filter((key) => key.startsWith('history/')).sort();
  assert.deepEqual(
    kept,
    Object.keys(batch(99)).map((name) => `history/${name}`),
  );
  assert.equal([...store.bytes.keys()].filter((key) => key.startsWith('finding/')).length, 8);
  store.failure = new Error('no space');
  for (let n = 100; n < 200; n++) windows(batch(n), 6);
  await assert.rejects(save(), /no space/);
  await assert.rejects(close(), /no space/);
  await abandon();
  const unsaved = total(host.counters, 'earshot.agent.findings.unsaved', { connector: host.id });
  assert.equal(unsaved, 32, 'eight findings and eight histories to write, and as many to delete');
});

for (const [name, spoil] of Object.entries<(store: MemoryStore) => void>({
  'of the first format': ({ bytes }) => void bytes.set('format', Buffer.from('1')),
  'of a later format': ({ bytes }) => void bytes.set('format', Buffer.from('3')),
  'that is no JSON': ({ bytes }) => void bytes.set('finding/x', Buffer.from('{')),
  'without its fields': ({ bytes }) => void bytes.set('finding/x', Buffer.from('{}')),
}))
  test(`saved state ${name} is discarded, counted and replaced`, async (t) => {
    const { start, store } = runs(t);
    const before = await start();
    before.windows(hurt, 3);
    await before.close();
    spoil(store);
    const { windows, host, logged, close } = await start();
    assert.equal(total(host.counters, 'earshot.agent.findings.discarded', { connector: host.id }), 1);
    assert.match(logged.join(), /begins without/);
    assert.deepEqual(brief(windows(hurt, 2)), ['begin WARN web noisy_neighbor etl']);
    await close();
    assert.deepEqual([...store.bytes.keys()].map((key) => key.split('/')[0]).sort(), [
      'finding',
      'format',
      'history',
    ]);
    assert.deepEqual(brief((await start()).windows(hurt, 2)), []);
  });

test('what cannot be read at the start is left as it is, and restored when it can be read', async (t) => {
  const { start, store } = runs(t);
  const before = await start();
  before.windows({ ...hurt, api: hurtBy('etl') }, 3);
  await before.close();
  const saved = new Map(store.bytes);
  store.failure = new Error('no files left');
  const { windows, save, host } = await start();
  assert.deepEqual(brief(windows(hurt)), []);
  await assert.rejects(save(), /no files left/);
  assert.deepEqual(store.bytes, saved);
  assert.equal(total(host.counters, 'earshot.agent.findings.discarded', { connector: host.id }), 0);
  store.failure = undefined;
  await save();
  assert.deepEqual(brief(windows(hurt, 2)), []);
  assert.deepEqual(brief(windows(calm, 3)).sort(), [
    'end INFO api noisy_neighbor etl',
    'end WARN web noisy_neighbor etl',
  ]);
});

test('a finding that has begun anew before the saved one could be read goes on', async (t) => {
  const { start, store } = runs(t);
  const before = await start();
  before.windows(hurt, 3);
  await before.close();
  store.failure = new Error('no files left');
  const { windows, save } = await start();
  assert.deepEqual(brief(windows(hurt, 2)), ['begin WARN web noisy_neighbor etl']);
  store.failure = undefined;
  await save();
  assert.deepEqual(brief(windows(calm, 3)), ['end WARN web noisy_neighbor etl']);
});

test('a connector that could not read what was saved, and is closed, has changed nothing', async (t) => {
  const { start, store } = runs(t);
  const before = await start();
  before.windows(hurt, 3);
  await before.close();
  const saved = new Map(store.bytes);
  store.failure = new Error('no files left');
  const { windows, close } = await start();
  windows(hurt, 3);
  await assert.rejects(close(), /no files left/);
  store.failure = undefined;
  assert.deepEqual(store.bytes, saved);
});

test('what was not saved before the close is counted, and the store is closed at once', async (t) => {
  const { start, store } = runs(t);
  const { windows, abandon, host, save } = await start();
  windows({ ...hurt, other: { run: 1 } }, 2);
  await save();
  const never = new Promise<never>(() => {});
  store.apply = () => never;
  (host.clock as FakeClock).block(seconds(300));
  windows(calm, 3);
  await abandon();
  assert.equal(total(host.counters, 'earshot.agent.findings.unsaved', { connector: host.id }), 3);
});

test('where one entry is damaged, none is restored', async (t) => {
  const { start, store } = runs(t);
  const before = await start();
  before.windows({ ...hurt, worker: hurtBy('etl') }, 30);
  await before.close();
  const history = JSON.parse(String(store.bytes.get('history/worker')));
  store.bytes.set('history/worker', Buffer.from(JSON.stringify({ ...history, current: {} })));
  const { windows, host } = await start();
  assert.equal(total(host.counters, 'earshot.agent.findings.discarded', { connector: host.id }), 1);
  const begin = only(windows(hurt, 2));
  assert.equal(begin.attributes[findingAttributes.trend.key], undefined, 'of a history that was decoded');
});

test('a finding that ends while others are saved is deleted', async (t) => {
  const { start, store } = runs(t);
  const { windows, save, close } = await start();
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`web ${n}`, hurtBy('etl')]));
  windows(many, 3);
  const { apply } = store;
  store.apply = async (changes) => {
    store.apply = apply;
    await store.apply(changes);
    windows(calm, 3);
  };
  await save();
  await save();
  assert.deepEqual([...store.bytes.keys()], ['format']);
  await close();
});

test('in files, all of many workloads is restored', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-restart-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const workloads = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`web ${n}`, hurtBy('etl')]));
  const run = async (first: number) => {
    const storage = await fileStorage.open({ directory }, fakeHost('file_storage', fileStorageEmits).host);
    const store = await storage.openStore('connector noisy_neighbor');
    return { storage, ...(await connector(t, body, { store, first })) };
  };
  const before = await run(0);
  assert.equal(before.windows(workloads, 12).filter(isBegin).length, 150);
  await before.close();
  await before.storage.close();
  const after = await run(12);
  assert.deepEqual(after.windows(workloads, 2).filter(isBegin), []);
  assert.equal(
    total(after.host.counters, 'earshot.agent.findings.active', { connector: after.host.id }),
    150,
  );
  await after.close();
  await after.storage.close();
});

const isBegin = ({ attributes }: ReadableLogRecord) => attributes[findingAttributes.state.key] === 'begin';

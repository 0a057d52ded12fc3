import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { fileStorageEmits } from '../../../../src/extensions/file-storage/emits.ts';
import { fileStorage } from '../../../../src/extensions/file-storage/file-storage.ts';
import { findingAttributes } from '../../../../src/telemetry/attributes/finding.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import type { FakeClock } from '../../fake-clock.ts';
import { fakeHost } from '../../fake-host.ts';
import { MemoryStore } from '../../memory-store.ts';
import { total } from '../../runtime/fake-world.ts';
import { brief, connector, only } from './connector.ts';
import { hurtBy, windowSeconds } from './windows.ts';

const calm = { web: { run: 1, waits: { idle: 0.001 } } };
const hurt = { web: hurtBy('etl') };
const body = { storage: 'file_storage', severities: [{ severity: 'WARN', score: 20 }], cool_down: '1m' };
const hour = 3600 / windowSeconds;

/** One run of the agent after another, with the same store. */
function runs(t: TestContext, settings: object = body) {
  const store = new MemoryStore();
  store.close = async () => {};
  let passed = 0;
  return {
    store,
    /** From the window behind the last one of the former run, or later. */
    async start(gap = 0, changed: object = {}) {
      const first = passed + gap;
      const run = await connector(t, { ...settings, ...changed }, { store, first });
      return {
        ...run,
        windows(...args: Parameters<typeof run.windows>) {
          const records = run.windows(...args);
          passed = run.passed;
          return records;
        },
      };
    },
  };
}

test('an active finding goes on after a restart: no second begin, the same id, its end', async (t) => {
  const { start } = runs(t, { ...body, cool_down: '5m' });
  const before = await start();
  const begin = only(before.windows(hurt, 4));
  await before.close();
  const { windows } = await start(3);
  assert.deepEqual(brief(windows(hurt, 5)), []);
  const end = only(windows(calm, 3));
  assert.deepEqual(brief([end]), ['end WARN web noisy_neighbor etl']);
  for (const key of [findingAttributes.id.key, findingAttributes.since.key])
    assert.equal(end.attributes[key], begin.attributes[key]);
  assert.deepEqual(brief(windows(hurt, 2)), ['begin WARN web noisy_neighbor etl']);
});

test('what is told at the end of a restored finding is what was told of it without a restart', async (t) => {
  const { start } = runs(t);
  const before = await start();
  const whole = await connector(t, body);
  for (const { windows } of [before, whole]) windows(hurt, 4);
  await before.close();
  const after = await start();
  const [restored, expected] = [after, whole].map(({ windows }) => only(windows({ other: { run: 1 } }, 3)));
  assert.deepEqual(restored?.attributes, expected?.attributes);
  assert.equal(restored?.body, expected?.body);
  assert.deepEqual(restored?.resource.attributes, expected?.resource.attributes);
});

test('the reason of an undetermined finding is the same after a restart', async (t) => {
  const { start } = runs(t);
  const before = await start();
  const blame = [{ cause: 'neighbor', culprit: 'etl', time: 1, excess: 0.5 }] as const;
  before.windows({ web: { run: 1, waits: { neighbor: 1, unknown: 0.6 }, blame } }, 4);
  await before.close();
  const ends = (await start()).windows({ other: { run: 1 } }, 3).map(({ body }) => String(body));
  assert.equal(ends.filter((body) => body.includes('for reasons that are not known')).length, 1, ends.join());
});

test('a finding that begins before the agent is killed has begun, and one that ended is over', async (t) => {
  const { start } = runs(t);
  const first = await start();
  first.windows(hurt, 2);
  await first.save(); // and then it is gone
  const second = await start();
  assert.deepEqual(brief(second.windows(hurt, 3)), []);
  second.windows(calm, 3);
  await second.save();
  const third = await start();
  assert.deepEqual(brief(third.windows(hurt, 2)), ['begin WARN web noisy_neighbor etl']);
});

test('the cool-down goes on: a finding is repeated a minute after it was reported last', async (t) => {
  const { start } = runs(t);
  const before = await start();
  before.windows(hurt, 8);
  await before.close();
  const { windows } = await start();
  assert.deepEqual(brief(windows(hurt, 5)), []);
  assert.deepEqual(brief(windows(hurt, 1)), ['repeat WARN web noisy_neighbor etl']);
});

test('an incident is led by the same finding after a restart', async (t) => {
  const { start } = runs(t);
  const both = { api: hurtBy('etl'), web: hurtBy('etl') };
  const before = await start();
  before.windows(hurt, 2);
  before.windows(both, 3);
  await before.close();
  const { windows, host } = await start();
  windows(both);
  assert.equal(total(host.counters, 'earshot.agent.findings.active', { connector: host.id }), 2);
  assert.deepEqual(brief(windows({ api: hurtBy('etl') }, 3)), [
    'end WARN web noisy_neighbor etl',
    'repeat WARN api noisy_neighbor etl',
  ]);
});

test('an escalation that was reached is not reported again, one that is due comes in time', async (t) => {
  const { start } = runs(t, { storage: 'file_storage' });
  const bad = { web: hurtBy('etl', { length: 0.05 }) };
  const first = await start();
  assert.deepEqual(brief(first.windows(bad, 4)), ['begin WARN web noisy_neighbor etl']);
  await first.close();
  const second = await start();
  assert.deepEqual(brief(second.windows(bad, 4)), ['escalate ERROR web noisy_neighbor etl']);
  await second.close();
  assert.deepEqual(brief((await start()).windows(bad, 4)), []);
});

const bad = { web: hurtBy('etl', { length: 0.05 }) };

test('the time between two runs does not count for how long a rule has held', async (t) => {
  const settings = { storage: 'file_storage', cool_down: '24h' };
  for (const gap of [0, 1, hour]) {
    const { start } = runs(t, settings);
    const first = await start();
    const before = first.windows(bad, 5);
    await first.close();
    const { windows } = await start(gap);
    assert.deepEqual(brief(before), ['begin WARN web noisy_neighbor etl']);
    assert.deepEqual(brief(windows(bad, 2)), [], String(gap));
    assert.deepEqual(brief(windows(bad, 1)), ['escalate ERROR web noisy_neighbor etl'], String(gap));
  }
  const { start } = runs(t, settings);
  const killed = await start();
  killed.windows(bad, 3);
  await killed.save();
  killed.windows(bad, 2);
  const { windows } = await start(hour);
  assert.deepEqual(brief(windows(bad, 4)), [], 'the windows that were not saved do not count');
  assert.deepEqual(brief(windows(bad, 2)), ['escalate ERROR web noisy_neighbor etl']);
});

test('what a rule has held is not taken for another rule, wherever it stands', async (t) => {
  const [warn, error] = [
    { severity: 'WARN', score: 20 },
    { severity: 'ERROR', score: 50, sustained_for: '30s' },
  ];
  const other = { severity: 'FATAL', score: 50, sustained_for: '20s' };
  const run = async (severities: readonly object[]) => {
    const { start } = runs(t, { storage: 'file_storage' });
    const first = await start();
    first.windows(bad, 5);
    await first.close();
    const { windows } = await start(0, { severities });
    return Array.from({ length: 8 }, () => brief(windows(bad))[0] ?? '');
  };
  const at = (window: number, severity: string) =>
    Array.from({ length: 8 }, (_, n) => (n === window ? `escalate ${severity} web noisy_neighbor etl` : ''));
  assert.deepEqual(await run([warn, error]), at(2, 'ERROR'));
  assert.deepEqual(await run([error, warn]), at(2, 'ERROR'), 'moved');
  assert.deepEqual(await run([warn, other]), at(5, 'FATAL'), 'in the place of one that is gone');
});

test('the usual p99 and that of the hour of the week survive a restart', async (t) => {
  const { start } = runs(t);
  const usual = (length: number) => ({ web: { run: 1, waits: { idle: 0.001 }, length } });
  const first = await start();
  first.windows(usual(0.02), hour + 1);
  await first.close();
  const second = await start();
  const begin = only(second.windows(hurt, 2));
  const baseline = Number(begin.attributes[findingAttributes.baseline.key]);
  assert.ok(Math.abs(baseline - 0.02) < 0.1 * 0.02, String(baseline));
  await second.close();
  const third = await start(7 * 24 * hour - hour);
  const later = third.windows({ web: hurtBy('batch') }, 2).at(-1);
  assert.equal(later?.attributes[findingAttributes.baseline.key], Math.fround(baseline), 'a week later');
});

test('fewer findings are restored than were active where less room is left, and histories of those seen last', async (t) => {
  const { start, store } = runs(t);
  const before = await start();
  before.windows({ a: hurtBy('x'), b: hurtBy('x'), c: hurtBy('x') }, 3);
  await before.close();
  assert.equal([...store.bytes.keys()].filter((key) => key.startsWith('history/')).length, 3);
  const { windows, close, host } = await start(0, { max_workloads: 2 });
  const evicted = { connector: host.id, reason: 'candidate' };
  assert.equal(total(host.counters, 'earshot.agent.findings.evicted', evicted), 1);
  windows({ a: hurtBy('x'), b: hurtBy('x') });
  assert.equal(total(host.counters, 'earshot.agent.findings.active', { connector: host.id }), 2);
  await close();
  assert.equal([...store.bytes.keys()].filter((key) => key.startsWith('finding/')).length, 2);
  const histories = [...store.bytes.keys()].filter((key) => key.startsWith('history/'));
  assert.deepEqual(histories.sort(), ['history/a', 'history/b']);
});

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

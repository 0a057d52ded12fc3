import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFrom, watchSchedulingModes } from '../../../../src/receivers/scheduler/scheduling-modes.ts';
import { fakeHost } from '../../fake-host.ts';

function setUp(files: Record<string, string> = {}) {
  const { host, logged } = fakeHost('scheduler');
  const look = watchSchedulingModes((path) => files[path.replace('/sys/kernel/sched_ext/', '')], host.log);
  return { files, look, logged };
}

test('a kernel without sched_ext has no other way to schedule', () => {
  const { look, logged } = setUp();
  assert.deepEqual([look({}), logged], [{}, []]);
});

test('a BPF scheduler is named while it is enabled, and each change is logged once', () => {
  const { files, look, logged } = setUp({ state: 'disabled', enable_seq: '0' });
  assert.deepEqual(look({}), {});
  Object.assign(files, { state: 'enabled', enable_seq: '1', 'root/ops': 'simple' });
  assert.deepEqual([look({}), look({})], [{ ext: 'simple' }, { ext: 'simple' }]);
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', /"ext":"simple".*sched_ext/);
  Object.assign(files, { state: 'disabled' });
  assert.deepEqual(look({}), {});
  assert.match(logged[1] ?? '', /by its own rules again/);
});

test('a BPF scheduler that came and went between two readings is seen in the second, once', () => {
  const { files, look } = setUp({ state: 'disabled', enable_seq: '4' });
  Object.assign(files, { enable_seq: '5' });
  assert.deepEqual([look({}), look({})], [{ ext: 'unknown' }, {}]);
});

test('core scheduling is seen by threads with cookies', () => {
  const { look, logged } = setUp();
  assert.deepEqual([look({ core_scheduled: 12 }), look({})], [{ core: true }, {}]);
  assert.match(logged[0] ?? '', /cookies/);
});

test("files are the host's, and one that is absent is no error", () => {
  const root = mkdtempSync(join(tmpdir(), 'earshot-modes-'));
  mkdirSync(join(root, 'sys'));
  writeFileSync(join(root, 'sys/state'), 'enabled\n');
  const read = readFrom((path) => join(root, path));
  assert.deepEqual([read('/sys/state'), read('/sys/other')], ['enabled', undefined]);
  rmSync(root, { recursive: true });
});

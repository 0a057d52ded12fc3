import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { findCpuHierarchy, readMountinfo } from '../../src/cgroup/hierarchy.ts';
import { findOwnCgroup } from '../../src/cgroup/own.ts';
import { checkSource } from '../../src/receivers/scheduler/check-source.ts';
import type { LiveSource } from '../../src/receivers/scheduler/live-scheduler.ts';
import { selfTest } from '../../src/receivers/scheduler/self-test.ts';
import { waitsOf } from '../lab/threads.ts';
import { bpf, makeCgroup, mountPoint, native, openScheduler, removeCgroups } from './scheduler-fixture.ts';

/** The self-test on this machine's scheduler. */

const own = findOwnCgroup(
  readFileSync('/proc/self/cgroup', 'latin1'),
  findCpuHierarchy(readMountinfo())?.mounts ?? [],
);
let source: LiveSource | undefined;
const attach = () => {
  source = openScheduler();
  return source;
};
afterEach(() => {
  source?.close();
  source = undefined;
});
after(removeCgroups);

test('self-test: passes on this machine within 100 ms and what it waits for a CPU, with one log line', async () => {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) });
  const tested = attach();
  const tries = 5; // each can be held up by what else the machine does
  const thread = [`/proc/self/task/${process.pid}`];
  const times: number[] = [];
  for (let i = 0; i < tries; i++) {
    const before = { wait: waitsOf(thread).wait, time: native.monotonic() };
    const features = await checkSource(tested, bpf, { cgroup: own, log });
    times.push(Number(native.monotonic() - before.time) - (waitsOf(thread).wait - before.wait));
    assert.equal(features.self_test, 'passed');
    assert.match(features.throttle_clock, /^(wall|pelt|task)$/);
  }
  assert.equal(lines.length, tries);
  for (const { took_ms, ...line } of lines) {
    assert.equal(typeof took_ms, 'number');
    assert.deepEqual(line, { level: 30, msg: 'Self-test passed.' });
  }
  assert.ok(Math.min(...times) < 100e6, `took ${times} ns`);
});

test("self-test: fails if the own cgroup's directory is another cgroup's", async () => {
  const { id, directory } = makeCgroup('not-ours');
  const result = await selfTest({
    source: attach(),
    cgroup: { kind: 'found', id, directory },
    seesAllTasks: true,
    kernelStruct: (name) => native.kernelStruct(name),
    monotonic: () => native.monotonic(),
    cpu: () => undefined,
    sleep,
  });
  assert.deepEqual([...result.failed.keys()], ['cgroup']);
  assert.match(result.failed.get('cgroup') ?? '', new RegExp(`not-ours \\(cgroup id ${id}\\)`));
  assert.deepEqual([...result.unchecked.keys()], ['clock'], 'the CPU of this thread is unknown');
});

test('own cgroup: the path from /proc is that of the cgroup the process is in', () => {
  const cgroup = own;
  assert.equal(cgroup.kind, 'found');
  assert.ok(cgroup.directory.startsWith(mountPoint));
  const members = readFileSync(`${cgroup.directory}/cgroup.procs`, 'utf8').split('\n');
  assert.ok(members.includes(String(process.pid)), `${cgroup.directory} does not have this process`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuLine, idle, Threads } from '../../../../bench/accuracy/perf/threads.ts';

test('a child belongs to the cgroup of its parent until it moves', () => {
  const threads = new Threads(2, [[3, '/a']]);
  threads.fork(3, 4);
  assert.equal(threads.party(4), '/a');
  threads.attach(2, '/b', 4);
  assert.equal(threads.party(4), '/b');
  assert.equal(threads.party(3), '/a');
});

test('a move in a hierarchy without the cpu controller changes nothing', () => {
  const threads = new Threads(2, [[3, '/a']]);
  threads.attach(7, '/b', 3);
  assert.equal(threads.party(3), '/a');
});

test('thread 0 is the idle CPU', () => {
  assert.equal(new Threads(2, []).party(0), idle);
});

test('the hierarchy is the one with the cpu controller, of version 1 or 2', () => {
  assert.deepEqual(cpuLine('9:cpuset:/x\n4:cpu,cpuacct:/a\n0::/b\n'), { hierarchy: 4, path: '/a' });
  assert.deepEqual(cpuLine('0::/b\n'), { hierarchy: 0, path: '/b' });
  assert.throws(() => cpuLine('9:cpuset:/x\n'), /no hierarchy has the cpu controller/);
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Native, NativeObject } from '../../../src/bpf/native.ts';
import { attachFixture, native, openDescriptors, openFixture } from './fixture.ts';

let object: NativeObject;
before(() => {
  object = attachFixture();
});
after(() => native.close(object));

/** The addon without its types: what JavaScript could pass. */
const untyped = native as unknown as Record<keyof Native, (...values: readonly unknown[]) => unknown>;

test('an incomplete or mistyped target, or one of an unknown kind, is refused and its property named', () => {
  const attach = (target: unknown) => () => untyped.attachProgram(object, 'on_syscall', target);
  const descriptors = openDescriptors();
  const binary = '/nonexistent';
  for (const [target, message] of [
    ['text', /target: must be an object/],
    [null, /target: must be an object/],
    [{}, /kind: must be a string/],
    [{ kind: 'absent' }, /absent: no such kind of target/],
    [{ kind: 'uprobe' }, /binary: a target of kind uprobe needs it/],
    [{ kind: 'uprobe', binary: 'a\0b' }, /NUL/],
    [{ kind: 'uprobe', binary, hz: 1 }, /hz: a target of kind uprobe cannot have it/],
    [{ kind: 'uprobe', binary, offset: -1 }, /offset: must be an integer/],
    [{ kind: 'uprobe', binary, offset: '1' }, /offset: must be an integer/],
    [{ kind: 'uprobe', binary, pid: 0 }, /pid: must be an integer from 1/],
    [{ kind: 'uprobe', binary, pid: 2 ** 31 }, /pid: must be an integer from 1/],
    [{ kind: 'uprobe', binary, isReturn: 1 }, /isReturn: .*boolean/],
    [{ kind: 'uprobe_multi', binary, offsets: 1 }, /offsets: must be an array/],
    [{ kind: 'uprobe_multi', binary, offsets: [] }, /offsets: must have 1 to/],
    [{ kind: 'uprobe_multi', binary, offsets: [1, '2'] }, /offsets: must be an integer/],
    [{ kind: 'uprobe_multi', binary, offsets: [1], cookies: [1, 2] }, /cookies: must be as many/],
    [{ kind: 'usdt', binary, name: 'x' }, /provider: .* needs it/],
    [{ kind: 'perf_event' }, /hz: .* needs it/],
    [{ kind: 'perf_event', hz: 99 }, /cpus: .* needs them or `pid`/],
    [{ kind: 'perf_event', hz: 99, cpus: [] }, /cpus: must have 1 to/],
    [{ kind: 'perf_event', hz: 0 }, /hz: must be an integer from 1/],
    [{ kind: 'cgroup', path: 1 }, /path: must be a string/],
    [{ kind: 'tcx', ifindex: 1, direction: 'up' }, /direction: must be/],
    [{ kind: 'tracepoint', name: 'x' }, /category: .* needs it/],
    [{ kind: 'kprobe' }, /function: .* needs it/],
  ] as const)
    assert.throws(attach(target), message, JSON.stringify(target));
  const throwing = {
    get kind() {
      throw new RangeError('from a getter');
    },
  };
  assert.throws(attach(throwing), { name: 'RangeError' });
  assert.equal(openDescriptors(), descriptors);
});

test('detach is refused a second time, and through another object', () => {
  const other = openFixture();
  assert.throws(() => native.attachProgram(other, 'on_syscall'), { code: 'EBADF', message: /not loaded/ });
  assert.throws(() => native.attachProgram(other, 'absent'), { code: 'ENOENT', message: /no program/ });
  native.load(other);
  const link = native.attachProgram(other, 'on_syscall');
  assert.throws(() => native.detach(object, link), { code: 'EBADF', message: /not a link of this object/ });
  native.detach(other, link);
  assert.throws(() => native.detach(other, link), { code: 'EBADF' });
  for (const wrong of [-1, 0.5, 2 ** 32])
    assert.throws(() => untyped.detach(other, wrong), { code: 'ERANGE' });
  native.close(other);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BpfSpec } from '../../../src/bpf/bpf.ts';
import type { Native } from '../../../src/bpf/native.ts';
import { openObject } from '../../../src/bpf/object.ts';
import { fakeMap, fakeNative } from './fake-native.ts';

const spec: BpfSpec = { object: 'scheduler', purpose: 'attach to the scheduler' };

function open(answers: Partial<Native> = {}) {
  const { native, calls } = fakeNative(answers);
  let releases = 0;
  const object = openObject(native, spec, () => {
    releases++;
  });
  calls.length = 0;
  return { object, calls, releases: () => releases };
}

test('maps are found by name; an unknown name is an error that names the object', () => {
  const { object } = open();
  assert.equal(object.map('events').name, 'events');
  assert.throws(() => object.map('event'), {
    message: 'cannot find map "event": scheduler.bpf.o has none of that name',
  });
});

test('memory is the sum over all maps', () => {
  assert.equal(open().object.memory, 4096 + 8192);
});

test('all programs are attached, or one of them', () => {
  const { object, calls } = open();
  object.attach();
  const link = object.attach('on_switch');
  link.detach();
  link.detach();
  assert.deepEqual(calls, ['attach scheduler', 'attach program on_switch', 'detach 7']);
});

test('an attachment that the kernel refuses is unsupported', () => {
  const refuse = () => {
    throw Object.assign(new Error('cannot attach on_switch: EPERM'), { code: 'EPERM' });
  };
  const { object } = open({ attach: refuse, attachProgram: refuse });
  assert.throws(() => object.attach(), { code: 'UNSUPPORTED' });
  assert.throws(() => object.attach('on_switch'), { code: 'UNSUPPORTED' });
});

test('a link of a closed object is detached already', () => {
  const { object, calls } = open();
  const link = object.attach('on_switch');
  object.close();
  link.detach();
  assert.deepEqual(calls, ['attach program on_switch', 'close scheduler']);
});

/** An iterator that writes these. */
function writing(...writes: readonly number[]) {
  const left = [...writes];
  return open({ readIterator: (_object, _iterator, into) => Math.min(left.shift() ?? 0, into.length) });
}

test('an iterator is read until its end, at once or in steps', () => {
  const into = new Uint8Array(8);
  const { object, calls } = writing(5, 3);
  assert.equal(object.iterate('markers', into), 8);
  const steps = writing(8, 8, 1);
  assert.deepEqual([...steps.object.iterateInSteps('on_progress', into)], [8, 8, 1]);
  assert.deepEqual(calls, ['iterate markers', 'close iterator 9']);
  assert.deepEqual(steps.calls, ['iterate on_progress', 'close iterator 9']);
});

test('an iterator that writes more than fits is closed and refused', () => {
  const { object, calls } = writing(5, 3, 1);
  assert.throws(() => object.iterate('markers', new Uint8Array(8)), { code: 'ENOBUFS' });
  assert.deepEqual(calls, ['iterate markers', 'close iterator 9']);
});

test('steps of an iterator that are left, or fail, close it; those of a closed object end with it', () => {
  const into = new Uint8Array(8);
  const left = writing(8, 8);
  for (const _ of left.object.iterateInSteps('on_progress', into)) break;
  assert.deepEqual(left.calls, ['iterate on_progress', 'close iterator 9']);
  const failing = open({ readIterator: () => assert.fail('out of memory') });
  assert.throws(() => failing.object.iterateInSteps('on_progress', into).next(), /out of memory/);
  assert.deepEqual(failing.calls, ['iterate on_progress', 'close iterator 9']);
  const closed = writing(8, 8);
  const steps = closed.object.iterateInSteps('on_progress', into);
  steps.next();
  closed.object.close();
  steps.return();
  assert.deepEqual(closed.calls, ['iterate on_progress', 'close scheduler']);
});

test('close is idempotent', () => {
  const { object, calls, releases } = open();
  object.close();
  object.close();
  assert.deepEqual(calls, ['close scheduler']);
  assert.equal(releases(), 1);
});

test('programs are listed with their section', () => {
  assert.deepEqual(open().object.programs[0], { name: 'on_switch', section: 'tp_btf', isAttached: true });
});

test('losses are sums over CPUs by reason', () => {
  const { object } = open({
    maps: () => [
      fakeMap({ name: 'cells' }),
      fakeMap({ name: 'losses', type: 'percpu_array', valueSize: 16 }),
    ],
    enumValues: () => ({ LOSS_RING_FULL: 0, LOSS_PATH_TRUNCATED: 1, LOSS_COUNT: 2 }),
    lookup: (_, name) =>
      name === 'losses' ? new Uint8Array(BigUint64Array.of(1n, 20n, 300n, 4000n).buffer) : undefined,
  });
  assert.deepEqual(object.losses(), { ring_full: 301, path_truncated: 4020 });
});

test('an object without the losses header has no losses', () => {
  assert.deepEqual(open().object.losses(), {});
});

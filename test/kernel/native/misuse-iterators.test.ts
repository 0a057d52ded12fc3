import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { iterate, iterateInSteps } from '../../../src/bpf/iterator.ts';
import type { Native, NativeObject } from '../../../src/bpf/native.ts';
import { builtObject, fixture, native, openDescriptors, openFixture } from './fixture.ts';

let object: NativeObject;
before(() => {
  object = native.open(fixture('iterators.bpf.o'), {});
  native.load(object);
});
after(() => native.close(object));

/** The addon without its types: what JavaScript could pass. */
const untyped = native as unknown as Record<keyof Native, (...values: readonly unknown[]) => unknown>;
const bytes = (length: number) => new Uint8Array(length);

test('an iterator that cannot run is refused by name', () => {
  const descriptors = openDescriptors();
  const other = openFixture();
  assert.throws(() => native.openIterator(other, 'on_syscall'), { code: 'EBADF', message: /not loaded/ });
  native.load(other);
  assert.throws(() => native.openIterator(other, 'absent'), {
    code: 'ENOENT',
    message: 'cannot iterate absent: no program of this name in the object',
  });
  assert.throws(() => native.openIterator(other, 'on_syscall'), {
    code: 'EINVAL',
    message: /not an iterator/,
  });
  native.close(other);
  assert.equal(openDescriptors(), descriptors);
});

test('an iterator is closed once, and neither read afterwards nor through another object', () => {
  const descriptors = openDescriptors();
  const other = openFixture();
  const iterator = native.openIterator(object, 'tasks');
  for (const call of [
    () => native.readIterator(other, iterator, bytes(8)),
    () => native.closeIterator(other, iterator),
  ])
    assert.throws(call, { code: 'EBADF', message: /not an iterator of this object/ });
  native.close(other);
  assert.equal(native.readIterator(object, iterator, bytes(8)), 8);
  native.closeIterator(object, iterator);
  assert.throws(() => native.readIterator(object, iterator, bytes(8)), { code: 'EBADF' });
  assert.throws(() => native.closeIterator(object, iterator), {
    code: 'EBADF',
    message: 'cannot close iterator iterators.bpf.o: not an iterator of this object, or closed already',
  });
  for (const wrong of [-1, 0.5, 2 ** 32]) {
    assert.throws(() => untyped.closeIterator(object, wrong), { code: 'ERANGE' });
    assert.throws(() => untyped.readIterator(object, wrong, bytes(8)), { code: 'ERANGE' });
  }
  assert.equal(openDescriptors(), descriptors);
});

test('an iterator that has come to its end stays there', () => {
  const iterator = native.openIterator(object, 'tasks');
  const into = bytes(4096);
  let reads = 0;
  while (native.readIterator(object, iterator, into) > 0) reads++;
  assert.ok(reads > 0);
  assert.equal(native.readIterator(object, iterator, into), 0);
  native.closeIterator(object, iterator);
});

test('iterators that are open are closed with their object', () => {
  const descriptors = openDescriptors();
  const other = native.open(fixture('iterators.bpf.o'), {});
  native.load(other);
  const inMidst = native.openIterator(other, 'tasks');
  native.openIterator(other, 'elements', { kind: 'map', map: 'numbers' });
  native.readIterator(other, inMidst, bytes(8));
  native.close(other);
  assert.equal(openDescriptors(), descriptors);
  assert.throws(() => native.readIterator(other, inMidst, bytes(8)), { code: 'ECLOSED' });
});

test('steps that are not taken to their end leave no descriptor, before or after the object is closed', () => {
  const descriptors = openDescriptors();
  for (const isClosed of [false, true]) {
    const other = native.open(fixture('iterators.bpf.o'), {});
    native.load(other);
    const isOpen = () => !isClosed;
    const steps = iterateInSteps(native, other, { program: 'tasks', into: bytes(8), isOpen });
    assert.equal(steps.next().value, 8);
    if (isClosed) native.close(other);
    steps.return();
    native.close(other);
  }
  assert.equal(openDescriptors(), descriptors);
});

test('a destination that is empty or too short is refused, and not overrun', () => {
  const descriptors = openDescriptors();
  const iterator = native.openIterator(object, 'tasks');
  assert.throws(() => native.readIterator(object, iterator, bytes(0)), {
    code: 'EINVAL',
    message: 'cannot read iterator destination: must not be empty',
  });
  native.closeIterator(object, iterator);
  const markers = native.open(builtObject('markers.bpf.o'), {});
  native.load(markers);
  const marker = native.createMarker('misuse');
  for (const length of [0, 1, 19]) {
    const whole = bytes(40).fill(0xee);
    const into = whole.subarray(8, 8 + length);
    assert.throws(() => iterate(native, markers, { program: 'markers', into }), {
      code: 'ENOBUFS',
      message: 'cannot iterate markers: the destination is too small',
    });
    assert.ok(whole.subarray(8 + length).every((byte) => byte === 0xee));
  }
  native.closeMarker(marker.token);
  native.close(markers);
  assert.equal(openDescriptors(), descriptors);
});

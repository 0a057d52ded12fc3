import assert from 'node:assert/strict';
import { test } from 'node:test';
import { btfOf, required } from '../../../src/bpf/layout.ts';
import type { NativeObject } from '../../../src/bpf/native.ts';

const object = {} as NativeObject;
const member = (offset: number, length = 1) => ({ offset, size: 8 * length, length });
const btf = btfOf(
  {
    structLayout: () => ({ size: 48, members: { serial: member(0), wait: member(8), class: member(16, 4) } }),
    enumValues: () => ({ CLASS_SELF: 0, CLASS_OTHER: 1, CLASS_COUNT: 2, OTHER_ENUM: 3 }),
  },
  object,
);

test('a layout has the size of the struct and the offset of each requested member', () => {
  assert.deepEqual(btf.layout('cell', ['wait', 'class']), { size: 48, wait: 8, class: 16 });
});

test('a member missing in the object is an error at start', () => {
  assert.throws(() => btf.layout('cell', ['wait', 'gone']), {
    message: 'cannot decode kernel data: no member "gone"',
  });
});

test('an array member has a length, another one 1, an absent one 0', () => {
  assert.deepEqual(
    ['class', 'wait', 'gone'].map((name) => btf.lengthOf('cell', name)),
    [4, 1, 0],
  );
});

test('names of an enum are without prefix and in lower case; its COUNT is none of them', () => {
  assert.deepEqual(btf.names('wait_class', 'CLASS_'), { self: 0, other: 1 });
});

test('a missing enum value that the code requires is an error that names it', () => {
  assert.equal(required({ wait: 1 }, 'wait'), 1);
  assert.throws(() => required({}, 'wait'), { message: 'cannot decode kernel data: no enum value "wait"' });
});

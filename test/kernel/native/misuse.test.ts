import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadNative, type Native, type NativeObject } from '../../../src/bpf/native.ts';
import { attachFixture, fixture, native, openDescriptors, openFixture } from './fixture.ts';

let object: NativeObject;
before(() => {
  object = attachFixture();
});
after(() => native.close(object));

/** The addon without its types: what JavaScript could pass. */
const untyped = native as unknown as Record<keyof Native, (...values: readonly unknown[]) => unknown>;
const bytes = (length: number) => new Uint8Array(length);

/** A correct call of each function that takes an object, after the object. */
const calls: Partial<Record<keyof Native, readonly unknown[]>> = {
  load: [],
  attach: [],
  map: ['cells'],
  maps: [],
  lookup: ['squares', bytes(4)],
  update: ['squares', bytes(4), bytes(8)],
  remove: ['squares', bytes(4)],
  readArray: ['cells', bytes(64)],
  readHash: ['squares', bytes(256), bytes(512)],
  deleteKeys: ['squares', bytes(4), 1],
  drain: ['records', bytes(24), 24],
  programs: [],
  openIterator: ['on_syscall'],
  readIterator: [1, bytes(64)],
  closeIterator: [1],
  attachProgram: ['on_syscall'],
  detach: [1],
  structLayout: ['layout'],
  enumValues: ['shape'],
};
const names = Object.keys(calls) as (keyof typeof calls)[];

for (const name of names) {
  const rest = calls[name] ?? [];
  test(`${name} refuses a value that is no BPF object`, () => {
    for (const wrong of [undefined, null, 1, 'text', {}, [], () => 0, bytes(8), Object.create(object)])
      assert.throws(() => untyped[name](wrong, ...rest), { code: 'EINVAL', message: /must be a BPF object/ });
  });

  test(`${name} refuses a closed object`, () => {
    const closed = openFixture();
    native.close(closed);
    native.close(closed);
    assert.throws(() => untyped[name](closed, ...rest), {
      code: 'ECLOSED',
      message: /the BPF object is closed/,
    });
  });

  test(`${name} refuses missing and mistyped arguments`, () => {
    assert.throws(() => untyped[name](), { code: 'EINVAL', message: /arguments, not 0/ });
    for (const [position] of rest.entries()) {
      const mistyped = [object, ...rest];
      for (const wrong of [undefined, null, {}, Symbol('wrong'), new Uint16Array(64), Number.NaN]) {
        mistyped[position + 1] = wrong;
        assert.throws(() => untyped[name](...mistyped), /must be|arguments/, `${position}: ${String(wrong)}`);
      }
    }
  });
}

test('unknown and impossible names are refused and named', () => {
  assert.throws(() => native.map(object, 'absent'), {
    code: 'ENOENT',
    message: 'cannot describe map absent: no map of this name in the object',
  });
  assert.throws(() => native.map(object, 'cells\0'), { code: 'EINVAL', message: /NUL/ });
  assert.throws(() => native.map(object, 'x'.repeat(300)), { code: 'ENAMETOOLONG' });
  assert.throws(() => native.structLayout(object, 'absent'), {
    code: 'ENOENT',
    message: /absent: no such type/,
  });
  assert.throws(() => native.enumValues(object, 'absent'), {
    code: 'ENOENT',
    message: /absent: no such type/,
  });
  assert.throws(() => native.structLayout(object, 'bits'), { code: 'EINVAL', message: /three: a bit field/ });
  assert.throws(() => untyped.kernelStruct(1), { code: 'EINVAL', message: /must be a string/ });
  assert.throws(() => untyped.kernelMemberType('rq', 1), { code: 'EINVAL', message: /must be a string/ });
});

test('a buffer too short is refused before the first write', () => {
  const short = bytes(63).fill(0xee);
  assert.throws(() => native.readArray(object, 'cells', short), {
    code: 'ERANGE',
    message: /cells: .* smaller/,
  });
  assert.ok(short.every((byte) => byte === 0xee));
  for (const [first, count, stride] of [
    [0, 1, 0],
    [0, 1, 3],
    [2, 1, 2],
    [1, 2, 2],
    [2 ** 32 - 1, 2, 2],
  ] as const)
    assert.throws(() => native.readArray(object, 'cells', bytes(64), first, count, stride), {
      code: 'ERANGE',
      message: /cells: .* whole rows/,
    });
  assert.throws(() => native.readArray(object, 'cells', bytes(31), 0, 1, 2), { code: 'ERANGE' });
  assert.throws(() => native.readHash(object, 'squares', bytes(255), bytes(512)), { code: 'ERANGE' });
  assert.throws(() => native.readHash(object, 'squares', bytes(256), bytes(511)), { code: 'ERANGE' });
  assert.throws(() => native.deleteKeys(object, 'squares', bytes(7), 2), { code: 'ERANGE' });
  assert.throws(() => native.drain(object, 'records', bytes(23), 20), { code: 'ERANGE' });
  assert.throws(() => native.drain(object, 'records', bytes(24), 0), { code: 'ERANGE' });
  for (const wrong of [-1, 1.5, 2 ** 32, Number.POSITIVE_INFINITY])
    assert.throws(() => native.drain(object, 'records', bytes(24), wrong), { code: 'ERANGE' });
});

test('a key or value of another size is refused, and so are unknown flags', () => {
  for (const length of [0, 3, 5]) {
    const key = bytes(length);
    const refusal = { code: 'ERANGE', message: new RegExp(`squares: a key has 4 bytes, not ${length}`) };
    assert.throws(() => native.lookup(object, 'squares', key), refusal);
    assert.throws(() => native.update(object, 'squares', key, bytes(8)), refusal);
    assert.throws(() => native.remove(object, 'squares', key), refusal);
  }
  assert.throws(() => native.update(object, 'squares', bytes(4), bytes(9)), {
    code: 'ERANGE',
    message: 'cannot update squares: a value has 8 bytes, not 9',
  });
  for (const flags of [-1, 0.5, 2n ** 64n, 2 ** 54])
    assert.throws(() => untyped.update(object, 'squares', bytes(4), bytes(8), flags), { code: 'ERANGE' });
  assert.throws(() => native.update(object, 'squares', bytes(4), bytes(8), 99), { code: 'EINVAL' });
  assert.throws(() => native.lookup(object, 'records', bytes(0)), { code: 'ENOTSUPP' });
  assert.throws(() => native.lookup(openFixture(), 'squares', bytes(4)), {
    code: 'EBADF',
    message: /not loaded/,
  });
});

test('load settings and shared maps with unknown names are refused', () => {
  const open = (options: unknown) => () => untyped.open(fixture('native.bpf.o'), options);
  assert.throws(open({ programs: { absent: {} } }), { code: 'ENOENT', message: /absent: no program/ });
  assert.throws(open({ programs: { on_syscall: { typ: '' } } }), { message: /typ: no such option/ });
  assert.throws(open({ programs: { on_syscall: { type: 'absent' } } }), { message: /absent: no type/ });
  assert.throws(open({ programs: { on_syscall: { attachType: 'absent' } } }), { message: /no type/ });
  assert.throws(open({ programs: { on_syscall: { type: 1 } } }), { message: /type: must be a string/ });
  assert.throws(open({ reuse: { squares: {} } }), { message: /must be a BPF object/ });
  assert.throws(open({ reuse: { absent: object } }), { code: 'ENOENT', message: /in the object/ });
  assert.throws(open({ reuse: { squares: openFixture() } }), { code: 'EBADF', message: /not loaded/ });
  const other = openFixture({}, 'maps.bpf.o');
  native.load(other);
  assert.throws(open({ reuse: { squares: other } }), { code: 'ENOENT', message: /in the other object/ });
  native.close(other);
});

test('a process that does not exist has no descriptor', () => {
  for (const [pid, code] of [
    [0, 'EINVAL'],
    [2 ** 31 - 1, 'ESRCH'],
    [2 ** 31, 'EINVAL'],
  ] as const)
    assert.throws(() => native.pidfd(pid), { code });
});

test('a map of another type is refused', () => {
  assert.throws(() => native.readArray(object, 'unmappable', bytes(64)), { message: /BPF_F_MMAPABLE/ });
  assert.throws(() => native.readArray(object, 'squares', bytes(4096)), { message: /BPF_F_MMAPABLE/ });
  assert.throws(() => native.readHash(object, 'records', bytes(64), bytes(64)), { message: /can be walked/ });
  for (const map of ['records', 'cells'])
    assert.throws(() => native.deleteKeys(object, map, bytes(4), 1), { message: /can be deleted/ });
  assert.throws(() => native.drain(object, 'squares', bytes(64), 24), { message: /not a ring buffer/ });
});

test('unknown constants and values out of range are refused', () => {
  const open = (rodata: Record<string, unknown>) => () => untyped.open(fixture('native.bpf.o'), { rodata });
  for (const name of ['absent', 'list', 'runs'])
    assert.throws(open({ [name]: 1 }), {
      code: 'ENOENT',
      message: new RegExp(`open ${name}: no constant integer`),
    });
  const refused: readonly (readonly [string, unknown])[] = [
    ['small', 65536],
    ['small', -1],
    ['small', 0.5],
    ['small', Number.NaN],
    ['small', '1'],
    ['flag', 2],
    ['negative', 2147483648],
    ['negative', -2147483649],
    ['wide', -1n],
    ['wide', 2n ** 64n],
    ['wide', 2 ** 60],
    ['step', 2n ** 63n],
    ['step', -(2n ** 63n) - 1n],
  ];
  for (const [name, value] of refused)
    assert.throws(
      open({ [name]: value }),
      { code: 'ERANGE', message: /must be an integer of/ },
      `${name}: ${value}`,
    );
});

test('unknown or mistyped options, or with unknown names, are refused, and no descriptor stays open', () => {
  const open = (options: unknown) => () => untyped.open(fixture('native.bpf.o'), options);
  const descriptors = openDescriptors();
  assert.throws(open({ rodat: {} }), { code: 'EINVAL', message: 'cannot open rodat: no such option' });
  assert.throws(open({ verifierStatistics: 1 }), {
    code: 'EINVAL',
    message: 'cannot open verifierStatistics: the value must be a boolean',
  });
  assert.throws(open('text'), { code: 'EINVAL', message: /options: must be an object/ });
  assert.throws(open({ rodata: 1 }), { code: 'EINVAL', message: /rodata: must be an object/ });
  assert.throws(open({ maxEntries: { absent: 1 } }), { code: 'ENOENT', message: /absent/ });
  assert.throws(open({ maxEntries: { squares: 0 } }), { code: 'EINVAL' });
  assert.throws(open({ maxEntries: { squares: -1 } }), { code: 'ERANGE' });
  assert.throws(open({ without: ['absent'] }), { code: 'ENOENT', message: /absent: no program/ });
  assert.throws(open({ without: [1] }), { code: 'EINVAL', message: /must be a string/ });
  const throwing = {
    get rodata() {
      throw new RangeError('from a getter');
    },
  };
  assert.throws(open(throwing), { name: 'RangeError', message: 'from a getter' });
  assert.equal(openDescriptors(), descriptors);
});

test('a missing file, or one that is no BPF object, is refused with the message of libbpf', () => {
  assert.throws(() => native.open('/nonexistent.bpf.o', {}), {
    code: 'ENOENT',
    message: /^cannot open \/nonexistent\.bpf\.o: .*No such file or directory$/,
  });
  const empty = join(mkdtempSync(join(tmpdir(), 'earshot-')), 'empty.bpf.o');
  writeFileSync(empty, '');
  assert.throws(
    () => native.open(empty, {}),
    (error: Error & { log?: string }) =>
      error.message.startsWith(`cannot open ${empty}: `) && error.log?.includes('ELF') === true,
  );
});

test('a directory or a device is refused as such, and left closed', () => {
  const descriptors = openDescriptors();
  assert.throws(() => native.open('/', {}), { code: 'EISDIR', message: 'cannot open /: Is a directory' });
  assert.throws(() => native.open('/dev/null', {}), {
    code: 'EINVAL',
    message: 'cannot open /dev/null: not a regular file',
  });
  assert.equal(openDescriptors(), descriptors);
});

test('calls out of order are refused', () => {
  const fresh = openFixture();
  assert.throws(() => native.attach(fresh), {
    code: 'EBUSY',
    message: /native\.bpf\.o: the object is not loaded/,
  });
  assert.throws(() => native.readArray(fresh, 'cells', bytes(64)), { code: 'EBADF', message: /not loaded/ });
  native.load(fresh);
  assert.throws(() => native.load(fresh), { code: 'EBUSY', message: /already loaded/ });
  native.attach(fresh);
  assert.throws(() => native.attach(fresh), { code: 'EBUSY', message: /already attached/ });
  native.close(fresh);
});

test('marker: an invalid name, a second close and too many markers are refused', () => {
  for (const [name, code] of [
    ['x'.repeat(16), 'ENAMETOOLONG'],
    ['a/b', 'EINVAL'],
    ['a\0b', 'EINVAL'],
  ] as const)
    assert.throws(() => native.createMarker(name), { code });
  for (const wrong of [undefined, null, 1, {}, Symbol('wrong')])
    assert.throws(() => untyped.createMarker(wrong), { code: 'EINVAL' });
  for (const wrong of [undefined, null, 'text', {}, -1, 0.5, 2 ** 32, Number.NaN])
    assert.throws(() => untyped.closeMarker(wrong), /must be/);
  assert.throws(() => native.closeMarker(0), { code: 'EBADF', message: /not a token/ });
  const descriptors = openDescriptors();
  const markers = Array.from({ length: 8 }, () => native.createMarker('misuse'));
  assert.throws(() => native.createMarker('misuse'), { code: 'EMFILE' });
  for (const { token } of markers) {
    native.closeMarker(token);
    assert.throws(() => native.closeMarker(token), { code: 'EBADF' });
  }
  assert.equal(openDescriptors(), descriptors);
});

test("a program refused by the verifier is named, with the reason and the verifier's log", () => {
  const rejected = native.open(fixture('rejected.bpf.o'), {});
  assert.throws(
    () => native.load(rejected),
    (error: Error & { code?: string; log?: string }) => {
      assert.equal(error.code, 'EACCES');
      assert.match(error.message, /^cannot load rejected\.bpf\.o: prog 'unchecked': BPF program load failed/);
      assert.match(error.log ?? '', /invalid mem access 'map_value_or_null'/);
      return true;
    },
  );
  assert.throws(() => native.load(rejected), { code: 'EBUSY', message: /has failed before/ });
  native.close(rejected);
});

test('an attach that fails half-way leaves no link', () => {
  const unattachable = native.open(fixture('unattachable.bpf.o'), {});
  native.load(unattachable);
  const descriptors = openDescriptors();
  assert.throws(() => native.attach(unattachable), {
    code: 'ENOENT',
    message: /^cannot attach cannot_attach: /,
  });
  assert.equal(openDescriptors(), descriptors);
  assert.deepEqual(
    native.programs(unattachable).map(({ attached }) => attached),
    [false, false],
  );
  native.close(unattachable);
});

test('a load without privileges names the missing privilege', () => {
  const script = `
    const { fixture, native, openFixture } = await import(${JSON.stringify(import.meta.resolve('./fixture.ts'))});
    const object = openFixture();
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    try { native.load(object); } catch (error) { console.log(error.code + '\\n' + error.message); }`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.match(child.stdout, /^EPERM\ncannot load native\.bpf\.o: .*Operation not permitted/, child.stderr);
});

test('a missing or unreadable addon is reported with the remedy', () => {
  assert.throws(() => loadNative('/nonexistent/earshot.node'), {
    code: 'UNSUPPORTED',
    message: /npm run build/,
  });
  const broken = join(mkdtempSync(join(tmpdir(), 'earshot-')), 'earshot.node');
  cpSync(fixture('native.bpf.o'), broken);
  chmodSync(broken, 0o755);
  assert.throws(() => loadNative(broken), { code: 'UNSUPPORTED', message: /libbpf/ });
});

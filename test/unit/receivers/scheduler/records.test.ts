import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeRecords } from '../../../../src/bpf/records.ts';
import { readBigint, wordsOf } from '../../../../src/bpf/u64.ts';
import { Serials } from '../../../../src/cgroup/serials.ts';
import { pseudoSerials } from '../../../../src/receivers/scheduler/abi.ts';
import {
  nameParties,
  type RemovedRecord,
  type RetiredRecord,
  recordFormat,
  type WaitRecord,
} from '../../../../src/receivers/scheduler/records.ts';
import { SerialIndex } from '../../../../src/receivers/scheduler/serial-index.ts';
import { cgroupId } from '../../../../src/telemetry/units.ts';
import { usualOr } from '../../../lab/thorough.ts';
import { abi, writeBigint } from './plain-abi.ts';

const { waitRecord, removedRecord, retiredRecord, record, recordTypes } = abi;

function decode(bytes: Uint8Array, isStolenByIrq = false) {
  const waits: WaitRecord[] = [];
  const removed: RemovedRecord[] = [];
  const retired: RetiredRecord[] = [];
  const malformed: number[] = [];
  const format = recordFormat(
    { abi, isStolenByIrq },
    {
      wait: (it) => waits.push(it),
      removed: (it) => removed.push(it),
      retired: (it) => retired.push(it),
      malformed: (skipped) => malformed.push(skipped),
    },
  );
  decodeRecords(bytes, format);
  return { waits, removed, retired, malformed };
}

function blank(type: number, size: number): { readonly bytes: Uint8Array; readonly words: Uint32Array } {
  const bytes = new Uint8Array(size);
  const words = wordsOf(bytes);
  words[record.type >> 2] = type;
  words[record.bytes >> 2] = size;
  return { bytes, words };
}

function waitBytes(): Uint8Array {
  const { bytes, words } = blank(recordTypes.wait, waitRecord.size);
  writeBigint(words, waitRecord.monotonic, 2n ** 60n + 1n);
  writeBigint(words, waitRecord.serial, 5n);
  writeBigint(words, waitRecord.cgroup, 2n ** 54n + 1n);
  writeBigint(words, waitRecord.wait, 28n);
  for (let i = 0; i < 7; i++) writeBigint(words, waitRecord.class + i * 8, BigInt(i + 1));
  writeBigint(words, waitRecord.culprit, 6n);
  writeBigint(words, waitRecord.culprit_ns, 2n);
  writeBigint(words, waitRecord.throttler, 7n);
  writeBigint(words, waitRecord.throttler_ns, 5n);
  writeBigint(words, waitRecord.last, pseudoSerials.kernel);
  writeBigint(words, waitRecord.idle_cpu_time, 2n ** 40n);
  const set = (offset: number, value: number) => {
    words[offset >> 2] = value;
  };
  set(waitRecord.idle_cpu, 17);
  set(waitRecord.weight, 3);
  set(waitRecord.cpu, 63);
  set(waitRecord.pid, 101);
  set(waitRecord.tgid, 100);
  set(waitRecord.last_pid, 99);
  set(waitRecord.migrated, 1);
  bytes.set(Buffer.from('worker'), waitRecord.comm);
  bytes.set(Buffer.from('kworker/0:1-even'), waitRecord.last_comm);
  return bytes;
}

function removedBytes(): Uint8Array {
  const { bytes, words } = blank(recordTypes.removed, removedRecord.size);
  words[removedRecord.slot >> 2] = 12;
  writeBigint(words, removedRecord.serial, 2n ** 60n + 5n);
  return bytes;
}

function retiredBytes(): Uint8Array {
  const { bytes, words } = blank(recordTypes.retired, retiredRecord.size);
  words[retiredRecord.cpu >> 2] = 3;
  words[retiredRecord.slot >> 2] = 9;
  writeBigint(words, retiredRecord.cell + abi.cell.wait, 2n ** 55n);
  return bytes;
}

const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

test('a wait is decoded member by member', () => {
  const { waits, malformed } = decode(waitBytes());
  assert.deepEqual(malformed, []);
  assert.deepEqual(waits, [
    {
      at: 2n ** 60n + 1n,
      serial: 5n,
      cgroup: 2n ** 54n + 1n,
      pid: 101,
      tgid: 100,
      thread: 'worker',
      cpu: 63,
      wait: 28,
      classes: { self: 1, other: 2, kernel: 3, idle: 4, throttled: 5, irq: 0, steal: 6, unknown: 7 },
      culprit: 6n,
      culpritTime: 2,
      throttler: 7n,
      throttlerTime: 5,
      last: { serial: pseudoSerials.kernel, pid: 99, thread: 'kworker/0:1-even' },
      idleCpu: { time: 2 ** 40, number: 17 },
      weight: 3,
      migrated: true,
    },
  ]);
});

test('stolen time is interrupt time where the kernel knows no other', () => {
  const [wait] = decode(waitBytes(), true).waits;
  assert.deepEqual([wait?.classes.irq, wait?.classes.steal], [6, 0]);
});

test('a removal is decoded', () => {
  assert.deepEqual(decode(removedBytes()).removed, [{ slot: 12, serial: 2n ** 60n + 5n }]);
});

test('a retired cell is passed on in place', () => {
  const { retired } = decode(join(waitBytes(), retiredBytes()));
  const [cell] = retired;
  assert.ok(cell);
  assert.deepEqual([cell.cpu, cell.slot], [3, 9]);
  assert.equal(readBigint(cell.words, cell.offset + abi.cell.wait), 2n ** 55n);
});

test('records of all kinds follow one another in order', () => {
  const { waits, removed, retired, malformed } = decode(
    join(waitBytes(), removedBytes(), retiredBytes(), waitBytes()),
  );
  assert.deepEqual([waits.length, removed.length, retired.length, malformed.length], [2, 1, 1, 0]);
});

test('an empty buffer has no records', () => {
  assert.deepEqual(decode(new Uint8Array(0)), { waits: [], removed: [], retired: [], malformed: [] });
});

const broken = [
  { title: 'an unknown type', spoil: (words: Uint32Array) => words.fill(9, 0, 1) },
  {
    title: 'a size that is not its type’s',
    spoil: (words: Uint32Array) => words.fill(waitRecord.size + 8, 1, 2),
  },
  { title: 'a size of 0', spoil: (words: Uint32Array) => words.fill(0, 1, 2) },
];
for (const { title, spoil } of broken)
  test(`${title} ends the decoding: earlier records stay, the rest is counted`, () => {
    const bad = waitBytes();
    spoil(wordsOf(bad));
    const { waits, malformed } = decode(join(waitBytes(), bad, waitBytes()));
    assert.equal(waits.length, 1);
    assert.deepEqual(malformed, [2 * waitRecord.size]);
  });

test('a truncated record is counted and not decoded', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: waitRecord.size - 1 }), (length) => {
      const { waits, malformed } = decode(join(waitBytes(), waitBytes().subarray(0, length)));
      assert.equal(waits.length, 1);
      assert.deepEqual(malformed, [length]);
    }),
  );
});

test('decoder: arbitrary bytes never throw, hang or vanish uncounted', () => {
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(waitBytes(), removedBytes(), retiredBytes()),
    // the right head, and anything in it
    fc.uint8Array({ minLength: waitRecord.size, maxLength: waitRecord.size }).map((bytes) => {
      wordsOf(bytes).set([recordTypes.wait, waitRecord.size]);
      return bytes;
    }),
  );
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 5 }), (chunks) => {
      const bytes = join(...chunks);
      const { waits, removed, retired, malformed } = decode(bytes);
      const decoded =
        waits.length * waitRecord.size +
        removed.length * removedRecord.size +
        retired.length * retiredRecord.size;
      assert.equal(decoded + malformed.reduce((a, b) => a + b, 0), bytes.length);
      assert.ok(malformed.length <= 1);
    }),
    { numRuns: usualOr(400, 2000) },
  );
});

test('decoder: corrupted, truncated or moved records are decoded within their own bytes', () => {
  const valid = fc.array(fc.constantFrom(waitBytes(), removedBytes(), retiredBytes()), {
    minLength: 1,
    maxLength: 6,
  });
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 });
  fc.assert(
    fc.property(valid, changes, fc.nat(), fc.nat({ max: 9 }), (records, changed, cut, words) => {
      const whole = join(...records);
      for (const [at, byte] of changed) whole[at % whole.length] = byte;
      const bytes = whole.subarray(0, whole.length - (cut % 3 === 0 ? cut % whole.length : 0));
      const decodedAlone = decode(new Uint8Array(bytes));
      // The same in a larger buffer full of valid heads, none of which may be seen.
      const around = new Uint8Array(words * 4 + bytes.length + 2 * waitRecord.size);
      for (let at = 0; at + 8 <= around.length; at += 8) around.set(waitBytes().subarray(0, 8), at);
      around.set(bytes, words * 4);
      const inside = decode(around.subarray(words * 4, words * 4 + bytes.length));
      const plain = ({ waits, removed, retired, malformed }: ReturnType<typeof decode>) => ({
        waits,
        removed,
        malformed,
        retired: retired.map(({ cpu, slot, offset }) => ({ cpu, slot, offset })),
      });
      assert.deepEqual(plain(inside), plain(decodedAlone));
      const { waits, removed, retired, malformed } = inside;
      const taken =
        waits.length * waitRecord.size +
        removed.length * removedRecord.size +
        retired.length * retiredRecord.size;
      assert.equal(taken + malformed.reduce((a, b) => a + b, 0), bytes.length);
      for (const { offset } of retired) assert.ok(offset + abi.cell.size <= bytes.length);
    }),
    { numRuns: usualOr(600, 3000) },
  );
});

const [decoded] = decode(waitBytes()).waits;
assert.ok(decoded);
const wait: WaitRecord = decoded;

function indexOf(...serials: readonly bigint[]): SerialIndex {
  const index = new SerialIndex(new Serials(100));
  for (const serial of serials) index.learn(serial, cgroupId(100n + serial));
  return index;
}

test('victim, culprit and last runner of a wait get their cgroups', () => {
  const named = nameParties(wait, indexOf(5n, 6n, 7n));
  assert.deepEqual([named.cgroup, named.culprit, named.throttler], [wait.cgroup, 106n, 107n]);
  assert.deepEqual(named.last, { cgroup: 'kernel', pid: 99, thread: 'kworker/0:1-even' });
  assert.ok(!('serial' in named));
});

test('an unknown serial stays without a cgroup', () => {
  const named = nameParties(wait, indexOf());
  assert.deepEqual([named.cgroup, named.culprit, named.throttler], [wait.cgroup, undefined, undefined]);
});

test('a wait of a kernel thread or of the overflow has no cgroup id', () => {
  assert.equal(nameParties({ ...wait, serial: pseudoSerials.kernel }, indexOf()).cgroup, 'kernel');
  assert.equal(nameParties({ ...wait, serial: pseudoSerials.overflow }, indexOf()).cgroup, 'overflow');
});

test('an idle CPU and the overflow are no culprits', () => {
  assert.equal(nameParties({ ...wait, culprit: pseudoSerials.idle }, indexOf()).culprit, undefined);
  assert.equal(nameParties({ ...wait, culprit: pseudoSerials.overflow }, indexOf()).culprit, undefined);
  const ofLast = (serial: bigint) =>
    nameParties({ ...wait, last: { ...wait.last, serial: serial } }, indexOf()).last.cgroup;
  assert.deepEqual([ofLast(pseudoSerials.idle), ofLast(pseudoSerials.overflow)], ['idle', undefined]);
});

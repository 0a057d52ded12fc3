import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Native, NativeObject } from '../../../../src/bpf/native.ts';
import { wordsOf } from '../../../../src/bpf/u64.ts';
import type { Layout } from '../../../../src/receivers/scheduler/abi.ts';
import { openLiveScheduler } from '../../../../src/receivers/scheduler/live-scheduler.ts';
import { RecordedCgroups } from '../../../../src/receivers/scheduler/recording.ts';
import { milliseconds } from '../../../../src/telemetry/units.ts';
import { abi } from './plain-abi.ts';

const { size: recordSize } = abi.waitRecord;

/** By the names of C: `wait_record` is `waitRecord`. */
function layoutOf(name: string): Partial<Layout<string>> {
  const key = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.entries(abi).find(([known]) => known === key)?.[1] as Layout<string>;
}
const named = (prefix: string, names: readonly string[]) =>
  Object.fromEntries(names.map((name, value) => [prefix + name.toUpperCase(), value]));
const enums: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  wait_class: named('CLASS_', Object.keys(abi.classes)),
  drop_reason: named('DROP_', abi.dropReasons),
  record_type: named('RECORD_', ['none', ...Object.keys(abi.recordTypes)]),
  cgroup_change: named('CGROUP_', Object.values(abi.cgroupChanges)),
};

/** A kernel side in which nothing happens but single waits. */
function fakeNative() {
  const kernel = { waits: 0 };
  const nothing: Partial<Native> = {
    open: () => ({}) as NativeObject,
    load: () => {},
    attach: () => {},
    close: () => {},
    kernelStruct: () => undefined,
    structLayout: (_, name) => {
      const { size = 0, ...offsets } = layoutOf(name);
      const members = Object.entries(offsets).map(([member, offset = 0]) => [
        member,
        { offset, size: 0, length: 2 },
      ]);
      return { size, members: Object.fromEntries(members) };
    },
    enumValues: (_, name) => enums[name] ?? {},
    readArray: (_, __, into) => into.fill(0).length,
    readHash: () => 0,
    iterate: () => 0,
    monotonic: () => 0n,
    drain: (_, __, into) => {
      let used = 0;
      for (; kernel.waits > 0 && used + recordSize <= into.length; kernel.waits--, used += recordSize) {
        const words = wordsOf(into.subarray(used, used + recordSize)).fill(0);
        words[abi.record.type >> 2] = abi.recordTypes.wait;
        words[abi.record.bytes >> 2] = recordSize;
      }
      return used;
    },
  };
  return { kernel, native: nothing as Native };
}

test('single waits nobody asks for are kept up to a bound, and counted beyond it', () => {
  const { kernel, native } = fakeNative();
  const options = {
    cpus: 1,
    minWait: milliseconds(1),
    sample: 0,
    eventRate: 1,
    maxWorkloads: 2,
    maxPairs: 1,
  };
  const source = openLiveScheduler(native, options, new RecordedCgroups());
  kernel.waits = 40_000;
  assert.deepEqual(source.read().drops, {});
  kernel.waits = 30_000;
  assert.deepEqual(source.read().drops, { events_overrun: 70_000 - 65_536 });
  assert.deepEqual(source.read().drops, {}, 'counted once');
  assert.equal(source.drain().length, 65_536);
  kernel.waits = 3;
  assert.equal(source.drain().length, 3);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Btf } from '../../../../src/bpf/layout.ts';
import { wordsOf } from '../../../../src/bpf/u64.ts';
import { readAbi } from '../../../../src/receivers/scheduler/abi.ts';
import { openLiveScheduler } from '../../../../src/receivers/scheduler/live-scheduler.ts';
import { finishNow } from '../../../../src/receivers/scheduler/steps.ts';
import { milliseconds, nanoseconds } from '../../../../src/telemetry/units.ts';
import { FakeBpf } from '../../fake-bpf.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';

/** A kernel side in which nothing happens but single waits. */
function setUp() {
  const kernel = { waits: 0 };
  const maps = (types: Btf) => {
    const { waitRecord, record, recordTypes } = readAbi(types);
    const drain = (into: Uint8Array) => {
      let used = 0;
      for (
        ;
        kernel.waits > 0 && used + waitRecord.size <= into.length;
        kernel.waits--, used += waitRecord.size
      ) {
        const words = wordsOf(into.subarray(used, used + waitRecord.size)).fill(0);
        words[record.type >> 2] = recordTypes.wait;
        words[record.bytes >> 2] = waitRecord.size;
      }
      return used;
    };
    return { events: { drain } };
  };
  return { kernel, bpf: new FakeBpf({ scheduler: { maps } }) };
}

const options = {
  cpus: 1,
  minWait: milliseconds(1),
  sample: 0,
  eventRate: 5,
  maxWorkloads: 32,
  maxPairs: 16,
};

test('unread single waits are kept up to a bound, and counted beyond it', () => {
  const { kernel, bpf } = setUp();
  const source = openLiveScheduler(bpf, options, new FakeCgroups());
  kernel.waits = 40_000;
  assert.deepEqual(finishNow(source.reading()).drops, {});
  kernel.waits = 30_000;
  assert.deepEqual(finishNow(source.reading()).drops, { events_overrun: 70_000 - 65_536 });
  assert.deepEqual(finishNow(source.reading()).drops, {}, 'counted once');
  assert.equal(source.drain().length, 65_536);
  kernel.waits = 3;
  assert.equal(source.drain().length, 3);
  source.close();
});

test("the object is loaded with the receiver's settings and sizes for its CPUs", () => {
  const { bpf } = setUp();
  const noEvents = { minWait: nanoseconds(Number.MAX_SAFE_INTEGER), sample: 0 };
  openLiveScheduler(bpf, { ...options, ...noEvents, cpus: 8 }, new FakeCgroups()).close();
  const { constants, maxEntries } = bpf.opened[0] ?? assert.fail('nothing was opened');
  assert.deepEqual(
    [constants?.min_wait, constants?.sample, constants?.event_interval],
    [Number.MAX_SAFE_INTEGER, 0, 200_000_000],
  );
  assert.deepEqual([constants?.slots, constants?.progress_row, constants?.histogram_shift], [32, 8, 1]);
  assert.deepEqual(
    [maxEntries?.cells, maxEntries?.histograms, maxEntries?.cpus, maxEntries?.pairs],
    [9 * 32, 4 * 32, 9, 16],
  );
});

test('a reading visits the tasks before it copies anything, and other work goes on between the steps', () => {
  const order: string[] = [];
  const visit = function* () {
    for (const step of [1, 2, 3]) {
      order.push(`visit ${step}`);
      yield 1;
    }
  };
  const copy = () => order.push('copy');
  const cells = { copyColumns: copy };
  const bpf = new FakeBpf({ scheduler: { maps: () => ({ cells }), iterateInSteps: visit } });
  const source = openLiveScheduler(bpf, options, new FakeCgroups());
  order.length = 0;
  for (const _ of source.reading()) order.push('other work');
  source.close();
  const [one, two, three, ...rest] = order.join(', ').split(', other work, ');
  assert.deepEqual([one, two, three], ['visit 1', 'visit 2', 'visit 3']);
  assert.ok(rest.join().includes('copy'));
});

test('tasks that cannot be visited are a loss, and the totals are read', () => {
  const refuse = () => {
    throw new Error('cannot iterate on_progress: out of memory');
  };
  const bpf = new FakeBpf({ scheduler: { iterateInSteps: refuse } });
  const source = openLiveScheduler(bpf, options, new FakeCgroups());
  assert.deepEqual(finishNow(source.reading()).drops, { progress_unread: 1 });
  source.close();
});

test('closing detaches everything', () => {
  const { bpf } = setUp();
  const source = openLiveScheduler(bpf, options, new FakeCgroups());
  assert.deepEqual([...bpf.attached], ['*']);
  source.close();
  assert.deepEqual([[...bpf.attached], [...bpf.left]], [[], []]);
});

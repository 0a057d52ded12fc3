import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  openRecording,
  RecordedCgroups,
  type RecordedInterval,
  type Recording,
  readRecording,
  writeRecording,
} from '../../../../src/receivers/scheduler/recording.ts';
import type { WaitEvent } from '../../../../src/receivers/scheduler/source.ts';
import { cgroupId, type MonotonicNanoseconds, nanoseconds } from '../../../../src/telemetry/units.ts';

const directory = mkdtempSync(join(tmpdir(), 'earshot-recording-'));
after(() => rmSync(directory, { recursive: true }));
const at = (ns: bigint) => ns as MonotonicNanoseconds;

const none = nanoseconds(0);
const classes = {
  self: none,
  other: nanoseconds(9),
  kernel: none,
  idle: none,
  throttled: none,
  irq: none,
  steal: none,
  unknown: none,
};

const wait: WaitEvent = {
  at: at(2n ** 60n),
  cgroup: cgroupId(2n ** 60n + 1n),
  pid: 1,
  tgid: 1,
  thread: 'naïve "quoted"\n',
  cpu: 0,
  wait: nanoseconds(9),
  classes,
  culprit: cgroupId(4n),
  culpritTime: nanoseconds(9),
  throttler: undefined,
  throttlerTime: none,
  last: { cgroup: 'kernel', pid: 2, thread: 'kworker' },
  idleCpu: { time: nanoseconds(3), number: 1 },
  weight: 1,
  migrated: false,
};

const interval = (run: number): RecordedInterval => ({
  reading: {
    at: at(2n ** 62n + 1n),
    cgroups: [
      {
        cgroup: cgroupId(2n ** 60n + 1n),
        wait: nanoseconds(9),
        completed: nanoseconds(8),
        classes,
        run: nanoseconds(run),
        preemptedBySelf: 1,
        preemptedByKernel: 2,
        buckets: new Map([[-94, 1]]),
        zeroCount: 0,
      },
    ],
    pairs: [
      {
        victim: 'kernel',
        culprit: cgroupId(4n),
        other: nanoseconds(9),
        throttled: none,
        last: nanoseconds(4),
        preemptions: 0,
      },
    ],
    drops: { ring_full: 1 },
  },
  waits: [wait],
});

const recording: Recording = {
  header: {
    title: 'two nodes, one evening',
    histogramScale: 2,
    source: { programs: ['on_switch'], mapBytes: 1024, cpus: 2, features: { irq_time: true } },
  },
  cgroups: [[cgroupId(2n ** 60n + 1n), '/a b/ü']],
  intervals: [interval(1), interval(2)],
};

const file = join(directory, 'whole.jsonl.gz');
await writeRecording(file, recording);

function spoilt(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

/** What JSON has no word for: `undefined` members are left out, which readers cannot tell from `undefined`. */
const withoutUndefined = (value: Recording) => ({
  ...value,
  intervals: value.intervals.map(({ reading, waits }) => ({
    reading,
    waits: waits.map(({ throttler: _, ...rest }) => rest),
  })),
});

test('a recording comes back as it was written, 64-bit ids and maps included', async () => {
  assert.deepEqual(await readRecording(file), withoutUndefined(recording));
});

test('a replay plays the intervals in order and begins again at the end', async () => {
  const source = await openRecording(file, new RecordedCgroups());
  const runs = Array.from({ length: 5 }, () => source.read().cgroups[0]?.run);
  assert.deepEqual(runs, [1, 2, 1, 2, 1]);
});

test('the single waits of an interval come once, after it was read', async () => {
  const source = await openRecording(file, new RecordedCgroups());
  assert.deepEqual(source.drain(), []);
  source.read();
  assert.deepEqual(
    source.drain().map(({ pid, thread }) => [pid, thread]),
    [[1, 'naïve "quoted"\n']],
  );
  assert.deepEqual(source.drain(), []);
});

test('what is replayed happens now', async () => {
  const before = process.hrtime.bigint();
  const source = await openRecording(file, new RecordedCgroups());
  const read = source.read();
  const [drained] = source.drain();
  const later = process.hrtime.bigint();
  for (const time of [read.at, drained?.at ?? 0n]) assert.ok(before <= time && time <= later);
});

test('a replay says what it is, and names the cgroups of then', async () => {
  const cgroups = new RecordedCgroups();
  const source = await openRecording(file, cgroups);
  assert.equal(source.describe().recording, 'two nodes, one evening');
  assert.equal(source.histogramScale, 2);
  assert.equal(cgroups.path(cgroupId(2n ** 60n + 1n)), '/a b/ü');
  assert.equal(cgroups.path(cgroupId(3n)), undefined);
  source.close();
  source.close();
});

const whole = readFileSync(file);
const lines = (...texts: readonly string[]) => gzipSync(texts.map((text) => `${text}\n`).join(''));
const unreadable = [
  { title: 'is not there', path: join(directory, 'absent'), reason: /ENOENT/ },
  { title: 'is empty', path: spoilt('empty', new Uint8Array(0)), reason: /unexpected end of file/ },
  {
    title: 'is no gzip',
    path: spoilt('plain', Buffer.from('{"title":"x"}\n[]\n{}\n')),
    reason: /incorrect header check/,
  },
  {
    title: 'is cut off',
    path: spoilt('cut', whole.subarray(0, whole.length >> 1)),
    reason: /unexpected end of file/,
  },
  { title: 'is damaged', path: spoilt('damaged', damage(whole)), reason: /./ },
  { title: 'holds no interval', path: spoilt('header', lines('{}', '[]')), reason: /it is empty/ },
  { title: 'holds no JSON', path: spoilt('text', lines('{}', '[]', 'hello')), reason: /JSON/ },
];
for (const { title, path, reason } of unreadable)
  test(`a file that ${title} is refused by name, with the reason`, async () => {
    await assert.rejects(openRecording(path, new RecordedCgroups()), (error: Error) => {
      assert.ok(error.message.startsWith(`cannot replay ${path}: `), error.message);
      assert.match(error.message, reason);
      return true;
    });
  });

function damage(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy.fill(0xff, 60, 120);
  return copy;
}

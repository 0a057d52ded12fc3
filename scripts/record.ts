/**
 * Makes the recording that `npm start` replays where BPF is not to be had: real containers on this node's real
 * scheduler. Needs root, containerd and runc.
 *
 *   scripts/record.ts [FILE]
 */
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createKernel } from '../src/receivers/scheduler/create-kernel.ts';
import { type RecordedInterval, writeRecording } from '../src/receivers/scheduler/recording.ts';
import { createCounters } from '../src/telemetry/counters.ts';
import { type CgroupId, milliseconds, seconds } from '../src/telemetry/units.ts';
import { startContainerd } from '../test/e2e/containerd.ts';

const file = process.argv[2] ?? 'config/recording.jsonl.gz';
const intervalSeconds = 5;
const intervals = 6;
const duration = intervalSeconds * intervals;

const spin = `timeout ${duration} sh -c 'while :; do :; done' || true`;
const burst = `timeout ${duration} sh -c 'while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; usleep 20000; done' || true`;
const fork = `timeout ${duration} sh -c 'while :; do sleep 0.01; done' || true`;

const kernel = createKernel({
  log: pino({ enabled: false }),
  counters: createCounters(),
  host: { root_path: '/', keep_removed: seconds(600), max_cgroups: 16_384 },
});
const source = await kernel.openScheduler({
  minWait: milliseconds(5),
  sample: 1000,
  eventRate: 1,
  maxWorkloads: 512,
  maxPairs: 4096,
});
const containerd = await startContainerd();
try {
  source.drain();
  source.read();
  const running = [
    containerd.start('checkout', burst),
    containerd.start('batch-report', spin),
    containerd.start('video-encode', spin, { cpu: 0 }),
    containerd.start('log-shipper', fork),
    containerd.start('search-limited', spin, { quota: 20_000 }),
  ];
  const recorded: RecordedInterval[] = [];
  for (let i = 0; i < intervals; i++) {
    await sleep(intervalSeconds * 1000);
    recorded.push({ reading: { ...source.read(), span: seconds(intervalSeconds) }, waits: source.drain() });
  }
  await Promise.all(running.map(({ ended }) => ended));
  await writeRecording(file, {
    header: {
      title: `five containers on ${cpus().length} CPUs, Linux ${release()}, ${new Date().toISOString().slice(0, 10)}, intervals of ${intervalSeconds} s`,
      histogramScale: source.histogramScale,
      source: source.describe(),
    },
    cgroups: namesIn(recorded),
    intervals: recorded,
  });
  console.log(`${file}: ${recorded.length} intervals, ${readFileSync(file).length} bytes`);
} finally {
  await containerd.close();
  source.close();
}

/** Paths of all cgroups that occur, as long as they are known. */
function namesIn(recorded: readonly RecordedInterval[]): readonly (readonly [CgroupId, string])[] {
  const ids = new Set<unknown>();
  for (const { reading, waits } of recorded) {
    for (const { cgroup } of reading.cgroups) ids.add(cgroup);
    for (const { culprit } of reading.pairs) ids.add(culprit);
    for (const { cgroup, culprit, throttler, last } of waits)
      ids.add(cgroup).add(culprit).add(throttler).add(last.cgroup);
  }
  return [...ids]
    .filter((id): id is CgroupId => typeof id === 'bigint')
    .map((id) => [id, kernel.cgroups.path(id)] as const)
    .filter((entry): entry is readonly [CgroupId, string] => entry[1] !== undefined);
}

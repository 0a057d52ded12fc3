/**
 * Makes the recording that `npm start` replays where BPF is not to be had: real containers on this node's real
 * scheduler. Needs root, containerd and runc.
 *
 *   scripts/record.ts [FILE]
 */
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { pino } from 'pino';
import { createBpfHost } from '../src/bpf/host.ts';
import { type Cgroups, cgroups as cgroupsRef } from '../src/cgroup/cgroups.ts';
import type { LocalExporterComponent } from '../src/component.ts';
import { loadConfig } from '../src/config/load.ts';
import { Type } from '../src/config/schema/type.ts';
import { systemClock } from '../src/machine/clock.ts';
import { thisMachine } from '../src/machine/machine.ts';
import { type RecordedInterval, writeRecording } from '../src/receivers/replay/recording.ts';
import { scheduler } from '../src/receivers/scheduler/scheduler.ts';
import { createAgent } from '../src/runtime/agent.ts';
import type { Batch } from '../src/telemetry/batch.ts';
import { createCounters } from '../src/telemetry/counters.ts';
import { cgroupId } from '../src/telemetry/units.ts';
import { startContainerd } from '../test/e2e/containerd.ts';
import { recordInterval } from './record-interval.ts';

const file = process.argv[2] ?? 'config/recording.jsonl.gz';
const intervalSeconds = 5;
const wanted = 6;
const duration = intervalSeconds * wanted;

const spin = `timeout ${duration} sh -c 'while :; do :; done' || true`;
const burst = `timeout ${duration} sh -c 'while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; usleep 20000; done' || true`;
const fork = `timeout ${duration} sh -c 'while :; do sleep 0.01; done' || true`;

const configuration = `receivers: {scheduler: {interval: ${intervalSeconds}s, events_per_second: 1, measure_cost: 0}}
exporters: {recorder: }
service:
  pipelines:
    metrics: {receivers: [scheduler], exporters: [recorder]}
    logs: {receivers: [scheduler], exporters: [recorder]}
`;

const intervals: RecordedInterval[] = [];
const complete = Promise.withResolvers<void>();

/** An interval ends with each batch of metrics; the first one ends before the containers run, and is left out. */
const recorder: LocalExporterComponent = {
  ...{
    kind: 'exporter',
    type: 'recorder',
    shape: 'local',
    summary: 'Keeps what the scheduler receiver emits.',
  },
  stability: { metrics: 'development', logs: 'development' },
  config: Type.Object({}),
  uses: [cgroupsRef],
  async open(_, host) {
    const { clock } = host;
    const cgroups = await host.use(cgroupsRef);
    let batches: Batch[] = [];
    let start: ReturnType<typeof clock.now> | undefined;
    return {
      async write(batch) {
        batches.push(batch);
        if (batch.signal !== 'metrics') return;
        const end = clock.now();
        if (start !== undefined)
          intervals.push(recordInterval(batches, { start, end, pathOf: (id) => pathOf(cgroups, id) }));
        start = end;
        batches = [];
        if (intervals.length === wanted) complete.resolve();
      },
      async close() {},
    };
  },
};

const pathOf = (cgroups: Pick<Cgroups, 'path'>, id: string) => cgroups.path(cgroupId(BigInt(id)));

function load() {
  const input = { files: ['record'], sets: [], environment: {}, readFile: () => configuration };
  return loadConfig(input, [scheduler, recorder]);
}

const config = load();
const log = pino({ enabled: false });
const agent = createAgent(
  {
    ...{
      log,
      counters: createCounters(),
      bpf: createBpfHost(),
      clock: systemClock,
      machine: thisMachine('/'),
    },
    hostSettings: config.host,
  },
  load,
);
const containerd = await startContainerd();
try {
  await agent.apply(config);
  const running = [
    containerd.start('checkout', burst),
    containerd.start('batch-report', spin),
    containerd.start('video-encode', spin, { cpu: 0 }),
    containerd.start('log-shipper', fork),
    containerd.start('search-limited', spin, { quota: 20_000 }),
  ];
  await complete.promise;
  await Promise.all(running.map(({ ended }) => ended));
  await agent.stop();
  const title = `five containers on ${cpus().length} CPUs, Linux ${release()}, ${new Date().toISOString().slice(0, 10)}, intervals of ${intervalSeconds} s`;
  await writeRecording(file, { title, intervals: intervals.slice(0, wanted) });
  console.log(`${file}: ${wanted} intervals, ${readFileSync(file).length} bytes`);
} finally {
  await agent.stop();
  await containerd.close();
}

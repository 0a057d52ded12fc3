/**
 * Makes the recording that `npm start` replays where BPF is not to be had: real containers on this node's real
 * scheduler. Needs root, containerd and runc, and a machine that does nothing else: that would be in the recording.
 *
 *   scripts/record.ts [FILE]
 */
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { pino } from 'pino';
import { createBpfHost } from '../src/bpf/host.ts';
import { type Cgroups, cgroups as cgroupsRef } from '../src/cgroup/cgroups.ts';
import type { Weight } from '../src/cgroup/files/files.ts';
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
import { resource } from '../src/telemetry/metrics/build.ts';
import { cgroupId } from '../src/telemetry/units.ts';
import { startContainerd } from '../test/e2e/containerd.ts';
import { pathsIn, recordInterval } from './record-interval.ts';

const file = process.argv[2] ?? 'config/recording.jsonl.gz';
const intervalSeconds = 5;
const wanted = 6;
const duration = intervalSeconds * wanted;

/** They go on until the last interval has ended. */
const lifetime = duration + 30;
const shell = (script: string) => `timeout ${lifetime} sh -c '${script}' || true`;
const work = (iterations: number) => `i=0; while [ $i -lt ${iterations} ]; do i=$((i+1)); done`;
const spin = shell('while :; do :; done');
/** One thread that hardly sleeps: whatever its weight, it gets less than its share beside more threads than there are CPUs. */
const serve = shell(`while :; do ${work(20_000)}; usleep 1000; done`);
const encode = `${Array.from({ length: 2 * cpus().length }, () => `(${spin}) &`).join(' ')} wait`;
const report = shell(`while :; do ${work(10_000)}; usleep 200000; done`);
const ship = shell('while :; do sleep 0.1; done');

const configuration = `receivers: {scheduler: {interval: ${intervalSeconds}s, events_per_second: 1, measure_cost: 0, include: [/default]}}
exporters: {recorder: }
service:
  pipelines:
    metrics: {receivers: [scheduler], exporters: [recorder]}
    logs: {receivers: [scheduler], exporters: [recorder]}
`;

const intervals: RecordedInterval[] = [];
const weights: Record<string, Weight> = {};
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
        if (start !== undefined && intervals.length < wanted) {
          const interval = recordInterval(batches, { start, end, pathOf: (id) => pathOf(cgroups, id) });
          intervals.push(interval);
          for (const path of pathsIn(interval)) note(path, cgroups.files?.weight(path));
        }
        start = end;
        batches = [];
        if (intervals.length === wanted) complete.resolve();
      },
      async close() {},
    };
  },
};

const pathOf = (cgroups: Pick<Cgroups, 'path'>, id: string) => cgroups.path(cgroupId(BigInt(id)));

function note(path: string, weight: Weight | undefined): void {
  if (weight !== undefined) weights[path] = weight;
}

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
    ownResource: resource({}),
    dataAttributes: {},
  },
  { load, applyTelemetry: async () => {} },
);

const containerd = await startContainerd();
try {
  await agent.apply(config);
  const running = [
    containerd.start('checkout', serve, { shares: 2048 }),
    containerd.start('video-encode', encode),
    containerd.start('batch-report', report),
    containerd.start('log-shipper', ship),
    containerd.start('search-limited', spin, { quota: 10_000 }),
  ];
  await complete.promise;
  await agent.stop();
  await Promise.all(running.map((container) => container.kill()));
  const title = `five containers on ${cpus().length} CPUs, Linux ${release()}, ${new Date().toISOString().slice(0, 10)}, intervals of ${intervalSeconds} s`;
  await writeRecording(file, { title, weights, intervals });
  console.log(`${file}: ${wanted} intervals, ${readFileSync(file).length} bytes`);
} finally {
  await agent.stop();
  await containerd.close();
}

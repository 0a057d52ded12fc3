/** Runs inside the virtual machine: the tests named below, and the verifier's log of the scheduler programs. */
import { openSync, writeSync } from 'node:fs';
import { release } from 'node:os';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createBpfHost } from '../../src/bpf/host.ts';
import { loadNative, type Native, type NativeObject } from '../../src/bpf/native.ts';
import { UnsupportedError } from '../../src/bpf/unsupported-error.ts';
import { Serials } from '../../src/cgroup/serials.ts';
import { openLiveScheduler } from '../../src/receivers/scheduler/live-scheduler.ts';
import { milliseconds } from '../../src/telemetry/units.ts';
import type { GuestRecord } from './record.ts';

const port = openSync(process.env.EARSHOT_PORT ?? '', 'w');
const say = (record: GuestRecord) => writeSync(port, `${JSON.stringify(record)}\n`);

/** The object as the agent opens it, with the verifier's statistics. */
function measureLoading(): GuestRecord {
  const native = loadNative();
  let object: NativeObject | undefined;
  let loadMs = Number.NaN;
  const measuring: Native = {
    ...native,
    open(path, options) {
      object = native.open(path, { ...options, verifierStatistics: true });
      return object;
    },
    load(loaded) {
      const start = performance.now();
      native.load(loaded);
      loadMs = performance.now() - start;
    },
  };
  const cgroups = { serials: () => new Serials(512) };
  const options = { minWait: milliseconds(5), sample: 0, eventRate: 5, maxWorkloads: 512, maxPairs: 4096 };
  const source = openLiveScheduler(createBpfHost({ load: () => measuring }), options, cgroups);
  try {
    const programs = object ? native.programs(object) : [];
    return {
      kind: 'load',
      loadMs,
      verified: Object.fromEntries(programs.map((of) => [of.name, of.verifiedInstructions])),
    };
  } finally {
    source.close();
  }
}

say({ kind: 'kernel', release: release(), upMs: Math.round(performance.now()) });
try {
  say(measureLoading());
} catch (error) {
  if (error instanceof UnsupportedError) {
    say({ kind: 'refused', text: error.message });
    say({ kind: 'end' });
    process.exit();
  }
  const { message, log } = error as Error & { log?: string };
  console.error(message, log?.slice(-4000));
  say({ kind: 'error', text: message });
}
const suites: Readonly<Record<string, string>> = {
  // While few cgroups have been made: those of these tests need low css ids.
  'early-loads': './guest/early-loads.test.js',
  'full-maps': './guest/full-maps.test.js',
  'many-threads': './guest/many-threads.test.js',
  'cgroup-files': '../kernel/cgroup-files.test.js',
  'cgroup-lifecycle': '../kernel/lifecycle/cgroup-lifecycle.test.js',
  'cgroup-names': '../kernel/lifecycle/cgroup-names.test.js',
  cgroups: '../kernel/cgroups.test.js',
  scheduler: '../kernel/scheduler.test.js',
  waits: '../kernel/waits.test.js',
  // From here on the cpuset controller is enabled.
  layout: './guest/layout.test.js',
  links: './guest/links.test.js',
  switches: './guest/switches.test.js',
  'sched-ext': './guest/sched-ext.test.js',
  hotplug: './guest/hotplug.test.js',
};
/** From the kernel's command line. */
const wanted = process.env.EARSHOT_TESTS?.split(',') ?? Object.keys(suites);
process.env.EARSHOT_THOROUGH = 'true'; // in slow emulation a short load has too few switches
const names = new Map(
  wanted.map((name) => [fileURLToPath(new URL(suites[name] ?? name, import.meta.url)), name]),
);
const suiteOf = (file: string | undefined) => names.get(file ?? '') ?? '';
const results = run({ files: [...names.keys()], concurrency: 1 });
results.on('test:diagnostic', ({ message }) => say({ kind: 'diagnostic', text: message }));
results.on('test:pass', ({ file, name, skip, details }) => {
  if (details.type === 'suite') return; // its tests count
  console.log(`ok ${name} ${Math.round(details.duration_ms)} ms ${skip ?? ''}`);
  say({
    kind: 'test',
    suite: suiteOf(file),
    name,
    ms: Math.round(details.duration_ms),
    outcome: skip === undefined || skip === false ? 'passed' : 'skipped',
    text: typeof skip === 'string' ? skip : '',
  });
});
results.on('test:fail', ({ file, name, details }) => {
  const { error } = details;
  if ('failureType' in error && error.failureType === 'subtestsFailed') return; // these count
  const text = error.cause instanceof Error ? error.cause.message : error.message;
  console.log(`not ok ${name} ${Math.round(details.duration_ms)} ms\n${text}`);
  say({
    kind: 'test',
    suite: suiteOf(file),
    name,
    ms: Math.round(details.duration_ms),
    outcome: 'failed',
    text,
  });
});
for await (const _ of results); // until all have run
say({ kind: 'end' });

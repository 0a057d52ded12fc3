/** Runs inside the virtual machine: the tests named below, and what the verifier said of the scheduler programs. */
import { openSync, writeSync } from 'node:fs';
import { release } from 'node:os';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadNative, type Native, type NativeObject } from '../../src/bpf/native.ts';
import { openLiveScheduler } from '../../src/receivers/scheduler/live-scheduler.ts';
import { milliseconds } from '../../src/telemetry/units.ts';
import type { GuestRecord } from './record.ts';
import { notInEmulator } from './record.ts';

const port = openSync('/dev/ttyS1', 'w');
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
  const cgroups = { learn() {} } as never;
  const options = { minWait: milliseconds(5), sample: 0, eventRate: 5, maxWorkloads: 512, maxPairs: 4096 };
  const source = openLiveScheduler(measuring, options, cgroups);
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
  const { message, log } = error as Error & { log?: string };
  console.error(message, log?.slice(-4000));
  say({ kind: 'error', text: message });
}
const suites: Readonly<Record<string, string>> = {
  'cgroup-files': '../kernel/cgroup-files.test.js',
  cgroups: '../kernel/cgroups.test.js',
  scheduler: '../kernel/scheduler.test.js',
  waits: '../kernel/waits.test.js',
  layout: './guest/layout.test.js',
  links: './guest/links.test.js',
};
/** From the kernel's command line. */
const wanted = process.env.EARSHOT_TESTS?.split(',') ?? Object.keys(suites);
process.env.EARSHOT_THOROUGH = 'true'; // in slow emulation a short load has too few switches
const results = run({
  files: wanted.map((name) => fileURLToPath(new URL(suites[name] ?? name, import.meta.url))),
  isolation: 'none',
  testSkipPatterns: notInEmulator.map(({ test }) => test),
});
results.on('test:diagnostic', ({ message }) => say({ kind: 'diagnostic', text: message }));
results.on('test:pass', ({ name, skip, details }) => {
  if (details.type === 'suite') return; // its tests count
  console.log(`ok ${name} ${Math.round(details.duration_ms)} ms ${skip ?? ''}`);
  say({
    kind: 'test',
    name,
    ms: Math.round(details.duration_ms),
    outcome: skip === undefined || skip === false ? 'passed' : 'skipped',
    text: typeof skip === 'string' ? skip : '',
  });
});
results.on('test:fail', ({ name, details }) => {
  const { error } = details;
  if ('failureType' in error && error.failureType === 'subtestsFailed') return; // these count
  const text = error.cause instanceof Error ? error.cause.message : error.message;
  console.log(`not ok ${name} ${Math.round(details.duration_ms)} ms\n${text}`);
  say({ kind: 'test', name, ms: Math.round(details.duration_ms), outcome: 'failed', text });
});
for await (const _ of results); // until all have run
say({ kind: 'end' });

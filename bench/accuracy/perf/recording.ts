import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { type PerfEvent, parseEvent } from './events.ts';

/** 64 MiB a CPU: at 20 MB a second, three seconds in which perf does not get a CPU. */
const pagesPerCpu = 16_384;

const tracepoints = [
  'sched:sched_switch',
  'sched:sched_wakeup',
  'sched:sched_wakeup_new',
  'sched:sched_migrate_task',
  'sched:sched_process_fork',
  'cgroup:cgroup_attach_task',
];

/**
 * perf mounts tracefs where it is not: in a mount namespace of its own, so that the machine stays as it is.
 */
const privately = ['--mount', '--propagation', 'private'];
const runFile = promisify(execFile);

export interface PerfRecording {
  /** Resolves when all is written. */
  stop(): Promise<void>;
  /** Records that perf says it has lost; a recording with losses proves nothing. */
  lost(): Promise<number>;
  /** In order of their time. */
  events(): AsyncGenerator<PerfEvent>;
  /** Deletes it; perf ends, if it still runs. */
  close(): Promise<void>;
}

/** Records what the scheduler does, by perf, from when this resolves. */
export async function startPerf(): Promise<PerfRecording> {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-perf-'));
  const file = join(directory, 'perf.data');
  const refills = quotaTimer();
  const child = spawn(
    'unshare',
    [
      ...privately,
      ...['perf', 'record', '--quiet', '--all-cpus', '--switch-events', '--no-buildid', '--output', file],
      ...['--clockid', 'CLOCK_MONOTONIC', '--mmap-pages', String(pagesPerCpu)],
      ...['--delay', '-1', '--control', 'fd:3,4'],
      ...['--event', tracepoints.join()],
      ...(refills ? ['--event', 'timer:hrtimer_expire_entry', '--filter', `function == ${refills}`] : []),
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] },
  );
  const ended = ending(child);
  const [, , , control, answers] = child.stdio as unknown as readonly [null, null, null, Writable, Readable];
  control.write('enable\n');
  await Promise.race([once(answers, 'data'), ended.then(() => failed('it ended before it recorded'))]);
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    await ended;
  };
  return {
    stop,
    lost: async () => lostIn((await runFile('perf', ['report', '--input', file, '--stats'])).stdout),
    events: () => readEvents(file),
    async close() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function failed(reason: string): never {
  throw new Error(`cannot record with perf: ${reason}`);
}

async function ending(child: ChildProcess): Promise<void> {
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code, signal] = await once(child, 'close');
  if (code !== 0 && signal !== 'SIGINT') failed(`exit ${code ?? signal}: ${errors.trim()}`);
}

/** Address of the kernel's function, which a filter compares; undefined where the kernel has no quotas. */
function quotaTimer(): string | undefined {
  const address = /^([0-9a-f]+) t sched_cfs_period_timer$/im.exec(
    readFileSync('/proc/kallsyms', 'utf8'),
  )?.[1];
  if (address && /^0+$/.test(address)) failed('kernel addresses are hidden (kptr_restrict)');
  return address && `0x${address}`;
}

/** From the statistics of `perf report`: lost records, and samples the kernel had no room for. */
export function lostIn(statistics: string): number {
  if (!/TOTAL events: +\d+/.test(statistics)) failed('no statistics of the recording');
  const counts = statistics.matchAll(/^ *LOST(?:_SAMPLES)? events: +(\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

async function* readEvents(file: string): AsyncGenerator<PerfEvent> {
  const child = spawn(
    'perf',
    ['script', '--input', file, '--ns', '--fields', 'tid,cpu,time,event,trace', '--show-switch-events'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = ending(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = parseEvent(line);
    if (event) yield event;
  }
  await ended;
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Directories of a process's threads. */
export const threadsOf = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`);

/** Resolves when the process has so many threads. */
export async function untilThreads(pid: number, count: number): Promise<void> {
  while (threadsOf(pid).length < count) await sleep(20);
}

/** Sends SIGSTOP; resolves when no thread of the process can run: all its waits have ended. */
export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  while (!threadsOf(pid).every((thread) => /\) T /.test(readFileSync(join(thread, 'stat'), 'utf8'))))
    await sleep(20);
}

export interface KernelWaits {
  readonly waits: number;
  /** ns. */
  readonly wait: number;
}

/** Waits for a CPU of these threads since their creation, as the kernel counts: `pcount` and `run_delay` of `sched_info`. */
export function waitsOf(threads: readonly string[]): KernelWaits {
  let wait = 0;
  let waits = 0;
  for (const thread of threads) {
    const [, delay, count] = readFileSync(join(thread, 'schedstat'), 'utf8').split(' ').map(Number);
    wait += delay ?? Number.NaN;
    waits += count ?? Number.NaN;
  }
  return { wait, waits };
}

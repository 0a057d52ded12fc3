import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { SchedulingModes } from './source.ts';

const extDirectory = '/sys/kernel/sched_ext';
const inUse = {
  ext: 'A BPF scheduler (sched_ext) chooses CPUs: waits that it moves between them are unknown, without culprits.',
  core: 'Threads have core-scheduling cookies: a CPU that has to stay idle beside another cookie counts as idle.',
} as const;

/** The text of a file, without its last newline, or undefined where there is none. */
export type ReadFile = (path: string) => string | undefined;

export const readFrom =
  (hostFile: (path: string) => string): ReadFile =>
  (path) => {
    try {
      return readFileSync(hostFile(path), 'utf8').trimEnd();
    } catch {
      return undefined; // a kernel without sched_ext, or no BPF scheduler now
    }
  };

/** To be called after each reading, with its losses; each change is logged. */
export function watchSchedulingModes(
  read: ReadFile,
  log: Pick<Logger, 'warn' | 'info'>,
): (losses: Readonly<Record<string, number>>) => SchedulingModes {
  const ext = watchExt(read);
  let before: SchedulingModes = {};

  function logChange(mode: keyof typeof inUse, now: SchedulingModes): void {
    if (now[mode] === before[mode]) return;
    if (now[mode] === undefined) log.info({ mode }, 'The kernel schedules by its own rules again.');
    else log.warn({ [mode]: now[mode] }, inUse[mode]);
  }

  return (losses) => {
    const scheduler = ext();
    const now: SchedulingModes = {
      ...(scheduler !== undefined && { ext: scheduler }),
      ...(losses.core_scheduled && { core: true }),
    };
    logChange('ext', now);
    logChange('core', now);
    before = now;
    return now;
  };
}

/** The name of the BPF scheduler, also of one that has come and gone since the call before: the kernel counts them. */
function watchExt(read: ReadFile): () => string | undefined {
  const count = () => read(`${extDirectory}/enable_seq`);
  let seen = count();
  return () => {
    const state = read(`${extDirectory}/state`);
    const isIn = state !== undefined && state !== 'disabled';
    const now = count();
    const hasCome = now !== seen;
    seen = now;
    return isIn || hasCome ? read(join(extDirectory, 'root', 'ops')) || 'unknown' : undefined;
  };
}

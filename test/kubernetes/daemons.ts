import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Processes that are found again by a later run: a file for each holds its pid and when it started. */

const stopLimitMs = 5_000;

/** `undefined` when there is none, or it is a zombie that nothing has reaped. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : rest[18];
  } catch {
    return undefined; // gone
  }
}

const pidFile = (state: string, name: string) => join(state, `${name}.pid`);

export function writePid(state: string, name: string, pid: number): void {
  writeFileSync(pidFile(state, name), `${pid} ${startOf(pid)}\n`);
}

/** The pid only while it is still the same process: pids are used again. */
export function runningPid(state: string, name: string): number | undefined {
  const file = pidFile(state, name);
  if (!existsSync(file)) return undefined;
  const [pid, start] = readFileSync(file, 'utf8').trim().split(' ');
  return start !== undefined && startOf(Number(pid)) === start ? Number(pid) : undefined;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Outlives this process; its output goes to `log/NAME.log`. */
export function startDaemon(state: string, name: string, { file, args, env }: Command): void {
  const log = openSync(join(state, 'log', `${name}.log`), 'a');
  const child = spawn(file, args, {
    cwd: state,
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  });
  closeSync(log);
  child.on('error', () => {}); // the wait for its answer fails and shows the log
  child.unref();
  if (child.pid !== undefined) writePid(state, name, child.pid);
}

/** Asks them to end together, and makes them after a while. */
export async function stopDaemons(
  state: string,
  names: readonly string[],
  signal?: 'SIGKILL',
): Promise<void> {
  const pids = names.flatMap((name) => runningPid(state, name) ?? []);
  await endProcesses(pids, signal);
  for (const name of names) rmSync(pidFile(state, name), { force: true });
}

export async function endProcesses(
  pids: readonly number[],
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  const started = new Map(pids.map((pid) => [pid, startOf(pid)]));
  const alive = () => pids.filter((pid) => startOf(pid) !== undefined && startOf(pid) === started.get(pid));
  const send = (name: NodeJS.Signals) => {
    for (const pid of alive())
      try {
        process.kill(pid, name);
      } catch {
        // ended meanwhile
      }
  };
  send(signal);
  for (const deadline = Date.now() + stopLimitMs; alive().length > 0; await sleep(50))
    if (Date.now() > deadline) {
      send('SIGKILL');
      await sleep(500);
      const left = alive();
      if (left.length > 0) throw new Error(`cannot end ${left.join(', ')}: still there after SIGKILL`);
    }
}

export function lastWords(state: string, name: string): string {
  const file = join(state, 'log', `${name}.log`);
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').slice(-15).join('\n') : '(no log)';
}

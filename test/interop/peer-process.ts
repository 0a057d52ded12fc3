import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PeerProcess {
  /** Its log. */
  log(): string;
  /** Idempotent; by SIGKILL unless another signal is given. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** Resolves when the program is ready; rejects with its log if it ends before that or is not ready in time. */
export async function startPeer(
  command: string,
  args: readonly string[],
  isReady: (log: string) => boolean | Promise<boolean>,
): Promise<PeerProcess> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      log += data;
    });
  const ended = once(child, 'close');
  const end = async (signal: NodeJS.Signals = 'SIGKILL') => {
    child.kill(signal);
    await ended;
  };
  try {
    await until(async () => hasEnded(child) || (await isReady(log)), `${command} is ready`);
  } catch (cause) {
    await end();
    throw new Error(`${(cause as Error).message}:\n${log}`, { cause });
  }
  if (hasEnded(child)) throw new Error(`${command} ended:\n${log}`);
  return { log: () => log, end };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const begin = performance.now();
  while (!(await condition())) {
    if (performance.now() - begin > 30_000) throw new Error(`not within 30 s: ${what}`);
    await sleep(50);
  }
}

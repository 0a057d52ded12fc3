import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Compiled where this file is. */
const main = fileURLToPath(new URL(`../../src/main${extname(import.meta.filename)}`, import.meta.url));

export interface Agent {
  readonly process: ChildProcess;
  /** Everything it wrote so far. */
  output(): string;
  errors(): string;
  /** Resolves when standard error holds the text; rejects when the agent ends first. */
  logged(text: string): Promise<void>;
  /** Sends a signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** `earshot run` as users start it, with this configuration; `through` is a program that becomes the one it is given. */
export function startAgent(
  config: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
  through: readonly string[] = [],
): Agent {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-agent-'));
  const file = join(directory, 'config.yaml');
  writeFileSync(file, config);
  const [program = '', ...words] = [...through, process.execPath, main, 'run', '--config', file, ...args];
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const ended = once(child, 'exit').then(([code]) => {
    rmSync(directory, { recursive: true, force: true });
    return code as number | null;
  });
  return {
    process: child,
    output: () => output,
    errors: () => errors,
    logged: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (errors.includes(text)) resolve();
        };
        child.stderr.on('data', look);
        look();
        ended.then((code) =>
          reject(new Error(`the agent ended with ${code} before it logged "${text}":\n${errors}`)),
        );
      }),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fixture } from './fixture.ts';

export const probedBinary = fixture('probed');

/** A process with functions to attach to. */
export interface Probed {
  readonly pid: number;
  /** In the file. */
  readonly offsets: { readonly first: number; readonly second: number };
  /** Calls `first` and passes the marker so often, then calls `second` once. */
  call(times: number): Promise<void>;
  close(): Promise<void>;
}

export async function startProbed(): Promise<Probed> {
  const child = spawn(probedBinary, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const offsets: string = (await lines.next()).value ?? '';
  const [first = Number.NaN, second = Number.NaN] = offsets.split(' ').map(Number);
  return {
    pid: child.pid ?? -1,
    offsets: { first, second },
    async call(times) {
      child.stdin.write(`${times}\n`);
      await lines.next();
    },
    async close() {
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    },
  };
}

import { cpus, homedir } from 'node:os';
import { hostFile } from './host-file.ts';
import { nodeName } from './node-name.ts';

/** The machine and the process's surroundings, as components see them. */
export interface Machine {
  /** The node's name, `host.name` of all that is emitted. */
  readonly name: string;
  readonly cpus: number;
  /** The directory at which the host's file system is mounted. */
  readonly rootPath: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  /** Where a file about the whole machine (`/proc/stat`) is found. */
  hostFile(path: string): string;
}

/** Standard output. */
export interface Terminal {
  /** Undefined: it is no terminal. Read for each screen: windows are resized. */
  readonly columns: number | undefined;
  readonly hasColour: boolean;
  /** Resolves when its reader, or a buffer of the system, has the text. Rejects where it cannot be written; the next one may be. */
  print(text: string): Promise<void>;
}

export function thisMachine(rootPath: string): Machine {
  return {
    name: nodeName(process.env),
    cpus: cpus().length,
    rootPath,
    environment: { HOME: homedir(), ...process.env }, // services of systemd have no $HOME
    terminal: standardOutput,
    hostFile: (path) => hostFile(rootPath, path),
  };
}

const standardOutput: Terminal = {
  get columns() {
    return process.stdout.columns || undefined;
  },
  get hasColour() {
    return process.stdout.isTTY === true && !process.env.NO_COLOR;
  },
  /** Lasts as long as a slow reader makes it last, so that the queue before it sees that. */
  print: (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => {
        if (error) reject(new Error(`cannot write to standard output: ${error.message}`, { cause: error }));
        else resolve();
      });
    }),
};

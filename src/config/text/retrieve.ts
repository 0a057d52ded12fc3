import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import type { Problem } from '../config-error.ts';
import { didYouMean } from '../rules/did-you-mean.ts';
import { decodeSource, maxBytes } from './decode.ts';
import { digestOf } from './files.ts';
import type { Source } from './source.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where text comes from, in `--config` and in `${…}`: the Collector's providers. */
export const schemes = ['env', 'file', 'yaml', 'http', 'https'] as const;
export type Scheme = (typeof schemes)[number];

/** What was fetched from an address; undefined: it is still to be fetched. */
export type Fetched = { readonly bytes: Buffer } | { readonly reason: string } | undefined;

export interface Surroundings {
  readonly environment: Environment;
  readonly readFile?: (path: string) => string | Buffer;
  readonly readStdin?: () => Buffer;
  /** What came through named pipes, by path: the next load has the same, for a pipe without a writer would block it. */
  readonly pipes?: Map<string, Buffer>;
  readonly fetched?: (url: string) => Fetched;
}

export interface Retrieved {
  /** Absent: it cannot be read. */
  readonly source?: Source;
  /** Without a position where it belongs to the place that names the text. */
  readonly problems: readonly Problem[];
}

/** Texts that `${…}` may name, repeated ones included. */
const maxRetrieved = 1000;

/** Reads all that a configuration is made of, which is bounded as a whole. */
export class Retriever {
  readonly environment: Environment;
  readonly files: Map<string, string> = new Map();
  readonly #from: Surroundings;
  /** A file that is named twice has one content. */
  readonly #contents = new Map<string, Buffer>();
  #room = maxBytes;
  #left = maxRetrieved;

  constructor(from: Surroundings) {
    this.environment = from.environment;
    this.#from = from;
  }

  file(path: string): Retrieved {
    if (path === '') return { problems: [{ message: 'no file is named: write "${file:/path}"' }] };
    return this.#decoded(path, () => this.#read(path));
  }

  url(url: string): Retrieved {
    const name = nameOf(url);
    if (name === undefined) return { problems: [{ message: `"${url}" is no address` }] };
    const fetched = this.#from.fetched?.(url);
    // Shown only where no more is fetched: otherwise all is loaded again with it.
    if (fetched === undefined)
      return { problems: [{ message: `cannot read ${name}: too many addresses inside one another` }] };
    if ('reason' in fetched) return { problems: [{ message: `cannot read ${name}: ${fetched.reason}` }] };
    return this.#decoded(name, () => fetched.bytes);
  }

  stdin(): Retrieved {
    return this.#decoded('standard input', () => (this.#from.readStdin ?? (() => readFileSync(0)))());
  }

  /** A text that is there already. */
  text(name: string, text: string): Retrieved {
    return this.#decoded(name, () => Buffer.from(text));
  }

  #decoded(name: string, read: () => Buffer): Retrieved {
    this.#left -= 1;
    if (this.#left < 0)
      return { problems: [{ message: `more than ${maxRetrieved} references to files and addresses` }] };
    let bytes: Buffer;
    try {
      bytes = read();
    } catch (error) {
      return { problems: [{ message: `cannot read ${name}: ${reasonOf(error)}` }] };
    }
    this.#room -= bytes.length;
    if (this.#room < 0) {
      const reason = `the configuration is larger than ${maxBytes / 1024} KiB`;
      return { problems: [{ message: `cannot read ${name}: ${reason}` }] };
    }
    const { source, problems } = decodeSource(name, bytes);
    return problems.length > 0 ? { problems } : { source, problems };
  }

  #read(path: string): Buffer {
    const known = this.#contents.get(path);
    if (known) return known;
    try {
      const { readFile } = this.#from;
      const { bytes, isFile } = readFile
        ? { bytes: Buffer.from(readFile(path)), isFile: true }
        : readAt(path, this.#from.pipes);
      // Nothing else can be watched.
      if (isFile) this.files.set(path, digestOf(bytes));
      this.#contents.set(path, bytes);
      return bytes;
    } catch (error) {
      this.files.set(path, String((error as NodeJS.ErrnoException).code));
      throw error;
    }
  }
}

function readAt(path: string, pipes?: Surroundings['pipes']): { bytes: Buffer; isFile: boolean } {
  const isPipe = statSync(path).isFIFO();
  const known = isPipe ? pipes?.get(path) : undefined;
  if (known) return { bytes: known, isFile: false };
  const file = openSync(path, 'r');
  try {
    const bytes = readFileSync(file);
    if (isPipe) pipes?.set(path, bytes);
    return { bytes, isFile: fstatSync(file).isFile() };
  } finally {
    closeSync(file);
  }
}

/** An address as messages show it: neither credentials nor what stands behind `?`. */
function nameOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** `scheme:rest`, or undefined: it has no scheme. A letter and a colon are none, as on Windows. */
export function schemeOf(text: string): readonly [scheme: string, rest: string] | undefined {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(text) ?? [];
  return scheme === undefined || rest === undefined ? undefined : [scheme, rest];
}

export const isScheme = (scheme: string): scheme is Scheme => schemes.some((known) => known === scheme);

export const unknownScheme = (scheme: string) =>
  `scheme "${scheme}" is not supported${didYouMean(scheme, schemes) || ` (known: ${schemes.join(', ')})`}`;

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

/** Why a file cannot be read. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return fileReasons[code] ?? (error instanceof Error ? error.message : String(error));
}

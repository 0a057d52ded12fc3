import { readFileSync } from 'node:fs';
import type { Problem } from '../config-error.ts';
import { decodeSource, maxBytes } from './decode.ts';
import { type Parsed, parseYaml } from './parse.ts';
import { parseSet } from './set.ts';
import { mergeTrees, type Tree } from './tree.ts';

export interface ConfigSources {
  /** Paths; a later file overrides an earlier one. */
  readonly files: readonly string[];
  /** `key::key=value` each, applied after all files. */
  readonly sets: readonly string[];
  readonly readFile?: (path: string) => string | Buffer;
}

interface Whole {
  /** Absent where a part cannot be read at all. */
  readonly tree?: Tree;
  /** Each part that can be read. */
  readonly trees: readonly Tree[];
  /** Wrong, but no reason not to look further. */
  readonly problems: readonly Problem[];
}

/** One tree of all that was written. */
export function readTree({ files, sets, readFile = (path) => readFileSync(path) }: ConfigSources): Whole {
  if (files.length === 0)
    return { trees: [], problems: [{ message: 'at least one config flag must be provided' }] };
  const problems: Problem[] = [];
  const trees: Tree[] = [];
  let isWhole = true;
  const add = (parsed: Parsed) => {
    problems.push(...parsed.problems);
    if (parsed.tree) trees.push(parsed.tree);
    else isWhole = false;
  };
  let room = maxBytes;
  const readBytes = (path: string) => {
    const bytes = Buffer.from(readFile(path));
    room -= bytes.length;
    if (room < 0) throw new Error(`the configuration is larger than ${maxBytes / 1024} KiB`);
    return bytes;
  };
  for (const file of files) add(readConfigFile(file.replace(/^file:/, ''), readBytes));
  for (const set of sets) add(parseSet(set));
  const [first, ...others] = trees;
  if (!isWhole || first === undefined) return { trees, problems };
  return { tree: others.reduce(mergeTrees, first), trees, problems };
}

function readConfigFile(path: string, readFile: (path: string) => Buffer): Parsed {
  let bytes: Buffer;
  try {
    bytes = readFile(path);
  } catch (error) {
    return { problems: [{ message: `cannot read ${path}: ${reasonOf(error)}` }] };
  }
  const { source, problems: unreadable } = decodeSource(path, bytes);
  if (unreadable.length > 0) return { problems: unreadable };
  const { tree, problems } = parseYaml(source);
  const start = { source, start: 0, end: 1 };
  if (tree?.kind === 'scalar' && tree.value === null)
    return { problems: [{ message: 'empty configuration file', at: start }] };
  if (tree && tree.kind !== 'map') {
    const message = 'the configuration must be keys and values: receivers, exporters, service, …';
    return { problems: [...problems, { message, at: start }] };
  }
  return { ...(tree && { tree }), problems };
}

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

/** Why a file cannot be read. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return fileReasons[code] ?? (error instanceof Error ? error.message : String(error));
}

import { readdirSync, readFileSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

export interface TestFilesOptions {
  readonly cwd: string;
  readonly concurrency: number;
  /** For a test, ms: a longer one has failed. */
  readonly testLimit: number;
  /** ms: a file without a result for so long is ended, as in an endless loop, or with a handle left open, it cannot end. */
  readonly idleLimit: number;
  /** Takes the results, for a person. */
  readonly write: (text: string) => void;
}

export interface TestFilesResult {
  readonly hasPassed: boolean;
  /** Files that were ended for want of results. */
  readonly hanging: readonly string[];
  /** Reasons of skipped tests, each once. */
  readonly skips: readonly string[];
}

/** Runs test files, each in a process of its own, and writes their results. */
export async function runTestFiles(
  files: readonly string[],
  { cwd, concurrency, testLimit, idleLimit, write }: TestFilesOptions,
): Promise<TestFilesResult> {
  const timers = new Map<string, NodeJS.Timeout>();
  const hanging: string[] = [];
  const skips = new Set<string>();
  let hasPassed = false;
  // Without `forceExit`, which may lose the last results of a file, and passes nevertheless (nodejs/node#64833).
  const events = run({ files, cwd, concurrency, timeout: testLimit });
  events.on('test:dequeue', ({ name, nesting }) => {
    if (nesting > 0 || !files.includes(name)) return;
    timers.set(
      name,
      setTimeout(() => {
        hanging.push(name);
        killTestProcess(name);
      }, idleLimit),
    );
  });
  events.on('test:complete', ({ name, nesting, file }) => {
    if (nesting === 0 && files.includes(name)) clearTimeout(timers.get(name));
    else timers.get(file ?? '')?.refresh();
  });
  events.on('test:pass', ({ skip }) => {
    if (skip) skips.add(skip === true ? 'no reason' : skip);
  });
  events.on('test:summary', ({ file, success }) => {
    if (file === undefined) hasPassed = success;
  });
  for await (const text of events.compose(new spec())) write(String(text));
  return { hasPassed: hasPassed && hanging.length === 0, hanging, skips: [...skips] };
}

/** Kills the process of a test file and its descendants, which may be agents or loads. */
function killTestProcess(file: string): void {
  const children = childrenByParent();
  const own = (children.get(process.pid) ?? []).filter((pid) => commandLine(pid).includes(file));
  for (const pid of own.flatMap((each) => descendants(each, children))) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // has ended meanwhile
    }
  }
}

function childrenByParent(): ReadonlyMap<number, readonly number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    const siblings = children.get(parent);
    if (siblings) siblings.push(Number(name));
    else children.set(parent, [Number(name)]);
  }
  return children;
}

function descendants(pid: number, children: ReadonlyMap<number, readonly number[]>): readonly number[] {
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => descendants(child, children))];
}

const commandLine = (pid: number) => read(`/proc/${pid}/cmdline`).split('\0');

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the process has ended meanwhile
  }
}

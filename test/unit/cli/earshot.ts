import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
export const folder = mkdtempSync(join(tmpdir(), 'earshot-main-'));
after(() => rmSync(folder, { recursive: true }));

export function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

export const good = file(
  'good.yaml',
  `receivers: {agent: {interval: 100ms}}
exporters: {debug: {verbosity: normal}}
service: {pipelines: {metrics: {receivers: [agent], exporters: [debug]}}}
`,
);

export function earshot(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** A running agent whose output can be waited for. */
export const start = (...args: string[]) => watch([process.execPath, main, 'run', ...args]);

export function watch([command = '', ...args]: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, output, exit };
}

/** What came behind what was waited for before: one chunk may hold both. */
const unread = new WeakMap<object, string>();

export async function outputOf(
  child: ChildProcess,
  name: 'stdout' | 'stderr',
  wanted: string,
): Promise<void> {
  const stream = child[name];
  assert.ok(stream, `${name} is a pipe`);
  let seen = unread.get(stream) ?? '';
  const isThere = () => {
    const at = seen.indexOf(wanted);
    if (at >= 0) unread.set(stream, seen.slice(at + wanted.length));
    return at >= 0;
  };
  if (isThere()) return;
  for await (const text of stream.iterator({ destroyOnReturn: false })) {
    seen += text;
    if (isThere()) return;
  }
  assert.fail(`the agent ended without saying "${wanted}", but: ${seen}`);
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Answer } from '../../../src/explanations/answer.ts';
import { makeCgroup, removeCgroups, runIn, spin } from '../../kernel/scheduler-fixture.ts';
import { startAgent } from '../agent.ts';

/** A running agent, asked as an operator asks it. */

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'earshot-explain-'));
const socket = join(directory, 'run/admin.sock');
after(() => rmSync(directory, { recursive: true }));
after(removeCgroups);

const config = (receiver: string) => `receivers: {${receiver}}
processors: {workload: {sources: []}, contention: }
connectors: {noisy_neighbor: }
exporters: {debug: {verbosity: basic}}
extensions: {admin: {endpoint: "unix://${socket}"}}
service:
  extensions: [admin]
  pipelines:
    metrics: {receivers: [${receiver.split(':')[0]}], processors: [workload, contention], exporters: [noisy_neighbor]}
    logs: {receivers: [noisy_neighbor], exporters: [debug]}
`;

function earshot(args: readonly string[], prefix: readonly string[] = []) {
  const [command = '', ...rest] = [...prefix, process.execPath, main, ...args];
  const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8', timeout: 20_000 });
  return { status, stdout, stderr };
}

test('a workload that waits is explained while the agent runs, and a second agent leaves the socket to it', async () => {
  const busy = makeCgroup('explained');
  const agent = startAgent(config('scheduler: {interval: 500ms}'));
  try {
    await agent.logged('Everything is ready');
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    await runIn(busy, spin(5, 4 * availableParallelism()));
    await sleep(1200); // two windows
    const { status, stdout, stderr } = earshot(['explain', busy.path, '--socket', socket, '--json']);
    assert.equal(status, 0, stderr);
    const { workload, causes, wait, culprits, sentence }: Answer = JSON.parse(stdout);
    assert.equal(workload.cgroup, busy.path);
    // four threads a CPU, whatever else runs here
    assert.ok(wait.share > 0.7, stdout);
    const sum = (of: readonly { readonly seconds: number }[]) =>
      of.reduce((total, { seconds }) => total + seconds, 0);
    assert.ok(Math.abs(sum(causes) - wait.seconds) < 1e-6, stdout);
    const self = sum(causes.filter(({ cause }) => cause === 'self'));
    assert.ok(self > 0 && self + sum(culprits) > 0.8 * wait.seconds, stdout);
    assert.ok(sentence.startsWith(`${busy.path} waited `), sentence);
    const text = earshot(['explain', busy.path, '--socket', socket]);
    assert.match(text.stdout, /^CAUSES {6}\S+\n {12}.*S self/m);

    const second = startAgent(config('agent: {interval: 500ms}'));
    assert.equal(await second.stop('SIGCONT'), 1);
    assert.match(second.errors(), /cannot listen at .*admin\.sock: another process listens there/);
    assert.equal(earshot(['explain', busy.path, '--socket', socket]).status, 0, 'the first one goes on');
  } finally {
    assert.equal(await agent.stop(), 0);
  }
  assert.equal(existsSync(socket), false);
});

test('a socket that a killed agent left is replaced', async () => {
  const killed = startAgent(config('agent: {interval: 500ms}'));
  await killed.logged('Everything is ready');
  await killed.stop('SIGKILL');
  assert.ok(statSync(socket).isSocket());
  const dead = earshot(['explain', 'web', '--socket', socket]);
  assert.equal(dead.status, 1);
  assert.match(dead.stderr, /no agent listens there/);
  const next = startAgent(config('agent: {interval: 500ms}'));
  await next.logged('Everything is ready');
  const early = earshot(['explain', 'web', '--socket', socket]);
  assert.deepEqual([early.status, early.stdout], [1, '']);
  assert.match(early.stderr, /there is no window to explain yet/);
  assert.equal(await next.stop(), 0);
});

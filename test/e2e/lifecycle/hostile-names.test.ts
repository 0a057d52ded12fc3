import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { printable } from '../../../src/printable.ts';
import { makeCgroup, program, removeCgroup, removeCgroups, version } from '../../kernel/scheduler-fixture.ts';
import { startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { steers } from '../../unit/hostile-names.ts';
import { type Agent, startAgent } from '../agent.ts';

/** A cgroup and a thread whose names would steer a terminal: through the whole agent, as text. */

const cleanings: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanings.splice(0).reverse()) await clean();
  await removeCgroups();
});

/** The kernel refuses an end of line in a cgroup's name, but not in a thread's. */
const cgroupName = '\x1b[2J\rTOTAL\u202e\u009b31m';
const threadName = '\x1b[2J\nTOTAL\x07';

const config = (endpoint: string) => `receivers:
  scheduler: {interval: 500ms, min_wait: 1ms, events_per_second: 100}
processors:
  workload: {}
  contention: {}
exporters:
  debug: {verbosity: normal}
  debug/detailed: {verbosity: detailed}
  table: {rows: 100}
  otlp_grpc: {endpoint: "http://${endpoint}"}
service:
  pipelines:
    metrics: {receivers: [scheduler], processors: [workload, contention], exporters: [debug, debug/detailed, table, otlp_grpc]}
    logs: {receivers: [scheduler], processors: [workload, contention], exporters: [debug, debug/detailed, otlp_grpc]}
`;

test('no name of a cgroup or thread steers what a real agent prints; OTLP has the names themselves', async () => {
  const parent = makeCgroup('hostile');
  const directories = ['\\377', '\\376'].map((text, i) => ({
    path: `${parent.path}/${cgroupName}${text}`,
    directory: Buffer.concat([Buffer.from(`${parent.directory}/${cgroupName}`), Buffer.of(0xff - i)]),
  }));
  if (version === 2) writeFileSync(join(parent.directory, 'cgroup.subtree_control'), '+cpu');
  for (const { directory } of directories) {
    mkdirSync(directory);
    cleanings.push(() => removeCgroup(directory));
  }
  const receiver = await startOtlpReceiver();
  cleanings.push(() => receiver.close());
  const agent = startAgent(config(receiver.endpoint));
  cleanings.push(() => agent.stop('SIGKILL'));
  await agent.logged('Everything is ready');

  for (const { directory } of directories) startLoad(directory);
  const victims = () =>
    new Set(
      receiver
        .metrics()
        .flatMap(({ resources }) => resources.map(({ resource }) => resource['earshot.cgroup.path'])),
    );
  const threads = () =>
    new Set(
      receiver
        .logs()
        .flatMap(({ resources }) =>
          resources.flatMap(({ records }) => records.map(({ attributes }) => attributes['thread.name'])),
        ),
    );
  await receiver.until(
    () => directories.every(({ path }) => victims().has(path)) && threads().has(threadName),
  );
  await printedBy(agent, [printable(directories[0]?.path ?? ''), printable(threadName)]);
  assert.equal(await agent.stop(), 0);

  for (const text of [agent.output(), agent.errors()]) {
    assert.doesNotMatch(text, steers);
    assert.doesNotMatch(text, /^TOTAL(?! )/m);
  }
  for (const { path } of directories) {
    const name = printable(path);
    assert.ok(agent.output().includes(`earshot.cgroup.path=${name}`), 'debug, normal');
    assert.ok(agent.output().includes(`earshot.cgroup.path: ${name}\n`), 'debug, detailed');
    // the table cuts long names in the middle
    assert.match(
      agent.output(),
      new RegExp(`^/earshot-\\S*${RegExp.escape(name.slice(-8))} +[\\d.,]+ `, 'm'),
      'table',
    );
  }
  assert.ok(agent.output().includes(`thread.name=${printable(threadName)}`));
});

/** Threads that wait for one CPU. */
function startLoad(directory: Buffer): void {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-hostile-'));
  const command = join(folder, threadName); // the kernel names a thread after its file
  copyFileSync(program('test/spin'), command);
  const child = spawn('taskset', ['-c', '0', 'sh', '-c', 'read go && exec "$0" 30 2', command], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  cleanings.push(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  });
  writeFileSync(Buffer.concat([directory, Buffer.from('/cgroup.procs')]), String(child.pid));
  child.stdin.end('go\n');
}

async function printedBy(agent: Agent, texts: readonly string[]): Promise<void> {
  for (let attempt = 0; !texts.every((text) => agent.output().includes(text)); attempt++) {
    assert.ok(attempt < 500, `${texts} are not printed`);
    await sleep(20);
  }
}

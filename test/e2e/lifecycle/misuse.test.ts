import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { type Agent, startAgent } from '../agent.ts';

/** The agent as it is started by mistake: a clear message, exit code 1, and nothing left in the kernel. */

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'earshot-misuse-'));
chmodSync(directory, 0o755); // some tests run the agent as the user nobody
after(() => rmSync(directory, { recursive: true }));

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop('SIGKILL'); // where a test failed before it did
});
function start(text: string): Agent {
  const agent = startAgent(text);
  agents.push(agent);
  return agent;
}

const config = (exporter = 'debug:\n    verbosity: basic', name = 'debug') => `receivers:
  scheduler:
    interval: 500ms
exporters:
  ${exporter}
service:
  pipelines:
    metrics: {receivers: [scheduler], exporters: [${name}]}
`;

function write(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

function runAgent(args: readonly string[], prefix: readonly string[] = []) {
  const [command = '', ...rest] = [...prefix, process.execPath, main, ...args];
  const { status, stderr, stdout } = spawnSync(command, rest, { encoding: 'utf8', timeout: 20_000 });
  return { status, stderr, stdout };
}

const unprivileged = ['setpriv', '--reuid=65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'];

/** The kernel frees programs a moment after their last user has gone. */
async function untilNothingIsAttached(): Promise<void> {
  for (let attempt = 0; attachedPrograms().length; attempt++) {
    assert.ok(attempt < 100, `still in the kernel: ${attachedPrograms()}`);
    await sleep(20);
  }
}

/** Names of our programs that are in the kernel now. */
function attachedPrograms(): readonly string[] {
  const { stdout } = spawnSync('/usr/sbin/bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8' });
  const programs = JSON.parse(stdout) as readonly { name?: string }[];
  return programs
    .map(({ name }) => name ?? '')
    .filter((name) => /^on_(switch|migrate|cgroup_rmdir)$/.test(name));
}

test('all unknown keys and wrong types are reported with file, line and column', async () => {
  const file = write('typo.yaml', config().replace('interval: 500ms', 'interva: 500ms\n    sample: often'));
  const { status, stderr } = runAgent(['run', '--config', file]);
  assert.equal(status, 1);
  assert.match(stderr, /typo\.yaml:3:5: .*"interva".*did you mean "interval"/);
  assert.match(stderr, /typo\.yaml:4:\d+: .*sample/);
  await untilNothingIsAttached();
});

test('a missing configuration file is named', () => {
  const { status, stderr } = runAgent(['run', '--config', join(directory, 'absent.yaml')]);
  assert.equal(status, 1);
  assert.match(stderr, /absent\.yaml.*(no such file|does not exist|ENOENT)/i);
});

test('without the capability to load BPF programs, the missing capability is named', () => {
  const file = write('plain.yaml', config());
  const { status, stderr } = runAgent(['run', '--config', file], unprivileged);
  assert.equal(status, 1);
  assert.match(stderr, /Error: .*scheduler.*no permission to load BPF programs.*CAP_BPF/s);
});

test('without that capability and with a replay to fall back on, every screen is marked as a recording', async () => {
  const file = write('table.yaml', config('table:', 'table'));
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const [command = '', ...prefix] = unprivileged;
  const agent = spawn(
    command,
    [...prefix, process.execPath, main, 'run', '--config', file, '--fallback-config', 'config/replay.yaml'],
    { cwd: root, env: { ...process.env, EARSHOT_INTERVAL: '500ms' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [stdout, stderr] = ['', ''];
  agent.stderr.on('data', (text) => {
    stderr += text;
  });
  const screens = () => stdout.split(/^WORKLOAD/m).length - 1;
  agent.stdout.on('data', (text) => {
    stdout += text;
    if (screens() >= 3 && !agent.killed) agent.kill('SIGINT');
  });
  const [code] = await once(agent, 'close');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /no permission to load BPF programs/);
  assert.ok(screens() >= 3);
  assert.equal(stdout.split('RECORDING').length - 1, screens());
});

test('a second agent is refused with the pid of the first, which continues', async () => {
  const first = start(config());
  await first.logged('Everything is ready');
  const { status, stderr } = runAgent(['run', '--config', write('second.yaml', config())]);
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`another earshot \\(pid ${first.process.pid}\\)`));
  assert.ok(attachedPrograms().includes('on_switch'));
  assert.equal(await first.stop(), 0);
  await untilNothingIsAttached();
});

test('kill -9 leaves no BPF program or map, and the next agent starts', async () => {
  const first = start(config());
  await first.logged('Everything is ready');
  await first.stop('SIGKILL');
  await untilNothingIsAttached();
  const second = start(config());
  await second.logged('Everything is ready');
  assert.equal(await second.stop(), 0);
});

test('an unreachable backend is retried and named, and the agent stops in time', async () => {
  const agent = start(
    config(
      'otlp_grpc:\n    endpoint: http://127.0.0.1:9\n    retry_on_failure: {initial_interval: 100ms}',
      'otlp_grpc',
    ),
  );
  await agent.logged('127.0.0.1:9');
  assert.match(agent.errors(), /connection refused/);
  assert.equal(await agent.stop(), 0);
  assert.match(agent.errors(), /not delivered|Dropping data|dropped/i);
});

test('a backend with invalid answers, or without gRPC, does not stop the agent', async () => {
  const backend = await startOtlpReceiver();
  backend.answer({ kind: 'garbage' });
  const noise = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end('220 smtp.example.org ESMTP\r\n');
  });
  await new Promise<void>((resolve) => noise.listen(0, '127.0.0.1', resolve));
  const { port } = noise.address() as AddressInfo;
  const agent = start(`receivers:
  scheduler:
    interval: 500ms
exporters:
  otlp_grpc/garbage:
    endpoint: http://${backend.endpoint}
  otlp_grpc/noise:
    endpoint: http://127.0.0.1:${port}
service:
  pipelines:
    metrics: {receivers: [scheduler], exporters: [otlp_grpc/garbage, otlp_grpc/noise]}
`);
  await agent.logged('[exporter otlp_grpc/garbage]');
  await agent.logged('[exporter otlp_grpc/noise]');
  await backend.until(() => backend.metrics().length >= 2);
  assert.equal(await agent.stop(), 0);
  noise.close();
  await backend.close();
});

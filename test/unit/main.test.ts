import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { components } from '../../src/components.ts';
import { writeRecording } from '../../src/receivers/scheduler/recording.ts';
import type { MonotonicNanoseconds } from '../../src/telemetry/units.ts';
import { version } from '../../src/version.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'earshot-main-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const good = file(
  'good.yaml',
  `receivers: {agent: {interval: 100ms}}
exporters: {debug: {verbosity: normal}}
service: {pipelines: {metrics: {receivers: [agent], exporters: [debug]}}}
`,
);

function earshot(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** A running agent whose output can be waited for. */
const start = (...args: string[]) => watch([process.execPath, main, 'run', ...args]);

function watch([command = '', ...args]: readonly string[]) {
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

async function outputOf(child: ChildProcess, name: 'stdout' | 'stderr', wanted: string): Promise<void> {
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

test('validate is silent about what is right', () => {
  assert.deepEqual(earshot('validate', '--config', good), { status: 0, stdout: '', stderr: '' });
});

test('validate says everything that is wrong on standard error, and exits with 1', () => {
  const bad = file('bad.yaml', 'receivers: {agent: {interva: 1s, interval: 5}}\nexporters: {}\n');
  const { status, stdout, stderr } = earshot('validate', '--config', bad);
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.ok(stderr.startsWith('Error: invalid configuration, 3 problems:\n'), stderr);
  assert.ok(
    stderr.includes(
      `${bad}:1:21: receivers::agent::interva: unknown key "interva" (did you mean "interval"?)`,
    ),
  );
  assert.ok(stderr.includes('^^^^^^^'));
});

test('validate warns of what is odd, and exits with 0', () => {
  const { status, stderr } = earshot('validate', '--config', good, '--set', 'receivers::agent/b={}');
  assert.equal(status, 0);
  assert.ok(
    stderr.startsWith('Warning: --set:1:1: receivers::agent/b: configured but used in no pipeline'),
    stderr,
  );
});

test('run refuses what validate refuses, with the same words, before anything starts', () => {
  const args = ['--config', good, '--set', 'exporters.debug.verbosity=loud'];
  const validated = earshot('validate', ...args);
  assert.match(validated.stderr, /"loud" is not one of basic, normal, detailed/);
  assert.deepEqual(earshot('run', ...args), validated);
  assert.deepEqual(earshot(...args), validated, 'run is what happens without a command');
});

test('wrong arguments are an error', () => {
  for (const [args, expected] of [
    [['validate', '--nonsense'], /^Error: unknown option '--nonsense'/],
    [['validate'], /^Error: invalid configuration:\nat least one config flag must be provided/],
    [
      ['run', '--config', '/nowhere.yaml'],
      /^Error: invalid configuration:\ncannot read \/nowhere.yaml: no such file/,
    ],
    [['validate', '--config', good, '--set', 'a'], /missing equal sign/],
  ] as const) {
    const { status, stdout, stderr } = earshot(...args);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, expected);
  }
});

test('components lists what there is, as YAML', () => {
  const { status, stdout } = earshot('components');
  assert.equal(status, 0);
  const listed = parse(stdout);
  assert.deepEqual(listed.buildinfo, { command: 'earshot', version });
  for (const { kind, type, summary } of components)
    assert.ok(
      listed[`${kind}s`].some(
        (one: { name: string; summary: string }) => one.name === type && one.summary === summary,
      ),
    );
});

test('print-config shows what takes effect', () => {
  const { status, stdout } = earshot(
    'print-config',
    '--config',
    good,
    '--set',
    'receivers.agent.interval=90s',
  );
  assert.equal(status, 0);
  assert.equal(parse(stdout).receivers.agent.interval, '1m30s');
});

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`a run delivers data until ${signal}, ends in order and exits with 0`, async () => {
    const { child, output, exit } = start('--config', good);
    await outputOf(child, 'stdout', 'otelcol_process_memory_rss{}');
    child.kill(signal);
    assert.equal(await exit, 0);
    const lines = output.stderr.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^\S+Z info {2}Starting earshot\.\.\. \{"version":"/);
    assert.ok(lines.some((line) => line.includes('Everything is ready. Begin running and processing data.')));
    assert.match(lines.at(-1) ?? '', /Shutdown complete\.$/);
  });

test('the log can be JSON', async () => {
  const { child, output, exit } = start('--config', good, '--set', 'service.telemetry.logs.encoding=json');
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill();
  assert.equal(await exit, 0);
  for (const line of output.stderr.trimEnd().split('\n')) assert.equal(JSON.parse(line).level, 'info');
});

test('a reader that goes away ends the agent in order', async () => {
  const { child, output, exit } = start('--config', good);
  await outputOf(child, 'stdout', 'otelcol_process_memory_rss{}');
  child.stdout.destroy();
  assert.equal(await exit, 0);
  assert.match(output.stderr, /standard output is closed/);
});

test('what a slow reader has not taken yet reaches it during the shutdown', async () => {
  const path = join(folder, 'full');
  spawnSync('mkfifo', [path]);
  const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  // of its own: the agent shares the other one, and leaves it blocking when it ends
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fill = Buffer.alloc(4096, '.');
  assert.throws(
    () => {
      for (;;) writeSync(pipe, fill);
    },
    { code: 'EAGAIN' },
  );
  const child = spawn(process.execPath, [main, 'run', '--config', good], { stdio: ['ignore', pipe, 'pipe'] });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr?.setEncoding('utf8');
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill();
  await outputOf(child, 'stderr', 'Starting shutdown...');
  const taken: Buffer[] = [];
  const reading = setInterval(() => {
    try {
      const buffer = Buffer.alloc(1 << 16);
      taken.push(buffer.subarray(0, readSync(reader, buffer)));
    } catch {
      // EAGAIN: nothing new.
    }
  }, 10);
  try {
    await outputOf(child, 'stderr', 'Shutdown complete.');
    assert.equal(await exit, 0);
  } finally {
    clearInterval(reading);
    closeSync(reader);
    closeSync(pipe);
  }
  assert.match(Buffer.concat(taken).toString(), /otelcol_process_memory_rss\{\}/);
});

test('a second signal ends at once with 1, though a destination keeps the shutdown waiting', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const address = silent.address();
  assert.ok(address && typeof address === 'object');
  const config = file(
    'silent.yaml',
    `receivers: {agent: {interval: 100ms}}
exporters: {otlp_grpc: {endpoint: "127.0.0.1:${address.port}", tls: {insecure: true}}}
service: {pipelines: {metrics: {receivers: [agent], exporters: [otlp_grpc]}}}
`,
  );
  const { child, output, exit } = start('--config', config);
  await new Promise((resolve) => silent.once('connection', resolve));
  child.kill('SIGTERM');
  await outputOf(child, 'stderr', 'Starting shutdown...');
  child.kill('SIGTERM');
  assert.equal(await exit, 1);
  assert.ok(!output.stderr.includes('Shutdown complete.'));
  silent.close();
});

const scheduler = file(
  'scheduler.yaml',
  `receivers: {scheduler: {interval: 100ms}}
exporters: {debug: }
service: {pipelines: {metrics: {receivers: [scheduler], exporters: [debug]}}}
`,
);

/** The command without the rights to load BPF programs, whoever runs the test. */
const unprivileged = (...args: string[]) => [
  ...(process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-bpf,-perfmon,-sys_admin'] : []),
  ...[process.execPath, main, 'run', '--config', scheduler, ...args],
];

test('what cannot start is named, with what is missing, and the exit code is 1', async () => {
  const { output, exit } = watch(unprivileged());
  assert.equal(await exit, 1);
  assert.match(output.stderr, /^Error: cannot start receiver "scheduler": cannot attach to the scheduler: /m);
});

test('where the kernel cannot be watched, a recording is replayed if there is one, and it is said so', async () => {
  const recording = join(folder, 'recording.jsonl.gz');
  const source = { programs: [], mapBytes: 0, cpus: 1, features: {} };
  const reading = { at: 1n as MonotonicNanoseconds, cgroups: [], pairs: [], drops: {} };
  await writeRecording(recording, {
    header: { title: 'a test', histogramScale: 2, source },
    cgroups: [],
    intervals: [{ reading, waits: [] }],
  });
  const { child, output, exit } = watch(unprivileged('--fallback-recording', recording));
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill();
  assert.equal(await exit, 0);
  assert.match(output.stderr, /^cannot start receiver "scheduler": cannot attach to the scheduler: /m);
  assert.match(output.stderr, new RegExp(`^Replaying a recording instead: ${recording}$`, 'm'));
});

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { steers } from '../hostile-names.ts';
import { earshot, file, folder, good, main, outputOf, start, watch } from './earshot.ts';

test('run refuses an invalid configuration with the messages of validate, before anything starts', () => {
  const args = ['--config', good, '--set', 'exporters.debug.verbosity=loud'];
  const validated = earshot('validate', ...args);
  assert.match(validated.stderr, /"loud" is not one of basic, normal, detailed/);
  assert.deepEqual(earshot('run', ...args), validated);
  assert.deepEqual(earshot(...args), validated, 'run is what happens without a command');
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const)
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

test('SIGUSR1 and SIGUSR2 neither end the agent nor open a debugger', async () => {
  const { child, output, exit } = start('--config', good);
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill('SIGUSR1');
  child.kill('SIGUSR2');
  child.kill('SIGHUP');
  await outputOf(child, 'stderr', 'Configuration applied.');
  child.kill();
  assert.equal(await exit, 0);
  assert.doesNotMatch(output.stderr, /Debugger/);
});

test('a terminal that is closed ends the agent in order', async () => {
  const log = join(folder, 'hung-up.log');
  const agent = `exec ${process.execPath} ${main} run --config ${good} 2>${log}`;
  const { child } = watch(['script', '--quiet', '--command', agent, '/dev/null']);
  await outputOf(child, 'stdout', 'otelcol_process_memory_rss{}');
  child.kill('SIGKILL');
  const end = performance.now() + 20_000;
  while (!readFileSync(log, 'utf8').includes('Shutdown complete.')) {
    assert.ok(performance.now() < end, readFileSync(log, 'utf8'));
    await sleep(20);
  }
  assert.match(readFileSync(log, 'utf8'), /the terminal is closed|standard output is closed/);
});

test('the log can be JSON', async () => {
  const { child, output, exit } = start('--config', good, '--set', 'service.telemetry.logs.encoding=json');
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill();
  assert.equal(await exit, 0);
  for (const line of output.stderr.trimEnd().split('\n')) assert.equal(JSON.parse(line).level, 'info');
});

test('a closed standard output ends an agent that does nothing but print in order', async () => {
  const { child, output, exit } = start('--config', good);
  await outputOf(child, 'stdout', 'otelcol_process_memory_rss{}');
  child.stdout.destroy();
  assert.equal(await exit, 0);
  assert.match(output.stderr, /standard output is closed/);
});

/** Prints what it sends to a receiver too. */
const printingAndSending = (endpoint: string) =>
  file(
    'printing-and-sending.yaml',
    `receivers: {agent: {interval: 100ms}}
exporters: {debug: , otlp_grpc: {endpoint: "http://${endpoint}"}}
service: {pipelines: {metrics: {receivers: [agent], exporters: [debug, otlp_grpc]}}}
`,
  );

/** An agent that writes to a file; what it logs can be waited for. */
function startInto(path: string, command: readonly string[]) {
  const output = openSync(path, 'w');
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', output, 'pipe'] });
  closeSync(output);
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, exit, log: () => log };
}

const dropping = '[exporter debug] Exporting failed. Dropping data.';
const noOutput = (code: string) =>
  new RegExp(
    `"error":"not retryable error: Permanent error: cannot write to standard output: .*\\b${code}\\b`,
  );

test('a full standard output makes its exporter unhealthy, what is not printed is counted, and others go on', async (t) => {
  const receiver = await startOtlpReceiver();
  t.after(() => receiver.close());
  const run = [process.execPath, main, 'run', '--config', printingAndSending(receiver.endpoint)];
  const { child, exit, log } = startInto('/dev/full', run);
  await outputOf(child, 'stderr', dropping);
  const seen = receiver.metrics().length;
  await receiver.until(() => receiver.metrics().length >= seen + 3);
  child.kill();
  assert.equal(await exit, 0);
  assert.match(log(), noOutput('ENOSPC'));
  assert.equal(log().split(dropping).length, 2, 'the reason is logged once');
  assert.match(
    log(),
    /\[exporter debug\] Data was lost since the agent started\. \{"lost":\{"metrics":\{"refused":\d+/,
  );
  assert.doesNotMatch(log(), /\[exporter otlp_grpc\]/);
  assert.match(log(), /Received shutdown request \{"reason":"SIGTERM"\}/);
});

test('without a reader of standard output an agent that sends too goes on', async (t) => {
  const receiver = await startOtlpReceiver();
  t.after(() => receiver.close());
  const { child, output, exit } = start('--config', printingAndSending(receiver.endpoint));
  await outputOf(child, 'stderr', 'Everything is ready');
  child.stdout.destroy();
  await outputOf(child, 'stderr', dropping);
  const seen = receiver.metrics().length;
  await receiver.until(() => receiver.metrics().length >= seen + 3);
  child.kill();
  assert.equal(await exit, 0);
  assert.match(output.stderr, noOutput('EPIPE'));
  assert.match(output.stderr, /Received shutdown request \{"reason":"SIGTERM"\}/);
});

test('an agent that only prints outlives a full standard output, and prints again when there is room', async () => {
  const path = join(folder, 'printed');
  const run = [process.execPath, main, 'run', '--config', good];
  const { child, exit, log } = startInto(path, ['prlimit', '--fsize=2000:', ...run]);
  await outputOf(child, 'stderr', dropping);
  assert.match(log(), noOutput('EFBIG'));
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:']);
  assert.equal(status, 0, String(stderr));
  await outputOf(child, 'stderr', '[exporter debug] Component has recovered.');
  child.kill();
  assert.equal(await exit, 0);
  const text = readFileSync(path, 'utf8');
  assert.ok(text.length > 4000);
  assert.match(text.slice(2000), /otelcol_process_memory_rss\{\}/);
});

test('output pending for a slow reader is written during the shutdown', async () => {
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
  await sleep(600); // sooner the same signal is the first one, passed on
  child.kill('SIGTERM');
  assert.equal(await exit, 1);
  assert.ok(!output.stderr.includes('Shutdown complete.'));
  silent.close();
});

test('Ctrl-C, which npm passes on once more, ends in order', async () => {
  const { child, output, exit } = start('--config', good);
  await outputOf(child, 'stderr', 'Everything is ready');
  for (let times = 0; times < 3; times += 1) {
    child.kill('SIGINT');
    await sleep(1);
  }
  assert.equal(await exit, 0, output.stderr);
  assert.match(output.stderr, /Shutdown complete\./);
});

const scheduler = file(
  'scheduler.yaml',
  `receivers: {scheduler: {interval: 100ms}}
exporters: {debug: }
service: {pipelines: {metrics: {receivers: [scheduler], exporters: [debug]}}}
`,
);

/** The command without the rights to load BPF programs, also for root. */
const unprivileged = (...args: string[]) => [
  ...(process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-bpf,-perfmon,-sys_admin'] : []),
  ...[process.execPath, main, 'run', ...args],
];

test('a component that cannot start is named with the reason, and the exit code is 1', async () => {
  const { output, exit } = watch(unprivileged('--config', scheduler));
  assert.equal(await exit, 1);
  assert.match(output.stderr, /^Error: cannot start receiver "scheduler": cannot attach to the scheduler: /m);
});

test('without kernel support the fallback configuration runs, and the log says so', async () => {
  const { child, output, exit } = watch(unprivileged('--config', scheduler, '--fallback-config', good));
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill();
  assert.equal(await exit, 0);
  assert.match(output.stderr, /^cannot start receiver "scheduler": cannot attach to the scheduler: /m);
  assert.match(output.stderr, new RegExp(`^Running the fallback configuration instead: ${good}$`, 'm'));
});

const withAdmin = (text: string) =>
  `extensions: {admin: {endpoint: "unix:///sys/earshot/admin.sock"}}\n${text.replace('service: {', 'service: {extensions: [admin], ')}`;

test('without the rights for BPF, that comes before what is wrong with a socket', async () => {
  const config = file('both.yaml', withAdmin(readFileSync(scheduler, 'utf8')));
  const { child, output, exit } = watch(unprivileged('--config', config, '--fallback-config', good));
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill();
  assert.equal(await exit, 0);
  assert.match(
    output.stderr,
    /^cannot start receiver "scheduler": cannot attach to the scheduler: no permission /m,
  );
  assert.doesNotMatch(output.stderr, /cannot listen/);
});

test('a socket that cannot be made is no reason for the fallback configuration', async () => {
  const config = file('socket.yaml', withAdmin(readFileSync(good, 'utf8')));
  const { output, exit } = start('--config', config, '--fallback-config', good);
  assert.equal(await exit, 1);
  assert.match(
    output.stderr,
    /^Error: cannot start extension "admin": cannot listen at \/sys\/earshot\/admin.sock: .*; run the agent as root, or set the endpoint /m,
  );
  assert.doesNotMatch(output.stderr, /fallback/);
});

test('an invalid fallback configuration is refused before anything starts', () => {
  const fallback = file('bad-fallback.yaml', 'receivers: {agnt: }\n');
  const { status, stderr } = earshot('run', '--config', good, '--fallback-config', fallback);
  assert.equal(status, 1);
  assert.match(stderr, /bad-fallback\.yaml:1:\d+: .*"agnt".*did you mean "agent"/);
  assert.ok(!stderr.includes('Starting earshot'));
});

test('an uncaught error ends with 1, and its message steers no terminal', async () => {
  const script = "process.on('SIGUSR2', () => { throw new Error('\\x1b[2J\\nError: forged'); })";
  const imported = `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(script)}`;
  const { child, output, exit } = watch(['env', imported, process.execPath, main, 'run', '--config', good]);
  await outputOf(child, 'stderr', 'Everything is ready');
  child.kill('SIGUSR2');
  assert.equal(await exit, 1);
  assert.match(output.stderr, /^Error: Error: \\u\{1b\}\[2J\\u\{a\}Error: forged\n {4}at /m);
  assert.doesNotMatch(output.stderr, steers);
});

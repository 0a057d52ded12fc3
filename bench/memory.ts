/**
 * How much memory does the agent have, of which kind, and does it grow? Without root.
 *
 *     bench/memory.ts [--seconds 4] [--rounds 3] [--batches 360] [--collector path/to/otelcol]
 *
 * Each trial is a process of its own, the variants in turns: Node.js with nothing to do, the built agent with its receiver
 * `agent` and each exporter, or a reader of own metrics, and a Collector of that path with its own telemetry in the place of ours. MiB of
 * `/proc/<pid>/status`, medians, and of V8's own figures. Then one agent sends `--batches` batches, as many as an hour has
 * at the default interval, to a server that answers.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { agentFlags } from './agent-flags.ts';
import { spreadOf } from './spread.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    batches: { type: 'string', default: '360' },
    collector: { type: 'string' },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'earshot-memory-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** Writes V8's figures when the process ends. */
const figures = join(folder, 'heap.json');
const probe = `import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(figures)}, JSON.stringify(process.memoryUsage())));`;
const withProbe = ['--import', `data:text/javascript,${encodeURIComponent(probe)}`];

interface Variant {
  readonly program: string;
  readonly words: readonly string[];
  readonly isReady: string;
}

let files = 0;
function configFile(config: object): string {
  const file = join(folder, `${files++}.yaml`);
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
  return file;
}

interface More {
  readonly interval?: string;
  /** Of the agent's own metrics. */
  readonly readers?: readonly object[];
}

function agentWith(
  exporter: string,
  settings: object,
  { interval = '10s', readers = [] }: More = {},
): Variant {
  const file = configFile({
    receivers: { agent: { interval } },
    exporters: { [exporter]: settings },
    service: {
      pipelines: { metrics: { receivers: ['agent'], exporters: [exporter] } },
      telemetry: { metrics: { readers } },
    },
  });
  return {
    program: process.execPath,
    words: [...agentFlags, ...withProbe, main, 'run', '--config', file],
    isReady: 'Everything is ready',
  };
}

const nothing =
  'console.error("ready"); setInterval(() => {}, 1000); process.on("SIGTERM", () => process.exit())';
const nowhere = { endpoint: '127.0.0.1:1', tls: { insecure: true } };
const pull = { pull: { exporter: { prometheus: { port: 0 } } } };
const periodic = { periodic: { interval: '1s', exporter: { otlp: { endpoint: 'http://127.0.0.1:1' } } } };
const variants: Record<string, Variant> = {
  'Node.js alone': {
    program: process.execPath,
    words: [...agentFlags, ...withProbe, '-e', nothing],
    isReady: 'ready',
  },
  'agent, debug': agentWith('debug', {}),
  'agent, table': agentWith('table', {}),
  'agent, file': agentWith('file', { path: join(folder, 'out.jsonl') }),
  'agent, prometheus': agentWith('prometheus', { endpoint: '127.0.0.1:0' }),
  'agent, otlp_http': agentWith('otlp_http', { endpoint: 'http://127.0.0.1:1' }),
  'agent, otlp_grpc': agentWith('otlp_grpc', nowhere),
  'agent, debug, pull reader': agentWith('debug', {}, { readers: [pull] }),
  'agent, debug, periodic reader': agentWith('debug', {}, { readers: [periodic] }),
};
if (values.collector !== undefined)
  variants['Collector, otlp'] = {
    program: values.collector,
    words: [
      '--config',
      configFile({
        receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' } } } },
        exporters: { otlp: nowhere },
        service: {
          telemetry: { metrics: { level: 'none' } },
          pipelines: { metrics: { receivers: ['otlp'], exporters: ['otlp'] } },
        },
      }),
    ],
    isReady: 'Everything is ready',
  };

const kinds = ['VmRSS', 'RssFile', 'RssAnon'] as const;
const heapKinds = ['heapTotal', 'heapUsed'] as const;

const mebibytes = (bytes: number) => bytes / 2 ** 20;

function residentOf(pid: number | undefined): readonly number[] {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return kinds.map((kind) => Number(new RegExp(`${kind}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

async function start({ program, words, isReady }: Variant) {
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let log = '';
  while (!log.includes(isReady)) {
    if (child.exitCode !== null) throw new Error(`cannot start ${program}: ${log}`);
    log += (await Promise.race([once(child.stderr, 'data'), exited]))[0];
  }
  child.stderr.resume();
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  return { pid: child.pid, stop };
}

/** MiB of each kind; V8's figures are those at the end. */
async function trial(variant: Variant): Promise<readonly number[]> {
  rmSync(figures, { force: true });
  const { pid, stop } = await start(variant);
  await setTimeout(Number(values.seconds) * 1000);
  const resident = residentOf(pid);
  await stop();
  if (variant.program !== process.execPath) return [...resident, Number.NaN, Number.NaN];
  const heap = JSON.parse(readFileSync(figures, 'utf8')) as NodeJS.MemoryUsage;
  return [...resident, ...heapKinds.map((kind) => mebibytes(heap[kind]))];
}

const trials = new Map(Object.keys(variants).map((name) => [name, [] as (readonly number[])[]]));
for (let round = 0; round < Number(values.rounds); round += 1)
  for (const [name, variant] of Object.entries(variants)) trials.get(name)?.push(await trial(variant));

const columns = ['resident', 'of files', 'anonymous', 'V8 heap at the end', 'of it used'];
console.log(`| MiB | ${columns.join(' | ')} |\n|${' --- |'.repeat(columns.length + 1)}`);
for (const [name, found] of trials) {
  const medians = columns.map((_, i) => spreadOf(found.map((of) => of[i] ?? Number.NaN)).median);
  const cells = medians.map((median) => (Number.isNaN(median) ? '-' : median.toFixed(1)));
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
await watchGrowth(Number(values.batches));

/** Ten times as often as by default and more: each batch is the agent's own metrics. */
async function watchGrowth(batches: number): Promise<void> {
  let received = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      received += 1;
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const { pid, stop } = await start(
    agentWith('otlp_http', { endpoint: `http://127.0.0.1:${port}` }, { interval: '100ms' }),
  );
  console.log('\n| batches | resident, MiB |\n| --- | --- |');
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    while (received < batches * share) await setTimeout(50);
    console.log(`| ${received} | ${residentOf(pid)[0]?.toFixed(1)} |`);
  }
  await stop();
  server.close();
}

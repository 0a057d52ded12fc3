import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { goProgram } from './go-programs.ts';

const sources = fileURLToPath(new URL('./collector', import.meta.url));

/** Counts up when `main.go` or its modules change and the version of the Collector does not. */
const edition = 2;

/** A real OpenTelemetry Collector that sends all it receives to another place. */
export interface Collector {
  /** `host:port`, OTLP/gRPC. */
  readonly endpoint: string;
  /** Its log. */
  log(): string;
  /** Delivers what it has. */
  close(): Promise<void>;
}

/** Some minutes the first time. */
export function collectorBinary(): string {
  const required = /^\s+go\.opentelemetry\.io\/collector\/otelcol v(\S+)$/m.exec(
    readFileSync(join(sources, 'go.mod'), 'utf8'),
  );
  return goProgram({ name: 'otelcol', version: `${required?.[1]}-${edition}`, sources });
}

export async function startCollector(options: {
  /** Address of this machine to listen at. */
  readonly host: string;
  /** `host:port` of an OTLP/gRPC server. */
  readonly to: string;
}): Promise<Collector> {
  const endpoint = `${options.host}:4317`;
  const folder = mkdtempSync(join(tmpdir(), 'earshot-collector-'));
  const file = join(folder, 'config.yaml');
  const pipeline = { receivers: ['otlp'], exporters: ['otlp_grpc'] };
  const config = {
    receivers: { otlp: { protocols: { grpc: { endpoint } } } },
    exporters: { otlp_grpc: { endpoint: options.to, tls: { insecure: true } } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: pipeline, logs: pipeline, traces: pipeline },
    },
  };
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
  const child = spawn(collectorBinary(), ['--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'close').finally(() => rmSync(folder, { recursive: true, force: true }));
  let log = '';
  child.stderr.on('data', (data) => {
    log += data;
  });
  await logged(child, () => log, 'Everything is ready');
  return {
    endpoint,
    log: () => log,
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function logged(child: ChildProcess, log: () => string, text: string): Promise<void> {
  const isOver = new AbortController();
  child.once('close', () => isOver.abort());
  while (!log().includes(text))
    try {
      await once(child.stderr ?? child, 'data', { signal: isOver.signal });
    } catch (cause) {
      throw new Error(`the Collector ended before it logged "${text}":\n${log()}`, { cause });
    }
}

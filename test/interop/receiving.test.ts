import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { otlp } from '../../src/receivers/otlp/otlp.ts';
import { otlpJsonFile } from '../../src/receivers/otlp-json-file/otlp-json-file.ts';
import { type Batch, itemCount } from '../../src/telemetry/batch.ts';
import { codecOf, type OtlpSignal } from '../../src/telemetry/otlp.ts';
import { milliseconds } from '../../src/telemetry/units.ts';
import { collectorBinary } from '../lab/collector.ts';
import { freePorts } from '../lab/free-ports.ts';
import { fakeHost } from '../unit/fake-host.ts';
import { settingsOf } from '../unit/receivers/otlp/otlp-fixture.ts';
import { definitions } from '../unit/telemetry/wire/definitions.ts';
import { generated } from '../unit/telemetry/wire/generated-otlp.ts';
import { startPeer, until } from './peer-process.ts';

const signals = ['metrics', 'logs', 'traces'] as const;
const accepting = (taken: Batch[]) => async (batch: Batch) => {
  taken.push(batch);
  return { kind: 'accepted' } as const;
};

/** A real Collector that sends what it receives to an agent's receiver, and writes it to a file. */
async function collector(t: TestContext, more: object) {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-interop-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [own = 0, agent = 0] = await freePorts(2);
  const path = join(folder, 'data.json');
  const pipeline = { receivers: ['otlp'], exporters: ['otlp', 'file'] };
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${own}` } } } },
    exporters: {
      // one after another: what comes is compared in order
      otlp: {
        endpoint: `127.0.0.1:${agent}`,
        tls: { insecure: true },
        sending_queue: { enabled: false },
        ...more,
      },
      file: { path, flush_interval: '100ms' },
    },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: pipeline, logs: pipeline, traces: pipeline },
    },
  };
  const file = join(folder, 'config.yaml');
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
  const peer = await startPeer(collectorBinary(), ['--config', file], (log) =>
    log.includes('Everything is ready'),
  );
  t.after(() => peer.end());
  return { path, agent, endpoint: `127.0.0.1:${own}` };
}

async function receiver(t: TestContext, port: number) {
  const taken: Batch[] = [];
  const { host } = fakeHost('otlp', otlp.emits);
  const settings = settingsOf(`{protocols: {grpc: {endpoint: "127.0.0.1:${port}"}}}`);
  const opened = await otlp.open(settings, { ...host, signals: new Set(signals) });
  t.after(() => opened.close());
  opened.listen?.(accepting(taken));
  return taken;
}

function post(endpoint: string, signal: OtlpSignal, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = request(`http://${endpoint}${codecOf(signal).httpPath}`, {
      ...{ method: 'POST', agent: false, headers: { 'Content-Type': 'application/x-protobuf' } },
    });
    sending.on('error', reject);
    sending.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sending.end(body);
  });
}

const wireOf = (signal: OtlpSignal, batch: Batch) =>
  definitions[signal].decode(codecOf(signal).encode(batch, 'proto'));

for (const compression of ['gzip', 'none'])
  for (const signal of signals)
    test(`${signal} of a Collector, compression ${compression}: as it sends them, and as it writes them to a file`, async (t) => {
      const { path, agent, endpoint } = await collector(t, { compression });
      const sent = await receiver(t, agent);
      // a Collector passes on no request without items
      const requests = fc
        .sample(generated[signal], 25)
        .map((each) => definitions[signal].encode(each))
        .filter((each) => itemCount(codecOf(signal).decode(each, 'proto')) > 0);
      for (const each of requests) assert.equal(await post(endpoint, signal, each), 200);
      await until(
        () => readFileSync(path, 'utf8').split('\n').length > requests.length,
        'all is in the file',
      );
      const read: Batch[] = [];
      const { host } = fakeHost('otlp_json_file', otlpJsonFile.emits);
      const file = await otlpJsonFile.open(
        {
          ...{ include: [path], exclude: [], start_at: 'beginning', poll_interval: milliseconds(200) },
          ...{ max_log_size: 1024 * 1024, max_concurrent_files: 1, replay_file: false },
        },
        { ...host, signals: new Set(signals) },
      );
      t.after(() => file.close());
      file.listen?.(accepting(read));
      for (const task of file.tasks ?? []) await task.run(new AbortController().signal);
      assert.deepEqual(host.counters.read(), []);
      const expected = requests.map((each) => withoutEmpty(definitions[signal].decode(each)));
      for (const batches of [sent, read])
        assert.deepEqual(
          batches.map((batch) => withoutEmpty(wireOf(signal, batch))),
          expected,
        );
    });

/** A Collector writes messages that are not there as empty ones. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([key, each]) => [key, withoutEmpty(each)] as const);
  return Object.fromEntries(
    fields.filter(([, each]) => typeof each !== 'object' || each === null || Object.keys(each).length > 0),
  );
}

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { fileName } from '../../../src/extensions/file-storage/file-name.ts';
import { decodeMetrics, type ReceivedMetrics } from '../../lab/otlp-decode.ts';
import { startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { startAgent } from '../agent.ts';

/** One reading of one process: what the receiver `agent` makes, each a request. */
function idOf(resources: readonly ReceivedMetrics[]): string {
  const [of] = resources;
  return `${of?.resource['service.instance.id']} ${of?.metrics[0]?.points[0]?.time}`;
}

/** Readings in the store of an agent that has ended. */
function stored(directory: string): readonly string[] {
  const database = new DatabaseSync(join(directory, fileName('exporter otlp_grpc')));
  try {
    const rows = database.prepare("SELECT value FROM entries WHERE key LIKE 'body/%' ORDER BY key").all();
    return rows.map(({ value }) => idOf(decodeMetrics(Buffer.from(value as Uint8Array)))); // by the table
  } finally {
    database.close();
  }
}

async function setUp(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-queue-'));
  const backend = await startOtlpReceiver();
  t.after(async () => {
    await backend.close();
    rmSync(directory, { recursive: true });
  });
  const config = `receivers:
  agent: {interval: 100ms}
exporters:
  otlp_grpc:
    endpoint: ${backend.endpoint}
    tls: {insecure: true}
    temporality: delta
    retry_on_failure: {initial_interval: 100ms, max_interval: 200ms, max_elapsed_time: 0s}
    sending_queue: {num_consumers: 1, storage: file_storage}
extensions:
  file_storage: {directory: ${directory}}
service:
  extensions: [file_storage]
  pipelines:
    metrics: {receivers: [agent], exporters: [otlp_grpc]}
`;
  const start = () => {
    const agent = startAgent(config, [], { no_grpc_proxy: '127.0.0.1' });
    t.after(() => agent.stop('SIGKILL'));
    return agent;
  };
  return { directory, backend, start };
}

test('SIGKILL loses nothing that the queue had accepted, and repeats at most the request whose answer was under way', async (t) => {
  const { directory, backend, start } = await setUp(t);
  backend.answer({ kind: 'fail', code: status.UNAVAILABLE, message: 'down' });
  const expected = new Set<string>();

  const first = start();
  await backend.until(() => backend.metrics().length >= 10);
  await first.stop('SIGKILL');
  for (const id of stored(directory)) expected.add(id);
  assert.ok(expected.size >= 5, `${expected.size} readings in the store`);

  const refused = backend.metrics().length;
  const acknowledged = () => backend.metrics().slice(refused);
  backend.answer({ kind: 'accept' });
  const kills = 5;
  for (let kill = 0; kill < kills; kill += 1) {
    const before = acknowledged().length;
    const agent = start();
    // each time at another place of a delivery
    await backend.until(() => acknowledged().length > before + kill);
    await agent.stop('SIGKILL');
    for (const id of stored(directory)) expected.add(id);
  }
  const last = start();
  const before = acknowledged().length;
  await backend.until(() => acknowledged().length > before + 3);
  assert.equal(await last.stop('SIGTERM'), 0);

  const arrived = acknowledged().map(({ resources }) => idOf(resources));
  const missing = [...expected].filter((id) => !arrived.includes(id));
  assert.deepEqual(missing, []);
  assert.ok(arrived.length - new Set(arrived).size <= kills, `${arrived.length} of ${new Set(arrived).size}`);
  assert.deepEqual(stored(directory), []);
});

test('SIGTERM while the backend is down keeps the queue for the next agent', async (t) => {
  const { directory, backend, start } = await setUp(t);
  backend.answer({ kind: 'fail', code: status.UNAVAILABLE, message: 'down' });
  const first = start();
  await backend.until(() => backend.metrics().length >= 5);
  assert.equal(await first.stop('SIGTERM'), 0);
  const kept = stored(directory);
  assert.ok(kept.length >= 1);
  assert.ok(!first.errors().includes('Dropping data'), first.errors());

  const refused = backend.metrics().length;
  backend.answer({ kind: 'accept' });
  const second = start();
  await backend.until(() => backend.metrics().length >= refused + kept.length);
  assert.equal(await second.stop('SIGTERM'), 0);
  const arrived = backend
    .metrics()
    .slice(refused)
    .map(({ resources }) => idOf(resources));
  assert.deepEqual(arrived.slice(0, kept.length), kept);
  assert.equal(new Set(arrived).size, arrived.length);
  assert.deepEqual(stored(directory), []);
});

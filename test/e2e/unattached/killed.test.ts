import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Reaction, startFaultyBackend } from '../../lab/faulty-backend.ts';
import { startAgent } from '../agent.ts';
import { itemsPerReading, writeLoad } from './replayed-load.ts';

/**
 * What a queue in memory and one on disk keep when the agent is killed under load, and when the disk is full. `control` has
 * no queue: the next reading is made when it has answered and the others have their place in their queues.
 */

const unavailable: Reaction = { kind: 'grpc', code: 14 };
/** More than an interval: requests pile up. */
const slow: Reaction = { kind: 'late', after: 150 };

async function setUp(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-killed-'));
  let reaction: Reaction = slow;
  const backend = await startFaultyBackend({
    react: (row) => (row === 'control' ? { kind: 'accept' } : reaction),
    cuts: () => false,
  });
  t.after(async () => {
    await backend.close();
    rmSync(directory, { recursive: true });
  });
  const load = await writeLoad(directory);
  const storage = join(directory, 'storage');
  const grpc = (row: string, queue: object) => ({
    ...{ endpoint: backend.grpc, tls: { insecure: true }, temporality: 'delta', compression: 'none' },
    ...{ headers: { 'x-row': row }, sending_queue: { num_consumers: 1, ...queue } },
    retry_on_failure: { initial_interval: '100ms', max_interval: '100ms', max_elapsed_time: '0s' },
  });
  const exporters = {
    'otlp_http/control': {
      ...{ endpoint: backend.http, temporality: 'delta', compression: 'none' },
      ...{ headers: { 'x-row': 'control' }, sending_queue: { enabled: false } },
    },
    'otlp_grpc/stored': grpc('stored', { storage: 'file_storage' }),
    'otlp_grpc/memory': grpc('memory', {}),
  };
  const config = {
    receivers: { replay: { file: load, interval: '100ms' } },
    extensions: { file_storage: { directory: storage } },
    ...{ exporters },
    service: {
      extensions: ['file_storage'],
      pipelines: { metrics: { receivers: ['replay'], exporters: Object.keys(exporters) } },
    },
  };
  const env = { no_proxy: '127.0.0.1', no_grpc_proxy: '127.0.0.1' };
  return {
    ...{ backend, storage },
    start(through: readonly string[] = []) {
      const agent = startAgent(JSON.stringify(config), [], env, through);
      t.after(() => agent.stop('SIGKILL'));
      return agent;
    },
    react(next: Reaction) {
      reaction = next;
    },
    kept: (row: string) => [...backend.row(row).kept.keys()],
    repeats: (row: string) => [...backend.row(row).kept.values()].reduce((sum, times) => sum + times - 1, 0),
  };
}

test('kill -9 under load: a queue on disk loses nothing and repeats one request at most, one in memory loses what waits and repeats nothing', async (t) => {
  const { backend, start, react, kept, repeats } = await setUp(t);
  const kills = 4;
  /** What the control has of each process. */
  const processes: (readonly string[])[] = [];
  for (let process = 0; process <= kills; process += 1) {
    const before = kept('control').length;
    const agent = start();
    if (process === kills) react({ kind: 'accept' });
    await backend.until(() => kept('control').length >= before + (12 + process) * itemsPerReading);
    if (process === kills) assert.equal(await agent.stop('SIGTERM'), 0, agent.errors());
    else await agent.stop('SIGKILL');
    processes.push(kept('control').slice(before));
  }

  // All but the last reading of a process that was killed had its place in the queues.
  const placed = processes.flatMap((ids, at) => (at === kills ? ids : ids.slice(0, -itemsPerReading)));
  const stored = new Set(kept('stored'));
  assert.deepEqual(
    placed.filter((id) => !stored.has(id)),
    [],
  );
  assert.ok(repeats('stored') <= kills * itemsPerReading, `${repeats('stored')} items came again`);

  const memory = new Set(kept('memory'));
  assert.equal(repeats('memory'), 0);
  let lost = 0;
  for (const ids of processes) {
    const missing = ids.filter((id) => !memory.has(id));
    assert.deepEqual(missing, ids.slice(ids.length - missing.length), 'what is lost was the last');
    lost += missing.length;
  }
  assert.ok(lost > 0, 'nothing waited');
});

test('SIGTERM under load: a queue on disk keeps what it cannot deliver, one in memory counts it', async (t) => {
  const { backend, start, react, kept, repeats } = await setUp(t);
  react(unavailable);
  const first = start();
  await backend.until(() => kept('control').length >= 15 * itemsPerReading);
  assert.equal(await first.stop('SIGTERM'), 0, first.errors());
  const given = kept('control');
  assert.deepEqual([kept('stored'), kept('memory')], [[], []]);
  const [, lost] = /Data was lost since the agent started\. .*"lost":(\{.*?\}\})/.exec(first.errors()) ?? [];
  assert.deepEqual(JSON.parse(lost ?? '{}'), { metrics: { shutdown: given.length } });

  react({ kind: 'accept' });
  const second = start();
  await backend.until(() => given.every((id) => backend.row('stored').kept.has(id)));
  assert.equal(await second.stop('SIGTERM'), 0, second.errors());
  assert.deepEqual(kept('stored').toSorted(), kept('control').toSorted());
  assert.equal(repeats('stored'), 0);
});

test('a full disk: requests are delivered from memory, the log says so, and nothing is lost or repeated', async (t) => {
  const { backend, start, react, storage, kept, repeats } = await setUp(t);
  react(unavailable);
  // in a mount namespace of its own
  const mounted = 'mkdir -p "$0" && mount -t tmpfs -o size=1m,mode=0700 tmpfs "$0" && exec "$@"';
  const agent = start(['unshare', '--mount', '--propagation', 'private', 'sh', '-c', mounted, storage]);
  await backend.until(() => kept('control').length >= 5 * itemsPerReading);
  const filler = `/proc/${agent.process.pid}/root${storage}/filler`;
  assert.throws(() => writeFileSync(filler, Buffer.alloc(2_000_000)), { code: 'ENOSPC' });
  await agent.logged('The sending queue cannot be stored. Requests are kept in memory only.');
  const full = kept('control').length;
  await backend.until(() => kept('control').length >= full + 5 * itemsPerReading);
  rmSync(filler);
  await agent.logged('The sending queue is on disk again.');
  react({ kind: 'accept' });
  const given = kept('control');
  await backend.until(() => given.every((id) => backend.row('stored').kept.has(id)));
  assert.equal(await agent.stop('SIGTERM'), 0, agent.errors());
  assert.deepEqual(kept('stored').toSorted(), kept('control').toSorted());
  assert.equal(repeats('stored'), 0);
  assert.doesNotMatch(agent.errors(), /otlp_grpc\/stored.*"lost"/);
});

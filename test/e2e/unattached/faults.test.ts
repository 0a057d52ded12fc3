import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  type FaultyBackend,
  listen,
  type Reaction,
  type Row,
  startFaultyBackend,
} from '../../lab/faulty-backend.ts';
import type { ReceivedMetrics } from '../../lab/otlp-decode.ts';
import { startAgent } from '../agent.ts';
import { type FaultRow, faultRows } from './fault-rows.ts';
import { itemsPerReading, writeLoad } from './replayed-load.ts';

/**
 * One agent under load with an exporter for each way in which a destination fails, ended by SIGTERM. `control` gets the same
 * readings and takes all of them: what it has, is what each of the others was given. While its answer is held back there is no
 * other reading: SIGTERM comes when each other server has seen all that it ever will, and meets the last reading alone. The
 * agent's own metrics are sent once more at the end: each row's ledger is compared with what its server has.
 */

const rowOf = new Map(faultRows.map((row) => [row.name, row]));
const readings = 30;
const typeOf = { http: 'otlp_http', grpc: 'otlp_grpc' } as const;
const control: FaultRow = {
  ...{ name: 'control', over: 'http' },
  settings: { timeout: '0s', sending_queue: { wait_for_result: true } },
};
const idOf = ({ name, over }: Pick<FaultRow, 'name' | 'over'>) => `${typeOf[over]}/${name}`;

function exporterOf({ name, over, settings }: FaultRow, endpoint: string) {
  const retry = { initial_interval: '50ms', max_interval: '100ms', max_elapsed_time: '0s' };
  return {
    ...{ endpoint, temporality: 'delta', compression: 'none', headers: { 'x-row': name } },
    ...(over === 'grpc' && { tls: { insecure: true } }),
    ...{ timeout: '5s', retry_on_failure: retry, ...settings },
  };
}

/** A port where nothing listens until it is opened; then it leads to another. */
async function closedDoor(to: number) {
  const reserved = createServer();
  const port = await listen(reserved);
  await new Promise((resolve) => reserved.close(resolve));
  const door: Server = createServer((socket) => {
    const inner = connect(to, '127.0.0.1');
    socket.pipe(inner).pipe(socket);
    for (const end of [socket, inner]) end.on('error', () => socket.destroy());
  });
  return { port, open: () => door.listen(port, '127.0.0.1'), close: () => door.close() };
}

/** Whether the end of the agent loses nothing of these items: its server has them, or they are lost already. */
function isSettled({ isDown, unanswered, loses, untilEnd }: FaultRow, row: Row, given: readonly string[]) {
  if (unanswered !== undefined) return true;
  if (isDown) return row.kept.has(given.at(-1) ?? '');
  const arrived = loses || untilEnd ? new Set(row.arrivals.flatMap(({ ids }) => ids)) : row.kept;
  return given.every((id) => arrived.has(id));
}

const portOf = (address: string) => Number(address.split(':').at(-1));

interface Result {
  readonly backend: FaultyBackend;
  readonly accepted: ReadonlySet<string>;
  readonly own: readonly ReceivedMetrics[];
}

async function runTable(): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'earshot-faults-'));
  const resumed = Promise.withResolvers<void>();
  let load: 'runs' | 'pauses' | 'paused' = 'runs';
  const reactOfControl = (): Reaction => {
    if (load === 'runs') return { kind: 'accept' };
    load = 'paused';
    return { kind: 'late', after: resumed.promise };
  };
  const backend = await startFaultyBackend({
    react(row, arrival) {
      if (row === control.name) return reactOfControl();
      return rowOf.get(row)?.react?.(arrival) ?? { kind: 'accept' };
    },
    cuts: (row, ordinal) => rowOf.get(row)?.cuts?.(ordinal) ?? false,
  });
  const doors = {
    http: await closedDoor(portOf(backend.http)),
    grpc: await closedDoor(portOf(backend.grpc)),
  };
  const exporters = Object.fromEntries(
    [control, ...faultRows].map((row) => {
      const endpoint = row.isDown ? `http://127.0.0.1:${doors[row.over].port}` : backend[row.over];
      return [idOf(row), exporterOf(row, endpoint)];
    }),
  );
  const otlp = { protocol: 'grpc', endpoint: `http://${backend.grpc}` };
  const agent = startAgent(
    JSON.stringify({
      receivers: { replay: { file: await writeLoad(directory), interval: '200ms' } },
      exporters,
      service: {
        telemetry: {
          logs: { sampling: { enabled: false } },
          metrics: { readers: [{ periodic: { interval: '60s', exporter: { otlp } } }] },
        },
        pipelines: { metrics: { receivers: ['replay'], exporters: Object.keys(exporters) } },
      },
    }),
    [],
    { no_proxy: '127.0.0.1', no_grpc_proxy: '127.0.0.1' },
  );
  try {
    const { kept } = backend.row(control.name);
    const early = agent.logged('a text that it does not log');
    const until = (condition: () => boolean) => Promise.race([backend.until(condition), early]);
    const halfMore = () => {
      const enough = kept.size + (readings / 2) * itemsPerReading;
      return until(() => kept.size >= enough);
    };
    await halfMore();
    for (const door of Object.values(doors)) door.open();
    await until(() => faultRows.every(({ name, isDown }) => !isDown || backend.row(name).kept.size > 0));
    await halfMore();
    load = 'pauses';
    await until(() => load === 'paused');
    const given = [...kept.keys()];
    await until(() => faultRows.every((row) => isSettled(row, backend.row(row.name), given)));
    const stopped = agent.stop('SIGTERM');
    await agent.logged('Starting shutdown...');
    resumed.resolve();
    assert.equal(await stopped, 0, agent.errors());
    await early.catch(() => {}); // as it has ended
    return { backend, accepted: new Set(kept.keys()), own: backend.own() };
  } finally {
    await agent.stop('SIGKILL');
    for (const door of Object.values(doors)) door.close();
    await backend.close();
    rmSync(directory, { recursive: true });
  }
}

let result: Result;
before(async () => {
  result = await runTable();
});

/** Values of a counter of the agent by reason; without one under ''. */
function counted(name: string, having: Readonly<Record<string, string>>): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const point of result.own
    .flatMap(({ metrics }) => metrics)
    .filter((of) => of.name === name)
    .flatMap(({ points }) => points)) {
    if (!Object.entries(having).every(([key, value]) => point.attributes[key] === value)) continue;
    const reason = String(point.attributes.reason ?? '');
    sums[reason] = (sums[reason] ?? 0) + (point.value ?? 0);
  }
  return sums;
}

const sum = (by: Readonly<Record<string, number>>) => Object.values(by).reduce((a, b) => a + b, 0);

test('what the control has is what the receiver handed over, and nothing came twice', () => {
  const { kept } = result.backend.row('control');
  const [accepted, refused] = ['accepted', 'refused'].map((kind) =>
    sum(counted(`otelcol_receiver_${kind}_metric_points`, { receiver: 'replay' })),
  );
  assert.equal((accepted ?? 0) + (refused ?? 0), kept.size);
  assert.ok((refused ?? 0) > 0, 'a queue of another row was full');
  assert.ok([...kept.values()].every((times) => times === 1));
});

for (const row of faultRows)
  test(`${row.name}: the ledger is what its server has`, () => {
    const exporter = idOf(row);
    const { accepted, backend } = result;
    const { kept, arrivals } = backend.row(row.name);
    const sent = sum(counted('otelcol_exporter_sent_metric_points', { exporter }));
    const lost = {
      ...counted('otelcol_exporter_send_failed_metric_points', { exporter }),
      ...counted('otelcol_exporter_enqueue_failed_metric_points', { exporter }),
    };
    const ledger = JSON.stringify({ accepted: accepted.size, kept: kept.size, sent, lost });
    assert.deepEqual(
      [...kept.keys()].filter((id) => !accepted.has(id)),
      [],
      'items that were not sent',
    );
    assert.equal(kept.size + sum(lost), accepted.size, ledger);
    assert.equal(sent, kept.size, ledger);
    assert.equal(sum(counted('otelcol_exporter_queue_size', { exporter })), 0, ledger);
    const { shutdown = 0, ...others } = lost;
    for (const reason of row.loses ?? []) assert.ok((others[reason] ?? 0) > 0, `${reason}: ${ledger}`);
    assert.deepEqual(
      Object.keys(others).filter((reason) => !row.loses?.includes(reason)),
      [],
      ledger,
    );
    assert.ok(shutdown <= (row.unanswered ?? 1) * itemsPerReading, ledger);
    if (!row.repeats)
      assert.ok(
        [...kept.values()].every((times) => times === 1),
        'kept twice',
      );
    else
      assert.ok(
        [...kept.values()].some((times) => times > 1),
        'nothing came again',
      );
    assertDelay(row, arrivals);
  });

function assertDelay({ delay = 0 }: FaultRow, arrivals: Row['arrivals']): void {
  if (delay === 0) return;
  const first = new Map(arrivals.filter(({ attempt }) => attempt === 1).map((of) => [of.ids[0], of.at]));
  const waits = arrivals
    .filter(({ attempt }) => attempt === 2)
    .map((of) => of.at - (first.get(of.ids[0]) ?? 0));
  const inTime = waits.filter((wait) => wait >= delay - 5);
  // only the last reading does not wait
  assert.ok(inTime.length >= readings && waits.length - inTime.length <= 1, waits.join());
}

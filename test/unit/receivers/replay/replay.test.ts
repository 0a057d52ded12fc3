import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { recordedWeights } from '../../../../src/cgroup/recorded-weights.ts';
import { writeRecording } from '../../../../src/receivers/replay/recording.ts';
import { replay } from '../../../../src/receivers/replay/replay.ts';
import { culpritAttributes, lastRunnerAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { hrTime, seconds, type UnixNanoseconds } from '../../../../src/telemetry/units.ts';
import { fakeHost } from '../../fake-host.ts';
import { batches, recording } from './recorded.ts';

const directory = mkdtempSync(join(tmpdir(), 'earshot-replay-'));
after(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'recording.jsonl.gz');
await writeRecording(file, recording);

const now = 1_700_000_000_000_000_000n as UnixNanoseconds;

async function open() {
  const { host, logged } = fakeHost('replay');
  const { pulls = [], close } = await replay.open(
    { file, interval: seconds(5) },
    { ...host, clock: { ...host.clock, now: () => now } },
  );
  const collect = async () => {
    const [metrics, logs, ...others] = (await pulls[0]?.collect()) ?? [];
    assert.ok(metrics?.signal === 'metrics' && logs?.signal === 'logs');
    assert.deepEqual(others, []);
    return { resourceMetrics: metrics.resourceMetrics, records: logs.records };
  };
  return { logged, collect, close, node: host.machine.name, weights: await host.use(recordedWeights) };
}

test('the intervals are emitted in order, and again from the first', async () => {
  const { collect } = await open();
  const blamed: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const [web] = (await collect()).resourceMetrics;
    blamed.push(web?.scopeMetrics[0]?.metrics[1]?.dataPoints[0]?.value);
  }
  assert.deepEqual(blamed, [1, 2, 1, 2, 1]);
});

test('every resource and the log are marked as recorded, and belong to this node', async () => {
  const { collect, logged, node } = await open();
  assert.match(logged[0] ?? '', /two nodes, one evening.*Replaying a recording/);
  const { resourceMetrics, records } = await collect();
  const resources = [...resourceMetrics, ...records].map(({ resource }) => resource.attributes);
  assert.equal(resources.length, 3);
  for (const attributes of resources) {
    assert.equal(attributes[resourceAttributes.recording.key], recording.title);
    assert.equal(attributes[resourceAttributes.hostName.key], node);
  }
  assert.deepEqual(
    resources.map((attributes) => attributes[resourceAttributes.serviceInstanceId.key]),
    [`${node}:/default/web`, `${node}:kernel`, `${node}:/default/web`],
  );
});

test('data ends now and covers the time of its recording', async () => {
  const { collect } = await open();
  const { resourceMetrics, records } = await collect();
  const [point] = resourceMetrics[0]?.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
  assert.deepEqual(point?.startTime, hrTime((now - 3_000_000_000n) as UnixNanoseconds));
  assert.deepEqual(point?.endTime, hrTime(now));
  assert.deepEqual(records[0]?.hrTime, hrTime((now - 250_000_000n) as UnixNanoseconds));
  assert.deepEqual(records[0]?.hrTimeObserved, hrTime(now));
});

test('cgroups are named by path, and an id of the recorded machine never comes out', async () => {
  const { collect } = await open();
  const { resourceMetrics, records } = await collect();
  const [web] = resourceMetrics;
  const { cgroupId, cgroupPath } = resourceAttributes;
  assert.equal(web?.resource.attributes[cgroupPath.key], '/default/web');
  assert.equal(web?.resource.attributes[cgroupId.key], undefined);
  const [, blame] = web?.scopeMetrics[0]?.metrics ?? [];
  assert.deepEqual(
    blame?.dataPoints.map(({ attributes }) => attributes),
    [
      { [culpritAttributes.cgroupPath.key]: '/default/batch' },
      { [culpritAttributes.cgroupId.key]: 'kernel' },
      { [culpritAttributes.cgroupId.key]: 'recorded 9' },
    ],
  );
  assert.deepEqual(records[0]?.attributes, {
    [lastRunnerAttributes.name.key]: '/default/batch',
    [lastRunnerAttributes.processId.key]: 12,
  });
});

test('descriptors, values and event names are those that were recorded', async () => {
  const { collect } = await open();
  const { resourceMetrics, records } = await collect();
  const [metrics, logs] = batches(1);
  assert.ok(metrics?.signal === 'metrics' && logs?.signal === 'logs');
  const valuesOf = (of: typeof resourceMetrics) =>
    of[0]?.scopeMetrics[0]?.metrics.map(({ descriptor, dataPointType, dataPoints }) => ({
      ...{ descriptor, dataPointType },
      values: dataPoints.map(({ value }) => value),
    }));
  assert.deepEqual(valuesOf(resourceMetrics), valuesOf(metrics.resourceMetrics));
  assert.equal(records[0]?.eventName, logs.records[0]?.eventName);
});

test('the weights of its cgroups are known until it is closed', async () => {
  const { weights, close } = await open();
  const found = () =>
    ['/default', '/default/web', '/default/batch', '/'].map((path) => weights.of(recording.title).find(path));
  assert.deepEqual(found(), ['none', 100, 50, undefined]);
  await close();
  assert.deepEqual(found(), [undefined, undefined, undefined, undefined]);
});

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, test } from 'node:test';
import { eventAttributes } from '../../src/receivers/scheduler/emits.ts';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import type { ReceivedLogs, ReceivedMetrics } from '../lab/otlp-decode.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';
import { sumBy, total } from '../lab/otlp-sums.ts';
import { type Agent, startAgent } from './agent.ts';
import { type Containerd, startContainerd } from './containerd.ts';

/** Real containers (containerd, runc) beside each other; what an OTLP backend is told of them. */

const victim = `victim-${process.pid}`;
const hog = `hog-${process.pid}`;
const limited = `limited-${process.pid}`;
const cpu = availableParallelism() - 1;
const spin = (seconds: number) => `timeout ${seconds} sh -c 'while :; do :; done' || true`;

let backend: OtlpReceiver;
let containerd: Containerd;
let agent: Agent;

before(async () => {
  backend = await startOtlpReceiver();
  containerd = await startContainerd();
  agent = startAgent(`
receivers:
  scheduler:
    interval: 1s
    min_wait: 2ms # a slice of the fair scheduler is about 3 ms
processors:
  workload:
  contention:
exporters:
  otlp_grpc:
    endpoint: http://${backend.endpoint}
    temporality: delta
service:
  pipelines:
    metrics: {receivers: [scheduler], processors: [workload, contention], exporters: [otlp_grpc]}
    logs: {receivers: [scheduler], processors: [workload, contention], exporters: [otlp_grpc]}
`);
  await agent.said('Everything is ready');
  const containers = [
    containerd.start(victim, spin(8), { cpu }),
    containerd.start(hog, `sh -c "sleep 1; ${spin(5)}"`, { cpu }),
    containerd.start(limited, spin(6), { quota: 20_000 }),
  ];
  await Promise.all(containers.map(({ ended }) => ended));
  assert.equal(await agent.stop(), 0);
});

after(async () => {
  await agent?.stop('SIGKILL');
  await containerd?.close();
  await backend?.close();
});

function metricsOf(workload: string): readonly ReceivedMetrics[] {
  return backend
    .metrics()
    .flatMap(({ resources }) => resources)
    .filter(({ resource }) => resource[workloadAttributes.name.key] === workload);
}

function logsOf(workload: string): readonly ReceivedLogs[] {
  return backend
    .logs()
    .flatMap(({ resources }) => resources)
    .filter(({ resource }) => resource[workloadAttributes.name.key] === workload);
}

const histogramsOf = (workload: string, metric: string) =>
  metricsOf(workload)
    .flatMap(({ metrics }) => metrics)
    .filter(({ name }) => name === metric)
    .flatMap(({ points }) => points)
    .flatMap(({ histogram }) => histogram ?? []);

test('the victim has a resource of its own that says which container it is', () => {
  const resource = metricsOf(victim)[0]?.resource;
  assert.ok(resource, `no resource of ${victim}`);
  assert.equal(resource[workloadAttributes.containerId.key], victim);
  assert.equal(resource[workloadAttributes.kind.key], 'container');
  const instances = new Set(
    [victim, hog].map((name) => metricsOf(name)[0]?.resource[resourceAttributes.serviceInstanceId.key]),
  );
  assert.equal(instances.size, 2, 'service.instance.id tells them apart');
});

test('the hog is named as the culprit on the resource of the victim', () => {
  const blame = sumBy(metricsOf(victim), waitMetrics.blameTime.name, culpritAttributes.containerId.key);
  assert.ok(total(blame) > 1.5, `${total(blame)} s are blamed on anybody`);
  // Beside the two, whatever else runs on this machine has the CPU now and then.
  const ran = total(sumBy(metricsOf(hog), waitMetrics.runTime.name, workloadAttributes.name.key));
  const byHog = blame.get(hog) ?? 0;
  assert.ok(byHog > 0.8 * ran && byHog < 1.02 * ran, `the hog ran ${ran} s and is to blame for ${byHog}`);
});

test('the cause is the neighbor, and causes and culprits sum to the wait', () => {
  const causes = sumBy(metricsOf(victim), waitMetrics.waitTime.name, waitAttributes.cause.key);
  // What else this machine does is the system's.
  const others = total(causes) - (causes.get('system') ?? 0);
  assert.ok((causes.get('neighbor') ?? 0) > 0.8 * others, `causes ${JSON.stringify([...causes])}`);
  const wait = histogramsOf(victim, waitMetrics.waitDuration.name).reduce(
    (sum, histogram) => sum + histogram.sum,
    0,
  );
  assert.ok(wait > 0 && Math.abs(total(causes) - wait) < 1e-6, `causes of ${total(causes)} s of ${wait} s`);
  // What is blamed on somebody is part of its cause, and all of it where the cause cannot do without a culprit.
  const blamed = sumBy(metricsOf(victim), waitMetrics.blameTime.name, waitAttributes.cause.key);
  for (const [cause, time] of blamed) {
    const waited = causes.get(cause) ?? 0;
    assert.ok(time < waited + 1e-6, `${time} s are blamed for ${waited} s of ${cause}`);
    if (cause === 'neighbor' || cause === 'system')
      assert.ok(waited < time + 1e-6, `${time} s are blamed for ${waited} s of ${cause}`);
  }
});

test('the long waits of the victim come as events that name the hog, thread and weight', () => {
  const records = logsOf(victim).flatMap((of) => of.records);
  for (const record of records) assert.equal(record.eventName, 'earshot.wait');
  const long = records.filter((record) => Number(record.attributes[eventAttributes.duration.key]) >= 0.002);
  assert.ok(long.length > 3, `${long.length} events of waits of at least 2 ms`);
  const byHog = long.filter((record) => record.attributes[culpritAttributes.name.key] === hog);
  // The limited container and the system have the CPU now and then.
  const byOthers = long.filter(
    ({ attributes }) =>
      attributes[waitAttributes.cause.key] === 'system' || attributes[culpritAttributes.name.key] === limited,
  );
  const culprits = JSON.stringify(long.map((record) => record.attributes[culpritAttributes.name.key]));
  const rest = long.length - byOthers.length;
  assert.ok(byHog.length > 3 && byHog.length > 0.8 * rest, `who is to blame? ${culprits}`);
  const ofShell = byHog.filter((record) => record.attributes[eventAttributes.threadName.key] === 'sh');
  assert.ok(ofShell.length > 0.8 * byHog.length, 'the waiting thread is the shell');
  for (const record of ofShell) assert.ok(Number(record.attributes[eventAttributes.weight.key]) >= 1);
  const asNeighbor = byHog.filter((record) => record.attributes[waitAttributes.cause.key] === 'neighbor');
  assert.ok(asNeighbor.length > 0.8 * byHog.length, `${asNeighbor.length} of ${byHog.length} by a neighbor`);
});

test('a container at its own limit waits for that, not for a neighbor', () => {
  const causes = sumBy(metricsOf(limited), waitMetrics.waitTime.name, waitAttributes.cause.key);
  assert.ok((causes.get('throttled') ?? 0) > 3, `throttled for ${causes.get('throttled')} s of 6`);
  assert.equal(causes.get('throttled_ancestor'), undefined);
});

test('histogram, run time and preemptions arrive as declared', () => {
  const all = metricsOf(victim).flatMap(({ metrics }) => metrics);
  for (const { name, unit } of [waitMetrics.waitDuration, waitMetrics.runTime, waitMetrics.preemptions]) {
    const metric = all.find((candidate) => candidate.name === name);
    assert.ok(metric, `no ${name}`);
    assert.equal(metric.unit, unit);
  }
});

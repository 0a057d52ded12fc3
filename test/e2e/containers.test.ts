import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, test } from 'node:test';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { eventAttributes } from '../../src/telemetry/attributes/event.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import type { ReceivedLogs, ReceivedMetrics } from '../lab/otlp-decode.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';
import { sumBy, total } from '../lab/otlp-sums.ts';
import { type Agent, startAgent } from './agent.ts';
import { type Containerd, startContainerd } from './containerd.ts';

/** Real containers (containerd, runc) beside each other; what an OTLP backend receives about them. */

const victim = `victim-${process.pid}`;
const hog = `hog-${process.pid}`;
const limited = `limited-${process.pid}`;
const cpu = availableParallelism() - 1;
const spin = "sh -c 'while :; do :; done'";

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
    events_per_second: 1000 # all of them, also where most are by what else this machine does
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
  await agent.logged('Everything is ready');
  const containers = [
    containerd.start(victim, spin, { cpu }),
    containerd.start(hog, `sh -c "sleep 1; ${spin}"`, { cpu }),
    // Less than its share of a busy machine.
    containerd.start(limited, spin, { quota: 5_000 }),
  ];
  // Beside other work the three come to run, and to be reported, late.
  await backend.until(
    () =>
      seconds(blameOf(victim), hog) > 2 &&
      seconds(causesOf(limited), 'throttled') > 1.2 &&
      byHog(longWaits()).length > 5,
  );
  await Promise.all(containers.map((container) => container.kill()));
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

const blameOf = (workload: string) =>
  sumBy(metricsOf(workload), waitMetrics.blameTime.name, culpritAttributes.containerId.key);

const causesOf = (workload: string) =>
  sumBy(metricsOf(workload), waitMetrics.waitTime.name, waitAttributes.cause.key);

const seconds = (sums: ReadonlyMap<unknown, number>, key: string) => sums.get(key) ?? 0;

/** Events of the victim. */
const longWaits = () =>
  logsOf(victim)
    .flatMap(({ records }) => records)
    .filter(({ attributes }) => Number(attributes[eventAttributes.duration.key]) >= 0.002);

const byHog = (records: ReturnType<typeof longWaits>) =>
  records.filter(({ attributes }) => attributes[culpritAttributes.name.key] === hog);

test("the victim's resource identifies its container", () => {
  const resource = metricsOf(victim)[0]?.resource;
  assert.ok(resource, `no resource of ${victim}`);
  assert.equal(resource[workloadAttributes.containerId.key], victim);
  assert.equal(resource[workloadAttributes.kind.key], 'container');
  const instances = new Set(
    [victim, hog].map((name) => metricsOf(name)[0]?.resource[resourceAttributes.serviceInstanceId.key]),
  );
  assert.equal(instances.size, 2, 'service.instance.id is unique');
});

test("the hog is the culprit on the victim's resource", () => {
  const blame = blameOf(victim);
  assert.ok(total(blame) > 1.5, `${total(blame)} s are blamed on culprits`);
  // Beside the two, other processes of this machine have the CPU now and then.
  const ran = total(sumBy(metricsOf(hog), waitMetrics.runTime.name, workloadAttributes.name.key));
  const blamed = seconds(blame, hog);
  assert.ok(blamed > 0.8 * ran && blamed < 1.02 * ran, `the hog ran ${ran} s and is to blame for ${blamed}`);
});

test('the cause is neighbor, and causes and culprits sum to the wait', () => {
  const causes = causesOf(victim);
  // What else this machine does is the system's.
  const others = total(causes) - (causes.get('system') ?? 0);
  assert.ok((causes.get('neighbor') ?? 0) > 0.8 * others, `causes ${JSON.stringify([...causes])}`);
  const wait = histogramsOf(victim, waitMetrics.waitDuration.name).reduce(
    (sum, histogram) => sum + histogram.sum,
    0,
  );
  // What runc waited before it entered the container's cgroup is that of the cgroup it left, and the histogram has the whole.
  assert.ok(
    wait > 0 && Math.abs(total(causes) - wait) < 0.005 * wait,
    `causes of ${total(causes)} s of ${wait} s`,
  );
  // Blame is part of its cause, and all of it where the cause has a culprit by definition.
  const blamed = sumBy(metricsOf(victim), waitMetrics.blameTime.name, waitAttributes.cause.key);
  for (const [cause, time] of blamed) {
    const waited = causes.get(cause) ?? 0;
    assert.ok(time < waited + 1e-6, `${time} s are blamed for ${waited} s of ${cause}`);
    if (cause === 'neighbor' || cause === 'system')
      assert.ok(waited < time + 1e-6, `${time} s are blamed for ${waited} s of ${cause}`);
  }
});

test('long waits of the victim are events with culprit, thread and weight', () => {
  for (const { eventName } of logsOf(victim).flatMap(({ records }) => records))
    assert.equal(eventName, 'earshot.wait');
  const long = longWaits();
  const ofHog = byHog(long);
  // The limited container and the system have the CPU now and then.
  const byOthers = long.filter(
    ({ attributes }) =>
      attributes[waitAttributes.cause.key] === 'system' || attributes[culpritAttributes.name.key] === limited,
  );
  const culprits = JSON.stringify(long.map((record) => record.attributes[culpritAttributes.name.key]));
  const rest = long.length - byOthers.length;
  assert.ok(ofHog.length > 3 && ofHog.length > 0.8 * rest, `culprits ${culprits}`);
  const ofShell = ofHog.filter((record) => record.attributes[eventAttributes.threadName.key] === 'sh');
  assert.ok(ofShell.length > 0.8 * ofHog.length, 'the waiting thread is the shell');
  for (const record of ofShell) assert.ok(Number(record.attributes[eventAttributes.weight.key]) >= 1);
  const asNeighbor = ofHog.filter((record) => record.attributes[waitAttributes.cause.key] === 'neighbor');
  assert.ok(asNeighbor.length > 0.8 * ofHog.length, `${asNeighbor.length} of ${ofHog.length} by a neighbor`);
});

test('a container at its own limit has the cause throttled, not neighbor', () => {
  const causes = causesOf(limited);
  const throttled = seconds(causes, 'throttled');
  // What else this machine does is the system's, and leaves less of each period to be throttled in.
  const others = total(causes) - (causes.get('system') ?? 0);
  assert.ok(throttled > 1 && throttled > 0.8 * others, `throttled for ${throttled} s of ${others} s`);
  assert.equal(causes.get('throttled_ancestor'), undefined);
});

test('histogram, run time and preemptions arrive as declared in docs/METRICS.md', () => {
  const all = metricsOf(victim).flatMap(({ metrics }) => metrics);
  for (const { name, unit } of [waitMetrics.waitDuration, waitMetrics.runTime, waitMetrics.preemptions]) {
    const metric = all.find((candidate) => candidate.name === name);
    assert.ok(metric, `no ${name}`);
    assert.equal(metric.unit, unit);
  }
});

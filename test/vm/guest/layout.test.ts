import assert from 'node:assert/strict';
import { after, before, describe, getTestContext, test } from 'node:test';
import { culpritAttributes } from '../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../src/telemetry/attributes/workload.ts';
import { cgroupMetrics } from '../../../src/telemetry/metrics/cgroup.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import { type Agent, startAgent } from '../../e2e/agent.ts';
import { hasLocalStatistics } from '../../kernel/scheduler-fixture.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { sumBy, total } from '../../lab/otlp-sums.ts';
import { appThreads, type Contention, contend, layOutNode, type Node } from './contention.ts';
import { type Container, enter } from './node-cgroups.ts';
import { Reported } from './reported.ts';
import { certificate, type StandInKubelet, startStandInKubelet } from './stand-in-kubelet.ts';

/**
 * Contention on a node of cgroup v2 alone: the real agent, and what an OTLP backend receives about it. Cgroups are where
 * systemd, a kubelet and a CRI runtime put them; the processes in them are loads of this test, and the kubelet that has
 * their names is a server of this test. Real ones: `test/kubernetes`.
 *
 * While the load runs the agent stands still, as if it got no CPU: an emulator takes long from the totals of a reading to
 * its pairs, and what happens meanwhile has no culprit. So it reads everything when the load is over.
 */

const withoutLocalStatistics = !hasLocalStatistics && 'the kernel has no cpu.stat.local (6.6)';

let node: Node;
let kubelet: StandInKubelet;
let backend: OtlpReceiver;
let agent: Agent;
let reported: Reported;
let contention: Contention;

/** Attributes from the path alone. */
const identityOf = ({ id, pod }: Container) => ({
  [workloadAttributes.kind.key]: 'container',
  [workloadAttributes.containerId.key]: id,
  [workloadAttributes.podUid.key]: pod.uid,
  [workloadAttributes.qos.key]: pod.qos,
});

const culpritOf = ({ id, name, pod }: Container) => ({
  [culpritAttributes.kind.key]: 'container',
  [culpritAttributes.containerId.key]: id,
  [culpritAttributes.containerName.key]: name,
  [culpritAttributes.podUid.key]: pod.uid,
  [culpritAttributes.podName.key]: pod.name,
  [culpritAttributes.namespace.key]: pod.namespace,
  [culpritAttributes.qos.key]: pod.qos,
});

function assertIncludes(
  actual: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>>,
): void {
  assert.deepEqual({ ...actual, ...expected }, actual);
}

/** Interrupts are counted by ticks of the clock, and may be off by some. */
const ticks = 0.03;

function assertWithin(actual: number | undefined, expected: number, share: number, what: string): void {
  const off = (actual ?? 0) / expected - 1;
  const context = getTestContext();
  if (context && 'diagnostic' in context) context.diagnostic(`${what}: off by ${(off * 100).toFixed(2)} %`);
  assert.ok(Math.abs(off) <= share + ticks / expected, `${what}: ${actual} instead of ${expected}`);
}

describe('cgroup layout of systemd and the kubelet', () => {
  before(async () => {
    node = layOutNode();
    enter(node.init, 1);
    enter(node.test, process.pid);
    kubelet = await startStandInKubelet(node.pods);
    backend = await startOtlpReceiver();
    reported = new Reported(backend);
    agent = startAgent(`
receivers:
  scheduler:
    interval: 2s
  cgroup:
    interval: 2s
    pressure: false
    include: [/kubepods.slice]
processors:
  workload:
    hold: 10s
    sources: [kubelet]
    kubelet:
      endpoint: ${kubelet.endpoint}
      interval: 1s
      timeout: 30s
      auth_type: none
      ca_file: ${certificate}
  contention:
exporters:
  otlp_grpc:
    endpoint: http://${backend.endpoint}
    temporality: delta
    timeout: 30s
service:
  pipelines:
    metrics: {receivers: [scheduler, cgroup], processors: [workload, contention], exporters: [otlp_grpc]}
`);
    enter(node.agent, agent.process.pid ?? 0);
    await agent.logged('Everything is ready');
    const { metrics } = backend;
    await backend.until(() => metrics().length > 0);
    agent.process.kill('SIGSTOP');
    contention = await contend(node);
    agent.process.kill('SIGCONT');
    const { cgroup } = node.victim;
    await reported.until(cgroup, contention.ended, [
      waitMetrics.waitTime.name,
      cgroupMetrics.throttledTime.name,
    ]);
    assert.equal(await agent.stop(), 0, agent.errors());
  });

  after(async () => {
    await agent?.stop('SIGKILL');
    await backend?.close();
    kubelet?.close();
  });

  test('a container has its names, QoS class, limits and requests', () => {
    const { victim } = node;
    assertIncludes(reported.resource(victim.cgroup), {
      ...identityOf(victim),
      [workloadAttributes.namespaceName.key]: 'shop',
      [workloadAttributes.podName.key]: 'api-7d4b9c5f58-x2x4z',
      [workloadAttributes.podContainerName.key]: 'api',
      [workloadAttributes.deploymentName.key]: 'api',
      [resourceAttributes.serviceName.key]: 'api',
      [resourceAttributes.serviceInstanceId.key]: 'shop.api-7d4b9c5f58-x2x4z.api',
      [workloadAttributes.cpuRequest.key]: 0.01,
      [workloadAttributes.cpuLimit.key]: 0.7,
    });
    for (const container of [node.hog, node.app, node.sidecar])
      assertIncludes(reported.resource(container.cgroup), {
        ...identityOf(container),
        [workloadAttributes.namespaceName.key]: container.pod.namespace,
        [workloadAttributes.podName.key]: container.pod.name,
        [workloadAttributes.podContainerName.key]: container.name,
      });
  });

  test('a container without a source has the facts of its path', () => {
    const resource = reported.resource(node.capped.cgroup);
    assertIncludes(resource, {
      ...identityOf(node.capped),
      [resourceAttributes.serviceInstanceId.key]: node.capped.id,
    });
    assert.equal(resource[workloadAttributes.podName.key], undefined);
  });

  test('services, a session and the scope of process 1 have their unit names', () => {
    for (const [cgroup, kind] of [
      [node.kubelet, 'service'],
      [node.containerd, 'service'],
      [node.session, 'user'],
      [node.init, 'scope'],
    ] as const)
      assertIncludes(reported.resource(cgroup), {
        [workloadAttributes.kind.key]: kind,
        [workloadAttributes.unit.key]: cgroup.path.split('/').at(-1),
      });
  });

  test('causes sum to the wait of each victim', () => {
    for (const [what, { cgroup }, lived] of [
      ['Burstable', node.victim, contention.lived.victim],
      ['Guaranteed', node.app, contention.lived.app],
    ] as const) {
      const causes = reported.causes(cgroup);
      assertWithin(total(causes), lived - cgroup.ran(), 0.05, `wait of the ${what} container`);
      const unknown = causes.get('unknown') ?? 0;
      assert.ok(unknown < 0.01 * total(causes), `unknown ${unknown} of ${total(causes)} s`);
    }
  });

  test('a BestEffort neighbor is the culprit for its run time', () => {
    assertWithin(
      reported.blame(node.victim.cgroup, node.hog.cgroup),
      node.hog.cgroup.ran(),
      0.05,
      'blame of the hog',
    );
    assertIncludes(reported.culprit(node.victim.cgroup, node.hog.cgroup), {
      [waitAttributes.cause.key]: 'neighbor',
      ...culpritOf(node.hog),
    });
  });

  test('a short-lived container has its name after its removal', () => {
    const { job, jobRan } = contention;
    assertWithin(reported.blame(node.victim.cgroup, job.cgroup), jobRan, 0.05, 'blame of the job');
    assertIncludes(reported.culprit(node.victim.cgroup, job.cgroup), {
      [waitAttributes.cause.key]: 'neighbor',
      ...culpritOf(job),
      [culpritAttributes.ownerKind.key]: 'Job',
      [culpritAttributes.ownerName.key]: 'migrate-1',
    });
  });

  test('another container of the pod is a sibling, other threads of the same container are self', () => {
    const causes = reported.causes(node.app.cgroup);
    assertWithin(causes.get('self'), (appThreads - 1) * node.app.cgroup.ran(), 0.05, 'waiting for oneself');
    assertWithin(
      causes.get('sibling'),
      appThreads * node.sidecar.cgroup.ran(),
      0.05,
      'waiting for a sibling',
    );
    assertIncludes(reported.culprit(node.app.cgroup, node.sidecar.cgroup), {
      [waitAttributes.cause.key]: 'sibling',
      ...culpritOf(node.sidecar),
    });
  });

  test('units of the node are system, with their names', () => {
    for (const culprit of [node.kubelet, node.containerd, node.session, node.init]) {
      const unit = culprit.path.split('/').at(-1);
      assertWithin(
        reported.blame(node.app.cgroup, culprit),
        appThreads * culprit.ran(),
        0.05,
        `blame of ${unit}`,
      );
      assertIncludes(reported.culprit(node.app.cgroup, culprit), {
        [waitAttributes.cause.key]: 'system',
        [culpritAttributes.unit.key]: unit,
      });
    }
  });

  test("a limit on container and pod is the container's own, equal to cpu.stat.local", {
    skip: withoutLocalStatistics,
  }, () => {
    const causes = reported.causes(node.victim.cgroup);
    const throttled = node.victim.cgroup.throttledLocal();
    assert.ok(throttled > 0.1, `the victim was throttled only ${throttled} s`);
    assertWithin(causes.get('throttled'), throttled, 0.02, 'throttled by the own limit');
    assert.equal(causes.get('throttled_ancestor'), undefined);
  });

  test('a quota of the QoS class is throttled_ancestor, and names its slice', {
    skip: withoutLocalStatistics,
  }, () => {
    const causes = reported.causes(node.capped.cgroup);
    const throttled = node.capped.cgroup.throttledLocal();
    assert.ok(throttled > 0.1, `the container was throttled only ${throttled} s`);
    assertWithin(causes.get('throttled_ancestor'), throttled, 0.02, 'throttled by the QoS class');
    assert.equal(causes.get('throttled'), undefined);
    assertWithin(
      reported.blame(node.capped.cgroup, node.bestEffort),
      throttled,
      0.02,
      'blame of the QoS class',
    );
    assertIncludes(reported.culprit(node.capped.cgroup, node.bestEffort), {
      [waitAttributes.cause.key]: 'throttled_ancestor',
    });
  });

  test('each level with a quota has its own throttled time, equal to cpu.stat', () => {
    for (const [level, cgroup] of [
      ['container', node.victim.cgroup],
      ['pod', node.victim.pod.cgroup],
      ['qos', node.bestEffort],
    ] as const) {
      const byLevel = sumBy(
        reported.of(cgroup),
        cgroupMetrics.throttledTime.name,
        waitAttributes.quotaLevel.key,
      );
      assert.deepEqual([...byLevel.keys()], [level]);
      assert.ok(Math.abs(total(byLevel) - cgroup.throttled()) < 1e-6, `${level}: ${total(byLevel)} s`);
    }
    assert.ok(node.bestEffort.throttled() > 0.1);
  });
});

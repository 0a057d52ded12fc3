import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../src/telemetry/attributes/workload.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import { busyboxImageNeeds } from '../lab/busybox-image.ts';
import { lacks } from '../lab/needed.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';
import { sumBy, total } from '../lab/otlp-sums.ts';
import { type Podman, startPodman } from '../lab/podman.ts';
import { type Agent, startAgent } from './agent.ts';

/** Containers of a real Podman beside each other, named through the API it shares with Docker. */

const skip = lacks('podman', 'conmon', 'runc', ...busyboxImageNeeds);
/** The last CPU alone, so that the two have to share it. */
const spin = `exec busybox taskset ${(2 ** (availableParallelism() - 1)).toString(16)} sh -c 'while :; do :; done'`;
const compose = ['--label=com.docker.compose.project=shop', '--label=com.docker.compose.service=web'];

describe('contention between Podman containers', { skip }, () => {
  let backend: OtlpReceiver;
  let podman: Podman;
  let agent: Agent;
  let hog: string;

  before(async () => {
    backend = await startOtlpReceiver();
    podman = await startPodman();
    agent = startAgent(`
receivers:
  scheduler:
    interval: 1s
processors:
  workload:
    sources: [podman]
    podman: {endpoint: "unix://${podman.socketPath}"}
  contention:
exporters:
  otlp_grpc: {endpoint: "http://${backend.endpoint}", temporality: delta}
service:
  pipelines:
    metrics: {receivers: [scheduler], processors: [workload, contention], exporters: [otlp_grpc]}
`);
    await agent.logged('Everything is ready');
    await podman.run('shop-web-1', compose, spin);
    hog = await podman.run('batch', [], spin);
    await backend.until(() => (blameOf(culpritAttributes.containerId.key).get(hog) ?? 0) > 1.5);
    await podman.remove('batch');
    await podman.remove('shop-web-1');
    assert.equal(await agent.stop(), 0);
  });

  after(async () => {
    await agent?.stop('SIGKILL');
    await podman?.close();
    await backend?.close();
  });

  const of = (container: string) =>
    backend
      .metrics()
      .flatMap(({ resources }) => resources)
      .filter(({ resource }) => resource[workloadAttributes.containerName.key] === container);
  const victim = () => of('shop-web-1');
  const blameOf = (culprit: string) => sumBy(victim(), waitMetrics.blameTime.name, culprit);

  test('the victim has its container name, image and Compose service', () => {
    const [first] = victim();
    assert.ok(first, 'nothing of the victim');
    for (const { resource } of victim()) {
      assert.equal(resource[workloadAttributes.name.key], 'shop-web-1');
      assert.equal(resource[resourceAttributes.serviceName.key], 'web');
      assert.equal(resource[resourceAttributes.serviceNamespace.key], 'shop');
      assert.equal(resource[workloadAttributes.containerRuntime.key], 'podman');
      assert.equal(resource[workloadAttributes.imageName.key], 'localhost/earshot-test');
    }
  });

  test('the neighbor is the culprit, by name', () => {
    const causes = sumBy(victim(), waitMetrics.waitTime.name, waitAttributes.cause.key);
    assert.ok(total(causes) > 1, `waited only ${total(causes)} s`);
    // What else this machine does is the system's.
    const others = total(causes) - (causes.get('system') ?? 0);
    assert.ok((causes.get('neighbor') ?? 0) > 0.8 * others, JSON.stringify([...causes]));
    const ran = total(sumBy(of('batch'), waitMetrics.runTime.name, workloadAttributes.name.key));
    const byHog = blameOf(culpritAttributes.containerId.key).get(hog) ?? 0;
    assert.ok(byHog > 0.8 * ran && byHog < 1.02 * ran, `the hog ran ${ran} s and is to blame for ${byHog}`);
    assert.equal(blameOf(culpritAttributes.name.key).get('batch'), byHog);
  });
});

import assert from 'node:assert/strict';
import { globSync, rmdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openCri } from '../../../src/identity/containers/cri/cri.ts';
import { identityCounters } from '../../../src/identity/emits.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { lacksNewContainerd, newContainerdFolder, newContainerdVersion } from '../../lab/build-containerd.ts';
import { busyboxImage, busyboxImageNeeds } from '../../lab/busybox-image.ts';
import { type CriContainerd, startCriContainerd } from '../../lab/cri-containerd.ts';
import { type CriDriver, driveCri, type Pod } from '../../lab/cri-driver.ts';
import { lacks } from '../../lab/needed.ts';
import { liveSource } from './live-source.ts';

/** Real containerds, the distribution's and a newer one, driven through CRI as a kubelet does. */
const peers = [
  {
    name: "the distribution's containerd",
    hasEvents: false,
    binaries: () => undefined,
    skip: lacks('containerd', 'ctr', 'runc', ...busyboxImageNeeds),
  },
  {
    name: `containerd ${newContainerdVersion}`,
    hasEvents: true,
    binaries: () => newContainerdFolder,
    skip: lacks('runc', ...busyboxImageNeeds) || lacksNewContainerd(),
  },
] as const;

for (const { name, hasEvents, binaries, skip } of peers)
  describe(name, { skip }, () => {
    const cgroupParent = `/earshot-cri-${process.pid}`;
    let containerd: CriContainerd;
    let driver: CriDriver;
    let live: ReturnType<typeof liveSource>;
    const pods: Pod[] = [];

    before(async () => {
      containerd = await startCriContainerd(binaries());
      driver = driveCri(containerd.socketPath, { image: busyboxImage, cgroupParent });
      pods.push(await driver.runPod('before'));
      live = liveSource((context) =>
        openCri(
          {
            timeout: seconds(1),
            resync: seconds(60),
            endpoint: `unix://${containerd.socketPath}`,
          },
          context,
          { rootPath: '/' },
        ),
      );
      await live.until('ready', () => live.source.state === 'ready');
    });

    after(async () => {
      await live?.close();
      await Promise.allSettled(pods.map((pod) => driver.removePod(pod)));
      driver?.close();
      await containerd?.close();
      removeCgroups(cgroupParent);
    });

    test('a pod older than the agent has its labels and annotations, and its sandbox that role', () => {
      const [pod] = pods;
      assert.ok(pod);
      assert.deepEqual(live.facts.pods.get(pod.uid), {
        uid: pod.uid,
        name: 'before',
        namespace: 'earshot-test',
        labels: { app: 'before' },
        annotations: { 'example.com/team': 'shop' },
      });
      assert.deepEqual(live.facts.containers.get(pod.id), {
        id: pod.id,
        runtime: 'containerd',
        role: 'sandbox',
        podUid: pod.uid,
      });
    });

    test('a container has its name, pod, image and restart count after at most one list', async () => {
      const pod = await driver.runPod('api');
      pods.push(pod);
      const id = await pod.create('server', 3);
      const lists = live.count(identityCounters.sourceLists.name);
      const started = driver.start(id);
      // Events report it; without them a lookup must be requested.
      if (!hasEvents) live.source.requestLookup({ containerId: id, podUid: pod.uid });
      await live.until('named', () => live.facts.containers.get(id)?.name === 'server');
      await started;
      assert.equal(live.facts.pods.get(pod.uid)?.name, 'api');
      assert.equal(live.count(identityCounters.sourceLists.name) - lists, hasEvents ? 0 : 1);
      const cgroups = globSync(`/sys/fs/cgroup/{.,*}${cgroupParent}/${id}`);
      assert.ok(cgroups.length > 0, "its id is the one in the cgroup's path");
      const { image, ...facts } = live.facts.containers.get(id) ?? { id: 'none' };
      assert.deepEqual(facts, {
        id,
        name: 'server',
        runtime: 'containerd',
        podUid: pod.uid,
        restartCount: 3,
        labels: {},
      });
      assert.deepEqual({ name: image?.name, tag: image?.tag }, { name: 'localhost/earshot-test', tag: '1' });
    });

    test('a restart of containerd loses no container, and changes during the restart are read', async () => {
      const pod = await driver.runPod('survivor');
      pods.push(pod);
      const id = await pod.create('main');
      await driver.start(id);
      live.source.requestLookup({ containerId: id });
      await live.until('named', () => live.facts.containers.has(id));
      await containerd.stop();
      await live.until('noticed', () => live.source.state !== 'ready' || !hasEvents, 5_000);
      assert.ok(live.facts.containers.has(id), 'known without an answer');
      await containerd.start();
      const late = await pod.create('late');
      await driver.start(late);
      live.source.requestLookup({ containerId: late });
      await live.until('named', () => live.facts.containers.get(late)?.name === 'late');
      // Events may name it before a containerd that has just started can list.
      await live.until('ready', () => live.source.state === 'ready');
      assert.ok(live.facts.containers.has(id));
      assert.ok(!live.facts.gone.includes(id));
    });

    test('a hanging containerd is failing, keeps its facts, and is read again when it recovers', async () => {
      const known = live.facts.containers.size;
      containerd.signal('SIGSTOP');
      try {
        live.source.requestLookup({ containerId: 'absent' });
        await live.until('noticed', () => live.source.state === 'failing');
        assert.equal(live.facts.containers.size, known);
      } finally {
        containerd.signal('SIGCONT');
      }
      await live.until('ready', () => live.source.state === 'ready');
    });

    test('a removed container is gone', async () => {
      const [pod] = pods;
      assert.ok(pod);
      const id = await pod.create('short');
      await driver.start(id);
      live.source.requestLookup({ containerId: id });
      await live.until('named', () => live.facts.containers.has(id));
      await driver.removeContainer(id);
      // Without events the next list shows it.
      if (!hasEvents) live.source.requestLookup({ containerId: 'absent' });
      await live.until('gone', () => live.facts.gone.includes(id));
    });
  });

/** Of all hierarchies; empty, as all pods are gone. */
function removeCgroups(parent: string): void {
  for (const found of globSync(`/sys/fs/cgroup/{.,*}${parent}`)) rmdirSync(found);
}

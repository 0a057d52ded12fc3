import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPodman } from '../../../src/identity/containers/docker/docker.ts';
import { identityCounters } from '../../../src/identity/emits.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { busyboxImageNeeds } from '../../lab/busybox-image.ts';
import { lacks } from '../../lab/needed.ts';
import { type Podman, startPodman } from '../../lab/podman.ts';
import { liveSource } from './live-source.ts';

/** A real Podman over the API it shares with Docker. */

const skip = lacks('podman', 'conmon', 'runc', ...busyboxImageNeeds);
const compose = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
const labels = Object.entries(compose).map(([key, value]) => `--label=${key}=${value}`);

describe('Podman', { skip }, () => {
  let podman: Podman;
  let live: ReturnType<typeof liveSource>;
  let web: string;

  before(async () => {
    podman = await startPodman();
    web = await podman.run('web', labels);
    live = liveSource((context) =>
      openPodman(
        { timeout: seconds(5), resync: seconds(60), endpoint: `unix://${podman.socketPath}` },
        context,
        { rootPath: '/' },
      ),
    );
    await live.until('ready', () => live.source.state === 'ready');
  });

  after(async () => {
    await live?.close();
    await podman?.close();
  });

  test('a container older than the agent has its name, image and labels', () => {
    assert.deepEqual(live.facts.containers.get(web), {
      id: web,
      name: 'web',
      runtime: 'podman',
      image: { name: 'localhost/earshot-test', tag: '1' },
      labels: compose,
    });
  });

  test('container starts and removals arrive as events, without a new list', async () => {
    const lists = live.count(identityCounters.sourceLists.name);
    const id = await podman.run('late');
    await live.until('named', () => live.facts.containers.get(id)?.name === 'late');
    await podman.remove('late');
    await live.until('gone', () => live.facts.gone.includes(id));
    assert.equal(live.count(identityCounters.sourceLists.name), lists);
  });

  test('a restart of the Podman service loses no container, and changes during the restart are read', async () => {
    const doomed = await podman.run('doomed');
    await live.until('named', () => live.facts.containers.has(doomed));
    await podman.stopService();
    await live.until('noticed', () => live.source.state !== 'ready');
    assert.ok(live.facts.containers.has(web) && live.facts.containers.has(doomed));
    await podman.remove('doomed');
    const born = await podman.run('born');
    await podman.startService();
    await live.until('named', () => live.facts.containers.has(born));
    await live.until('ready', () => live.source.state === 'ready');
    assert.ok(live.facts.gone.includes(doomed));
    assert.ok(!live.facts.gone.includes(web));
  });
});

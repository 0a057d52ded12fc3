import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { openDocker, openPodman } from '../../../../../src/identity/containers/docker/docker.ts';
import {
  event,
  inspected,
  listing,
  runtimeInfo,
} from '../../../../../src/identity/containers/docker/facts.ts';
import { identityCounters } from '../../../../../src/identity/emits.ts';
import { RequestError } from '../../../../../src/net/request-error.ts';
import { milliseconds, seconds } from '../../../../../src/telemetry/units.ts';
import { socketFolder, sourceFixture, until } from '../../source-fixture.ts';
import { type DockerServer, json, startDockerServer } from './docker-server.ts';

/** The server here is ours and misbehaves on purpose; a real one answers in `test/e2e/unattached/podman.test.ts`. */

const id = 'a'.repeat(64);
const other = 'b'.repeat(64);
const listed = (Id: string, more: object = {}) => ({
  Id,
  Names: ['/web'],
  Image: 'shop/web:3',
  State: 'running',
  ...more,
});

async function serve(t: TestContext, timeout = seconds(5)) {
  const folder = socketFolder(t);
  const server = await startDockerServer(join(folder, 'docker.sock'));
  t.after(() => server.close());
  const fixture = sourceFixture();
  const source = openDocker({ timeout, resync: seconds(30) }, fixture.context, {
    rootPath: folder,
    candidates: ['/docker.sock'],
  });
  t.after(() => source.close());
  return { ...fixture, server, source, folder };
}

const withContainers = (server: DockerServer, ...containers: readonly object[]) =>
  server.answers.set('/containers/json', json(containers));

test('containers have the name, the image and the labels that Docker shows', async (t) => {
  const { server, source, facts } = await serve(t);
  withContainers(
    server,
    listed(id, { Labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' } }),
  );
  await until(source, () => source.state === 'ready');
  assert.deepEqual(facts.containers.get(id), {
    id,
    name: 'web',
    runtime: 'docker',
    image: { name: 'shop/web', tag: '3' },
    labels: { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' },
  });
});

test('an image whose tag has moved on is looked up once, and its name stays', async (t) => {
  const { server, source, facts, advance } = await serve(t);
  const image = 'registry.example:5000/shop/web:3@sha256:12';
  withContainers(server, listed(id, { Image: `sha256:${'d'.repeat(64)}` }));
  server.answers.set(`/containers/${id}/json`, json({ Id: id, Name: '/web', Config: { Image: image } }));
  const expected = { name: 'registry.example:5000/shop/web', tag: '3', digest: 'sha256:12' };
  await until(source, () => facts.containers.get(id)?.image !== undefined);
  advance(300);
  await until(source, () => facts.lists === 2);
  assert.deepEqual(facts.containers.get(id)?.image, expected);
  assert.equal(server.requested.filter((path) => path.endsWith(`${id}/json`)).length, 1);
});

test('containers of cri-dockerd belong to pods, and their sandboxes have the facts of pods', async (t) => {
  const { server, source, facts } = await serve(t);
  const pod = {
    'io.kubernetes.pod.uid': 'uid-1',
    'io.kubernetes.pod.name': 'api-0',
    'io.kubernetes.pod.namespace': 'shop',
  };
  withContainers(
    server,
    listed(id, {
      Names: ['/k8s_api_api-0_shop_uid-1_3'],
      Labels: {
        ...pod,
        'io.kubernetes.docker.type': 'container',
        'io.kubernetes.container.name': 'api',
        'annotation.io.kubernetes.container.restartCount': '3',
      },
    }),
    listed(other, {
      Labels: {
        ...pod,
        app: 'api',
        'io.kubernetes.docker.type': 'podsandbox',
        'io.kubernetes.container.name': 'POD',
        'annotation.kubernetes.io/config.hash': 'f'.repeat(32),
      },
    }),
  );
  await until(source, () => source.state === 'ready');
  const container = facts.containers.get(id);
  assert.equal(container?.name, 'api');
  assert.equal(container?.podUid, 'uid-1');
  assert.equal(container?.restartCount, 3);
  assert.equal(container?.role, undefined);
  assert.equal(facts.containers.get(other)?.role, 'sandbox');
  assert.deepEqual(facts.pods.get('uid-1'), {
    uid: 'uid-1',
    configHash: 'f'.repeat(32),
    name: 'api-0',
    namespace: 'shop',
    labels: { app: 'api' },
    annotations: { 'kubernetes.io/config.hash': 'f'.repeat(32) },
  });
});

test('starts and ends of containers are followed by events', async (t) => {
  const { server, source, facts } = await serve(t);
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  server.answers.set(`/containers/${id}/json`, json({ Id: id, Name: '/late', Config: { Image: 'late' } }));
  server.emit({ Type: 'container', Action: 'exec_start: sh', Actor: { ID: other } });
  server.emit({ Type: 'container', Action: 'start', Actor: { ID: id } });
  await until(source, () => facts.containers.get(id)?.name === 'late');
  assert.ok(!server.requested.includes(`/containers/${other}/json`), 'an exec is nothing to look after');
  server.emit({ Type: 'container', Action: 'destroy', Actor: { ID: id } });
  await until(source, () => !facts.containers.has(id));
});

test('an event may arrive in pieces, split within a character', async (t) => {
  const { server, source, facts } = await serve(t);
  await until(source, () => server.followers.size === 1);
  server.answers.set(`/containers/${id}/json`, json({ Id: id, Name: '/späť' }));
  const line = Buffer.from(
    `${JSON.stringify({ note: 'ä'.repeat(10), Type: 'container', Action: 'start', Actor: { ID: id } })}\n`,
  );
  const [follower] = server.followers;
  for (const byte of line) follower?.write(Buffer.of(byte));
  await until(source, () => facts.containers.get(id)?.name === 'späť');
});

test('a container removed while the stream was down is gone, a new one is known', async (t) => {
  const { server, source, facts, advance, count } = await serve(t);
  withContainers(server, listed(id));
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  advance(60);
  withContainers(server, listed(other));
  server.cut();
  await until(source, () => facts.containers.has(other) && !facts.containers.has(id));
  advance(60);
  await until(source, () => server.followers.size === 1);
  assert.ok(count(identityCounters.sourceErrors.name, 'connection_reset') >= 1);
});

test('a restarted daemon is found again, and no facts are lost meanwhile', async (t) => {
  const { server, source, facts, advance, folder } = await serve(t);
  withContainers(server, listed(id));
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  await server.close();
  advance(60);
  await until(source, () => source.state === 'absent' || source.state === 'failing');
  assert.ok(facts.containers.has(id));
  const again = await startDockerServer(join(folder, 'docker.sock'));
  t.after(() => again.close());
  withContainers(again, listed(id), listed(other));
  advance(2);
  await until(source, () => source.state === 'ready');
  assert.ok(facts.containers.has(other));
  assert.deepEqual(facts.gone, []);
});

test('a silent daemon times out and leaves no connection open', async (t) => {
  const { server, source, count } = await serve(t, milliseconds(50));
  server.answers.set('/version', () => {});
  await until(source, () => source.state === 'failing');
  assert.match(source.reason ?? '', /no answer in time/);
  assert.equal(count(identityCounters.sourceErrors.name, 'timeout'), 1);
  await source.close();
});

test('a body without an end times out', async (t) => {
  const { server, source } = await serve(t, milliseconds(50));
  server.answers.set('/containers/json', (_request, response) => void response.write('['));
  await until(source, () => source.state === 'failing');
  assert.match(source.reason ?? '', /no answer in time/);
});

for (const { name, answer, reason } of [
  { name: 'something that is no JSON', answer: '<html>', reason: 'invalid_response' },
  { name: 'JSON of another kind', answer: '{"message":"hello"}', reason: 'invalid_response' },
  { name: 'containers without ids', answer: '[{"Names":["/x"]}]', reason: 'invalid_response' },
  { name: 'null', answer: 'null', reason: 'invalid_response' },
] as const)
  test(`a daemon that answers ${name} is failing, and counted as ${reason}`, async (t) => {
    const { server, source, count } = await serve(t);
    server.answers.set('/containers/json', (_request, response) => void response.end(answer));
    await until(source, () => source.state === 'failing');
    assert.equal(count(identityCounters.sourceErrors.name, reason), 1);
  });

test('an answer above the size limit is refused', async (t) => {
  const { server, source, count } = await serve(t);
  let isCut = false;
  server.answers.set('/containers/json', (_request, response) => {
    const block = Buffer.alloc(2 ** 20, ' ');
    const write = () => {
      while (!isCut && response.write(block));
    };
    response.on('drain', write).on('close', () => {
      isCut = true;
    });
    write();
  });
  await until(source, () => source.state === 'failing');
  assert.equal(count(identityCounters.sourceErrors.name, 'too_large'), 1);
  await until(source, () => isCut);
});

test('an event above the size limit ends the stream, and lists go on', async (t) => {
  const { server, source, count } = await serve(t);
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  const [follower] = server.followers;
  follower?.write('x'.repeat(3 * 2 ** 20));
  await until(source, () => count(identityCounters.sourceErrors.name, 'too_large') === 1);
  assert.equal(source.state, 'ready');
});

for (const [code, reason] of [
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [429, 'throttled'],
  [500, 'status'],
] as const)
  test(`an answer ${code} is in the reason, and counted as ${reason}`, async (t) => {
    const { server, source, count } = await serve(t);
    server.answers.set('/containers/json', (_request, response) => void response.writeHead(code).end('{}'));
    await until(source, () => source.state === 'failing');
    assert.match(source.reason ?? '', new RegExp(`answered ${code}`));
    assert.equal(count(identityCounters.sourceErrors.name, reason), 1);
  });

test('a peer without HTTP is failing', async (t) => {
  const folder = socketFolder(t);
  const server = createServer((socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
  server.listen(join(folder, 'docker.sock'));
  t.after(() => server.close());
  const { context } = sourceFixture();
  const source = openDocker(
    { timeout: seconds(5), resync: seconds(30), endpoint: 'unix:///docker.sock' },
    context,
    { rootPath: folder },
  );
  t.after(() => source.close());
  await until(source, () => source.state === 'failing');
  assert.match(source.reason ?? '', /does not speak HTTP/);
});

test("Podman at Docker's socket is left to the source podman", async (t) => {
  const { server, source, folder, context } = await serve(t);
  server.answers.set('/version', json({ Version: '5.0.0', Components: [{ Name: 'Podman Engine' }] }));
  await until(source, () => source.state === 'absent');
  assert.match(source.reason ?? '', /podman answers there/);
  const podman = openPodman({ timeout: seconds(5), resync: seconds(30) }, context, {
    rootPath: folder,
    candidates: ['/docker.sock'],
  });
  t.after(() => podman.close());
  await until(podman, () => podman.state === 'ready');
});

test('labels at a Podman socket cannot claim a pod', () => {
  const Labels = {
    app: 'api',
    'io.kubernetes.pod.uid': 'uid-1',
    'io.kubernetes.docker.type': 'podsandbox',
    'annotation.earshot.io/ignore': 'true',
  };
  const { pods, containers } = listing([listed(id, { Labels })], 'podman');
  assert.deepEqual(pods, []);
  const expected = { id, name: 'web', runtime: 'podman', labels: { app: 'api' } };
  const image = { name: 'shop/web', tag: '3' };
  assert.deepEqual(containers[0]?.facts, { ...expected, image });
  const { image: none, ...facts } = inspected({ Id: id, Name: '/web', Config: { Labels } }, 'podman');
  assert.deepEqual(facts, expected);
  assert.equal(none, undefined);
});

test("a link to a socket is followed within the host's root", async (t) => {
  const { server, source, folder, context } = await serve(t);
  await source.close();
  symlinkSync('/docker.sock', join(folder, 'link.sock'));
  const linked = openDocker(
    { timeout: seconds(5), resync: seconds(30), endpoint: 'unix:///link.sock' },
    context,
    { rootPath: folder },
  );
  t.after(() => linked.close());
  await until(linked, () => linked.state === 'ready');
  assert.ok(server.requested.includes('/version'));
});

test('any JSON of a daemon is read or refused as an invalid response', () => {
  const container = fc.record(
    {
      Id: fc.oneof(fc.string(), fc.jsonValue()),
      Names: fc.jsonValue(),
      Name: fc.jsonValue(),
      Image: fc.jsonValue(),
      Labels: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.jsonValue()),
      State: fc.jsonValue(),
      Config: fc.jsonValue(),
      Type: fc.constantFrom('container', 'image'),
      Action: fc.constantFrom('start', 'destroy', 'die'),
      Actor: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const answers = fc.oneof(fc.jsonValue(), container, fc.array(container));
  fc.assert(
    fc.property(answers, (answer) => {
      for (const decode of [
        runtimeInfo,
        event,
        (of: unknown) => listing(of, 'docker'),
        (of: unknown) => inspected(of, 'docker'),
      ])
        try {
          decode(answer);
        } catch (error) {
          assert.ok(error instanceof RequestError && error.reason === 'invalid_response', String(error));
        }
    }),
  );
});

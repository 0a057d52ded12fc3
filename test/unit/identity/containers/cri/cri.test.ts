import assert from 'node:assert/strict';
import { linkSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { canShareEvents, eventOf } from '../../../../../src/identity/containers/cri/client.ts';
import { openCri } from '../../../../../src/identity/containers/cri/cri.ts';
import { ImageNames } from '../../../../../src/identity/containers/cri/images.ts';
import * as messages from '../../../../../src/identity/containers/cri/messages.ts';
import { identityCounters } from '../../../../../src/identity/emits.ts';
import { milliseconds, seconds } from '../../../../../src/telemetry/units.ts';
import { socketFolder, sourceFixture, until } from '../../source-fixture.ts';
import { answering, type CriServer, startCriServer } from './cri-server.ts';

/** The server here is ours and misbehaves on purpose; real ones answer in `test/e2e/unattached/cri.test.ts`. */

const pod = { name: 'api-0', uid: 'uid-1', namespace: 'shop', attempt: 0 };
const ofPod = {
  'io.kubernetes.pod.uid': 'uid-1',
  'io.kubernetes.pod.name': 'api-0',
  'io.kubernetes.pod.namespace': 'shop',
};
const sandbox = (id: string, more: object = {}) => ({
  id,
  metadata: pod,
  labels: { ...ofPod, app: 'api' },
  ...more,
});
const container = (id: string, more: object = {}) => ({
  id,
  metadata: { name: 'api', attempt: 1 },
  image: { image: `sha256:${'d'.repeat(64)}` },
  imageRef: `sha256:${'d'.repeat(64)}`,
  state: 1,
  labels: { ...ofPod, 'io.kubernetes.container.name': 'api' },
  annotations: { 'io.kubernetes.container.restartCount': '4' },
  ...more,
});
const inspected = (id: string) =>
  container(id, {
    image: { image: 'registry.example/shop/api:3' },
    imageRef: `registry.example/shop/api@sha256:${'e'.repeat(64)}`,
  });

async function serve(t: TestContext, timeout = seconds(5)) {
  const folder = socketFolder(t);
  const server = await startCriServer(join(folder, 'cri.sock'));
  t.after(() => server.close());
  const fixture = sourceFixture();
  const source = openCri({ timeout, resync: seconds(30) }, fixture.context, {
    rootPath: folder,
    candidates: ['/missing.sock', '/cri.sock'],
  });
  t.after(() => source.close());
  return { ...fixture, server, source, folder };
}

function run(server: CriServer, sandboxes: readonly object[], containers: readonly object[]): void {
  server.answers.set('ListPodSandbox', answering({ items: sandboxes }));
  server.answers.set('ListContainers', answering({ containers }));
}

const image = { name: 'registry.example/shop/api', tag: '3', digest: `sha256:${'e'.repeat(64)}` };
const images = {
  images: [
    {
      id: `sha256:${'d'.repeat(64)}`,
      repoTags: ['registry.example/shop/api:3'],
      repoDigests: [`registry.example/shop/api@sha256:${'e'.repeat(64)}`],
    },
  ],
};

test('pods and containers have names, labels, restarts and images', async (t) => {
  const { server, source, facts } = await serve(t);
  run(server, [sandbox('s', { annotations: { 'kubernetes.io/config.hash': 'hash' } })], [container('c')]);
  server.answers.set('ListImages', answering(images));
  await until(source, () => source.state === 'ready');
  assert.deepEqual(facts.pods.get('uid-1'), {
    uid: 'uid-1',
    configHash: 'hash',
    name: 'api-0',
    namespace: 'shop',
    labels: { app: 'api' },
    annotations: { 'kubernetes.io/config.hash': 'hash' },
  });
  assert.deepEqual(facts.containers.get('c'), {
    id: 'c',
    name: 'api',
    runtime: 'containerd',
    podUid: 'uid-1',
    image,
    restartCount: 4,
    labels: {},
  });
  assert.deepEqual(facts.containers.get('s'), {
    id: 's',
    runtime: 'containerd',
    role: 'sandbox',
    podUid: 'uid-1',
  });
  assert.ok(!server.requested.includes('ContainerStatus'), 'a question for each container costs too much');
});

test('images are listed only when a container has an unknown one', async (t) => {
  const { server, source, facts, advance } = await serve(t);
  const lost = container('lost', { imageRef: `sha256:${'9'.repeat(64)}`, image: {} });
  const written = container('written', {
    image: { image: 'sha256:12', userSpecifiedImage: 'mirror.example/api:stable' },
  });
  run(server, [], [container('c'), lost, written]);
  server.answers.set('ListImages', answering(images));
  await until(source, () => facts.lists === 1);
  advance(300);
  await until(source, () => facts.lists === 2);
  assert.deepEqual(facts.containers.get('c')?.image, image);
  assert.equal(facts.containers.get('lost')?.image, undefined);
  assert.deepEqual(facts.containers.get('written')?.image, {
    name: 'mirror.example/api',
    tag: 'stable',
    digest: image.digest,
  });
  const asked = () => server.requested.filter((method) => method === 'ListImages').length;
  assert.equal(asked(), 1);
  run(server, [], [container('c'), container('new', { imageRef: '8'.repeat(64) })]);
  server.answers.set(
    'ListImages',
    answering({ images: [...images.images, { id: `sha256:${'8'.repeat(64)}`, repoTags: ['new:1'] }] }),
  );
  advance(300);
  await until(source, () => facts.lists === 3);
  assert.deepEqual(facts.containers.get('new')?.image, { name: 'new', tag: '1' });
  assert.equal(asked(), 2);
});

test('a runtime without an image service is read without images', async (t) => {
  const { server, source, facts } = await serve(t);
  run(server, [], [container('c')]);
  server.answers.set('ListImages', (_request, respond) =>
    respond({ code: status.UNIMPLEMENTED, details: 'unknown service runtime.v1.ImageService' }),
  );
  await until(source, () => source.state === 'ready');
  assert.equal(facts.containers.get('c')?.name, 'api');
});

test('a slow image service is not requested for each list', async (t) => {
  const { server, source, facts, advance, count } = await serve(t, milliseconds(1000));
  run(server, [], [container('c')]);
  server.answers.set('ListImages', () => {});
  await until(source, () => source.state === 'ready');
  assert.equal(facts.containers.get('c')?.name, 'api');
  assert.equal(count(identityCounters.sourceErrors.name, 'timeout'), 1);
  server.answers.set('ListImages', answering(images));
  for (let lists = 2; lists <= 11; lists++) {
    advance(300);
    await until(source, () => facts.lists === lists);
    assert.equal(facts.containers.get('c')?.image, undefined);
  }
  advance(300);
  await until(source, () => facts.lists === 12);
  assert.deepEqual(facts.containers.get('c')?.image, image);
  assert.equal(count(identityCounters.sourceErrors.name), 1);
});

test('an event without the state of its container triggers an inspection', async (t) => {
  const { server, source, facts } = await serve(t);
  server.answers.set('ContainerStatus', answering({ status: inspected('c') }));
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  server.emit({ containerId: 'c', type: 1 });
  await until(source, () => facts.containers.has('c'));
  assert.deepEqual(facts.containers.get('c')?.image, image);
});

test("of a pod's sandboxes the running one holds", async (t) => {
  const { server, source, facts } = await serve(t);
  const old = sandbox('old', { state: 1, labels: { ...ofPod, app: 'old' } });
  run(server, [sandbox('new', { metadata: { ...pod, attempt: 1 } }), old], []);
  await until(source, () => source.state === 'ready');
  assert.deepEqual(facts.pods.get('uid-1')?.labels, { app: 'api' });
  assert.equal(facts.containers.get('old')?.role, 'sandbox');
});

test('an event names pod and container without another request', async (t) => {
  const { server, source, facts } = await serve(t);
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  const asked = server.requested.length;
  server.emit({
    containerId: 'c',
    type: 0,
    podSandboxStatus: sandbox('s'),
    containersStatuses: [container('other'), inspected('c')],
  });
  await until(source, () => facts.containers.has('c'));
  assert.equal(facts.pods.get('uid-1')?.name, 'api-0');
  assert.equal(facts.containers.get('s')?.role, 'sandbox');
  assert.ok(!facts.containers.has('other'), 'it may be gone by now: an event is about one container');
  assert.equal(server.requested.length, asked);
  server.emit({ containerId: 'c', type: 3 });
  await until(source, () => !facts.containers.has('c'));
});

test('a containerd that gives each event to one reader only is not followed', async (t) => {
  const { server, source, facts, advance } = await serve(t);
  server.answers.set('Version', answering({ runtimeName: 'containerd', runtimeVersion: '1.7.20' }));
  await until(source, () => source.state === 'ready');
  assert.ok(!server.requested.includes('GetContainerEvents'));
  advance(1);
  run(server, [sandbox('s')], [container('c')]);
  source.requestLookup({ containerId: 'c' });
  await until(source, () => facts.containers.has('c'));
});

test('events are read where the stream may have several readers', () => {
  for (const [runtime, version, expected] of [
    ['containerd', 'v2.4.2', true],
    ['containerd', '2.0.0-rc.1', true],
    ['containerd', '1.6.20~ds1', false],
    ['containerd', 'v1.7.27', false],
    ['cri-o', '1.28.0', true],
    ['cri-o', '1.27.4', false],
    ['docker', '27.0.0', false],
    ['containerd', '', false],
    ['toString', '9.0', false],
  ] as const)
    assert.equal(canShareEvents(runtime, version), expected, `${runtime} ${version}`);
});

test('a containerd without its CRI plugin is absent', async (t) => {
  const { server, source, warnings } = await serve(t);
  server.answers.set('Version', (_request, respond) =>
    respond({ code: status.UNIMPLEMENTED, details: 'unknown service runtime.v1.RuntimeService' }),
  );
  await until(source, () => source.state === 'absent');
  assert.match(source.reason ?? '', /no Version of CRI v1/);
  assert.deepEqual(warnings(), []);
});

test('a runtime that restarts is found again, and a container that vanished meanwhile is gone', async (t) => {
  const { server, source, facts, advance, folder } = await serve(t);
  run(server, [sandbox('s')], [container('a'), container('b')]);
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  advance(60);
  await server.close();
  await until(source, () => source.state !== 'ready');
  assert.deepEqual(facts.gone, []);
  rmSync(join(folder, 'cri.sock'), { force: true });
  const again = await startCriServer(join(folder, 'cri.sock'));
  t.after(() => again.close());
  run(again, [sandbox('s')], [container('b'), container('c')]);
  advance(2);
  await until(source, () => source.state === 'ready');
  assert.deepEqual(facts.gone, ['a']);
  assert.ok(facts.containers.has('c'));
  await until(source, () => again.followers.size === 1);
});

test('a silent runtime times out, and close does not wait for it', async (t) => {
  const { server, source, count } = await serve(t, milliseconds(50));
  server.answers.set('ListContainers', () => {});
  await until(source, () => source.state === 'failing');
  assert.match(source.reason ?? '', /had no answer in time/);
  assert.equal(count(identityCounters.sourceErrors.name, 'timeout'), 1);
});

test('close ends a running call and stream', async (t) => {
  const { server, source, advance } = await serve(t, seconds(3600));
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  server.answers.set('ListContainers', () => {});
  advance(300);
  const lists = () => server.requested.filter((method) => method === 'ListContainers').length;
  await until(source, () => lists() === 2);
  await source.close();
});

for (const [code, reason] of [
  ['PERMISSION_DENIED', 'forbidden'],
  ['UNAUTHENTICATED', 'unauthorized'],
  ['UNKNOWN', 'status'],
] as const)
  test(`a runtime that answers ${code} is counted as ${reason}`, async (t) => {
    const { server, source, count } = await serve(t);
    server.answers.set('ListContainers', (_request, respond) =>
      respond({ code: status[code], details: 'not for you' }),
    );
    await until(source, () => source.state === 'failing');
    assert.equal(count(identityCounters.sourceErrors.name, reason), 1);
  });

test('an undecodable answer is an invalid response', async (t) => {
  const { server, source, count } = await serve(t);
  server.answers.set('ListContainers', answering(Buffer.from([0x0a, 0xff])));
  await until(source, () => source.state === 'failing');
  assert.equal(count(identityCounters.sourceErrors.name, 'invalid_response'), 1);
});

test('an answer beyond the limit is refused', async (t) => {
  const { server, source, count } = await serve(t);
  const annotations = { much: 'x'.repeat(2 ** 20) };
  run(
    server,
    [],
    Array.from({ length: 17 }, (_, i) => container(`c${i}`, { annotations })),
  );
  await until(source, () => source.state === 'failing');
  assert.equal(count(identityCounters.sourceErrors.name, 'too_large'), 1);
});

test('an undecodable stream is ended, and lists go on', async (t) => {
  const { server, source, count } = await serve(t);
  await until(source, () => source.state === 'ready' && server.followers.size === 1);
  server.emit(Buffer.from([0x0a, 0xff]));
  await until(source, () => count(identityCounters.sourceErrors.name, 'invalid_response') === 1);
  assert.equal(source.state, 'ready');
});

test('a peer without gRPC is failing, and so is one that closes the connection', async (t) => {
  for (const handshake of [
    (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    (socket: Socket) => void socket.destroy(),
  ]) {
    const folder = socketFolder(t);
    const server = createServer((socket) => {
      socket.on('error', () => {}); // the client gives up too
      handshake(socket);
    });
    server.listen(join(folder, 'cri.sock'));
    t.after(() => server.close());
    const { context, count } = sourceFixture();
    const source = openCri(
      { timeout: seconds(2), resync: seconds(30), endpoint: 'unix:///cri.sock' },
      context,
      { rootPath: folder },
    );
    t.after(() => source.close());
    await until(source, () => source.state === 'failing');
    assert.equal(count(identityCounters.sourceErrors.name), 1);
  }
});

test('a socket no process listens on is failing', async (t) => {
  const folder = socketFolder(t);
  const server = createServer().listen(join(folder, 'cri.sock'));
  linkSync(join(folder, 'cri.sock'), join(folder, 'left-over.sock'));
  server.close();
  const { context, count } = sourceFixture();
  const source = openCri({ timeout: seconds(2), resync: seconds(30), endpoint: '/left-over.sock' }, context, {
    rootPath: folder,
  });
  t.after(() => source.close());
  await until(source, () => source.state === 'failing');
  assert.match(source.reason ?? '', /no process listens/);
  assert.equal(count(identityCounters.sourceErrors.name, 'unreachable'), 1);
});

test('an encoded message decodes to itself', () => {
  const text = fc.string({ unit: 'binary' });
  const labels = fc.dictionary(text, text, { maxKeys: 3 });
  const message = fc.record({ id: text, imageRef: text, labels, annotations: labels, state: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 3 }), (containers) => {
      const read = messages.containers.decode(messages.containers.encode({ containers })).containers;
      assert.equal(read.length, containers.length);
      for (const [i, { id, imageRef, state }] of containers.entries()) {
        assert.equal(read[i]?.id, id);
        assert.equal(read[i]?.imageRef, imageRef);
        assert.equal(read[i]?.state, state);
      }
    }),
    { numRuns: 30 },
  );
});

test('any bytes decode to an event or throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      let event: messages.ContainerEvent;
      try {
        event = messages.containerEvent.decode(bytes);
      } catch {
        return; // no message
      }
      eventOf(event, { runtime: 'test', images: new ImageNames() });
    }),
  );
});

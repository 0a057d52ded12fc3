import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { Component, ReceiverComponent } from '../../../src/component.ts';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Type } from '../../../src/config/schema/type.ts';
import { otlpGrpc } from '../../../src/exporters/otlp-grpc/otlp-grpc.ts';
import { otlpHttp } from '../../../src/exporters/otlp-http/otlp-http.ts';
import { systemClock } from '../../../src/machine/clock.ts';
import { createAgent } from '../../../src/runtime/agent.ts';
import { milliseconds } from '../../../src/telemetry/units.ts';
import { decodeMetrics } from '../../lab/otlp-decode.ts';
import { startOtlpHttpReceiver } from '../../lab/otlp-http-receiver.ts';
import { startOtlpReceiver } from '../../lab/otlp-receiver.ts';
import { batchWith } from '../batch-with.ts';
import { fakeHost } from '../fake-host.ts';
import { fakeWorld, losses, total } from '../runtime/fake-world.ts';
import { fixture, sendAll } from './otlp-fixture.ts';
import { defaults as grpcDefaults } from './otlp-grpc/otlp-grpc-fixture.ts';
import { defaults as httpDefaults } from './otlp-http/otlp-http-fixture.ts';

const material = (name: string) => fixture(`rotation/${name}`);
const generation = (n: 1 | 2) => ({
  ca: readFileSync(material(`ca-${n}.pem`)),
  cert: readFileSync(material(`server-${n}.pem`)),
  key: readFileSync(material(`server-${n}.key`)),
});

/** Takes OTLP by gRPC and by HTTP, from clients that show a certificate of its authority. */
async function startServer(t: TestContext) {
  const arrived: { readonly client: string; readonly label: string }[] = [];
  const sockets = new Set<TLSSocket>();
  const strict = { requestCert: true, rejectUnauthorized: true, allowHTTP1: true } as const;
  const server = createSecureServer({ ...generation(1), ...strict });
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  });
  server.on('request', async (request: Http2ServerRequest, response: Http2ServerResponse) => {
    const body = Buffer.concat((await request.toArray()) as Buffer[]);
    const isGrpc = request.headers['content-type']?.startsWith('application/grpc') ?? false;
    const socket = (isGrpc ? request.stream.session?.socket : request.socket) as TLSSocket;
    const client = String(socket.getPeerCertificate().subject.CN);
    for (const { resource } of decodeMetrics(isGrpc ? body.subarray(5) : body))
      arrived.push({ client, label: String(resource.name) });
    if (!isGrpc) return void response.writeHead(200).end();
    response.writeHead(200, { 'content-type': 'application/grpc' });
    response.addTrailers({ 'grpc-status': '0' });
    response.end(Buffer.alloc(5));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    arrived,
    /** From now on it shows and believes the other generation; connections that are open stay. */
    rotate: () => server.setSecureContext({ ...generation(2), ...strict }),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** An agent whose receiver emits a numbered item each 20 ms. */
async function startAgent(t: TestContext, exporter: string, more: string) {
  let made = 0;
  const collect = () => [batchWith('metrics', { [`item ${made++}`]: ['1'] })];
  const source: ReceiverComponent = {
    ...{ kind: 'receiver', type: 'source', summary: '', stability: { metrics: 'beta' } },
    config: Type.Object({}),
    async open() {
      return { pulls: [{ name: 'items', every: milliseconds(20), collect }], async close() {} };
    },
  };
  const components: readonly Component[] = [source, otlpGrpc, otlpHttp];
  const text = `
receivers: {source: }
exporters:
  ${exporter}: {compression: none, retry_on_failure: {initial_interval: 20ms, max_interval: 50ms}, ${more}}
service: {pipelines: {metrics: {receivers: [source], exporters: [${exporter}]}}}
`;
  const load = () =>
    loadConfig({ files: ['test'], sets: [], environment: {}, readFile: () => text }, components);
  const world = fakeWorld();
  const agent = createAgent({ ...world, clock: systemClock }, { load, applyTelemetry: async () => {} });
  await agent.apply(load());
  t.after(() => agent.stop());
  return { ...world, agent, made: () => made };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    assert.ok(waited < 20_000, `not within 20 s: ${what}`);
    await sleep(10);
  }
}

/** The files of a client, in a folder of their own. */
function clientFiles(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-rotation-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  const put = (n: 1 | 2) => {
    copyFileSync(material(`ca-${n}.pem`), path('ca.pem'));
    copyFileSync(material(`client-${n}.pem`), path('cert.pem'));
    copyFileSync(material(`client-${n}.key`), path('key.pem'));
  };
  put(1);
  const tls = `ca_file: ${path('ca.pem')}, cert_file: ${path('cert.pem')}, key_file: ${path('key.pem')}`;
  return { path, put, tls };
}

const openings = {
  otlp_grpc: (headers: Readonly<Record<string, string>>, endpoint: string) => ({
    settings: { ...grpcDefaults, endpoint, headers },
    component: otlpGrpc,
  }),
  otlp_http: (headers: Readonly<Record<string, string>>, endpoint: string) => ({
    settings: { ...httpDefaults, endpoint, headers },
    component: otlpHttp,
  }),
};

for (const exporter of ['otlp_grpc', 'otlp_http'] as const) {
  test(`${exporter} takes other headers while it runs, for another endpoint it is opened anew`, async (t) => {
    const receiver = exporter === 'otlp_grpc' ? await startOtlpReceiver() : await startOtlpHttpReceiver();
    t.after(() => receiver.close());
    const { component, settings } = openings[exporter]({ 'x-token': 'a' }, receiver.endpoint);
    const running = await component.open(settings as never, fakeHost(exporter, component.emits).host);
    t.after(() => running.close());
    const next = openings[exporter]({ 'x-token': 'b' }, receiver.endpoint).settings;
    assert.equal(await running.reconfigure?.(next), 'applied');
    assert.deepEqual(await sendAll(running, batchWith('metrics', { a: ['1'] })), [{ kind: 'accepted' }]);
    const [request] = 'requests' in receiver ? receiver.requests : receiver.metrics();
    assert.equal(request?.headers['x-token'], 'b');
    const elsewhere = openings[exporter]({ 'x-token': 'b' }, 'http://127.0.0.1:1').settings;
    assert.equal(await running.reconfigure?.(elsewhere), 'restart');
  });

  test(`${exporter}: files of mTLS that are replaced are used by the next connection, none broken, and nothing is lost`, async (t) => {
    const server = await startServer(t);
    const files = clientFiles(t);
    const settings = `endpoint: "https://127.0.0.1:${server.port}", tls: {${files.tls}, reload_interval: 50ms}`;
    const { agent, messages, counters, made } = await startAgent(t, exporter, settings);
    const clients = () => new Set(server.arrived.map(({ client }) => client));
    await until(() => server.arrived.length > 3, 'items with the first certificate');
    assert.deepEqual([...clients()], ['client-1']);

    writeFileSync(files.path('key.pem'), 'broken');
    await until(() => agent.health.troubles.size > 0, 'the broken key is reported');
    const [[of, why] = []] = agent.health.troubles;
    assert.equal(of, `exporter ${exporter} (reload_tls)`);
    assert.equal(why, `cannot use tls::key_file: ${files.path('key.pem')} holds no private key in PEM`);
    assert.ok(total(counters, 'earshot.agent.task.errors') > 0);
    const before = server.arrived.length;
    server.cut();
    await until(() => server.arrived.length > before + 3, 'items by new connections with the former key');
    assert.deepEqual([...clients()], ['client-1']);

    server.rotate();
    server.cut(); // nothing can be sent now
    const stopped = made();
    await until(() => made() > stopped + 5, 'items meanwhile');
    files.put(2);
    await until(() => clients().has('client-2'), 'items with the second certificate');
    await until(() => agent.health.troubles.size === 0, 'recovery');
    assert.ok(messages().includes('Certificates, keys or authorities of TLS were read anew.'));

    const last = made();
    await until(() => new Set(server.arrived.map(({ label }) => label)).size >= last, 'all items');
    await agent.stop();
    const labels = new Set(server.arrived.map(({ label }) => label));
    assert.equal(labels.size, made());
    assert.deepEqual(losses(counters), []);
  });

  test(`${exporter}: a reload reads files anew and keeps the queue, and is refused where one is broken`, async (t) => {
    const server = await startServer(t);
    const files = clientFiles(t);
    const settings = `endpoint: "https://127.0.0.1:${server.port}", tls: {${files.tls}}`;
    const { agent, counters, made } = await startAgent(t, exporter, settings);
    await until(() => server.arrived.length > 3, 'items with the first certificate');
    assert.deepEqual((await agent.reload()).kept, [`exporter ${exporter}`, 'receiver source']);

    writeFileSync(files.path('ca.pem'), 'broken');
    await assert.rejects(
      agent.reload(),
      // so that --watch sees when it is whole again
      (error) => error instanceof ConfigError && error.files.has(files.path('ca.pem')),
    );
    server.rotate();
    server.cut();
    const stopped = made();
    await until(() => made() > stopped + 5, 'items in the queue');
    files.put(2);
    const { reconfigured, opened } = await agent.reload();
    assert.deepEqual({ reconfigured, opened }, { reconfigured: [`exporter ${exporter}`], opened: [] });
    await until(() => server.arrived.at(-1)?.client === 'client-2', 'items with the second certificate');
    await agent.stop();
    assert.equal(new Set(server.arrived.map(({ label }) => label)).size, made());
    assert.deepEqual(losses(counters), []);
  });
}

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer, type SecureVersion, type TLSSocket } from 'node:tls';
import type { RequestExporter } from '../../../src/component.ts';
import { otlpGrpc } from '../../../src/exporters/otlp-grpc/otlp-grpc.ts';
import { otlpHttp } from '../../../src/exporters/otlp-http/otlp-http.ts';
import type { TlsVersions } from '../../../src/otlp/tls-versions.ts';
import { nanoseconds } from '../../../src/telemetry/units.ts';
import * as grpc from '../exporters/otlp-grpc/otlp-grpc-fixture.ts';
import * as http from '../exporters/otlp-http/otlp-http-fixture.ts';
import { fakeHost } from '../fake-host.ts';

const tls = (versions: TlsVersions) => ({
  insecure: false,
  insecure_skip_verify: false,
  ca_file: http.fixture('cert.pem'),
  ...versions,
});
const exporters = {
  otlp_grpc: (endpoint: string, versions: TlsVersions) =>
    otlpGrpc.open(
      { ...grpc.defaults, endpoint, tls: tls(versions) },
      fakeHost('otlp_grpc', otlpGrpc.emits).host,
    ),
  otlp_http: (endpoint: string, versions: TlsVersions) =>
    otlpHttp.open(
      { ...http.defaults, endpoint, tls: tls(versions) },
      fakeHost('otlp_http', otlpHttp.emits).host,
    ),
};
type Opening = (endpoint: string, versions: TlsVersions) => Promise<RequestExporter>;

/** The version that an exporter and a server agree on; undefined: none. */
async function agreed(t: TestContext, open: Opening, versions: TlsVersions, maxVersion: SecureVersion) {
  const server = createServer({ ...http.tlsServer, maxVersion, ALPNProtocols: ['h2', 'http/1.1'] });
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // the exporter leaves
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const result = Promise.race([
    once(server, 'secureConnection').then(([socket]) => (socket as TLSSocket).getProtocol()),
    once(server, 'tlsClientError').then(() => undefined),
  ]);
  const exporter = await open(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, versions);
  const abort = new AbortController();
  const [payload] = exporter.encode(http.one);
  assert.ok(payload);
  const sending = exporter.send(payload, { abort: abort.signal, timeout: nanoseconds(0) });
  t.after(async () => {
    abort.abort();
    await sending;
    await exporter.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return result;
}

for (const [type, open] of Object.entries(exporters))
  test(`${type} speaks no version of TLS outside of min_version and max_version`, async (t) => {
    assert.equal(await agreed(t, open, {}, 'TLSv1.3'), 'TLSv1.3');
    assert.equal(await agreed(t, open, {}, 'TLSv1.2'), 'TLSv1.2');
    assert.equal(await agreed(t, open, { max_version: '1.2' }, 'TLSv1.3'), 'TLSv1.2');
    assert.equal(await agreed(t, open, { min_version: '1.3' }, 'TLSv1.3'), 'TLSv1.3');
    assert.equal(await agreed(t, open, { min_version: '1.3' }, 'TLSv1.2'), undefined);
  });

test('min_version above max_version is a problem of the configuration', () => {
  const problem = {
    path: ['tls', 'min_version'],
    message: 'min_version cannot be greater than max_version',
  };
  const wrong = tls({ min_version: '1.3', max_version: '1.2' });
  const right = tls({ min_version: '1.2', max_version: '1.2' });
  assert.deepEqual(otlpGrpc.check?.({ ...grpc.defaults, endpoint: 'https://h:1', tls: wrong }), [problem]);
  assert.deepEqual(otlpGrpc.check?.({ ...grpc.defaults, endpoint: 'https://h:1', tls: right }), []);
  assert.deepEqual(otlpHttp.check?.({ ...http.defaults, endpoint: 'https://h', tls: wrong }), [problem]);
  assert.deepEqual(otlpHttp.check?.({ ...http.defaults, endpoint: 'https://h', tls: right }), []);
});

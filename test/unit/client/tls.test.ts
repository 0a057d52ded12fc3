import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { openTls, tlsProblems } from '../../../src/client/tls.ts';
import type { TlsClientConfig } from '../../../src/client/tls-keys.ts';
import type { RequestExporter } from '../../../src/component.ts';
import { otlpGrpc } from '../../../src/exporters/otlp-grpc/otlp-grpc.ts';
import { otlpHttp } from '../../../src/exporters/otlp-http/otlp-http.ts';
import { nanoseconds } from '../../../src/telemetry/units.ts';
import { fixture, reasonOf, sendAll, tlsOn, tlsServer } from '../exporters/otlp-fixture.ts';
import * as grpc from '../exporters/otlp-grpc/otlp-grpc-fixture.ts';
import * as http from '../exporters/otlp-http/otlp-http-fixture.ts';
import { fakeHost } from '../fake-host.ts';

type Settings = Partial<TlsClientConfig>;

const cert = String(tlsServer.cert);
const key = String(tlsServer.key);
const tls = (settings: Settings): TlsClientConfig => ({
  ...tlsOn,
  ...('ca_pem' in settings ? {} : { ca_file: fixture('cert.pem') }),
  ...settings,
});
const exporters = {
  otlp_grpc: (endpoint: string, settings: Settings) =>
    otlpGrpc.open(
      { ...grpc.defaults, endpoint, tls: tls(settings) },
      fakeHost('otlp_grpc', otlpGrpc.emits).host,
    ),
  otlp_http: (endpoint: string, settings: Settings) =>
    otlpHttp.open(
      { ...http.defaults, endpoint, tls: tls(settings) },
      fakeHost('otlp_http', otlpHttp.emits).host,
    ),
};
type Opening = (endpoint: string, settings: Settings) => Promise<RequestExporter>;

/** What the server sees of the connection that an exporter makes; undefined: they do not agree on one. */
async function connected(
  t: TestContext,
  open: Opening,
  settings: Settings,
  { to = '127.0.0.1', ...options }: TlsOptions & { readonly to?: string } = {},
) {
  const server = createServer({ ...tlsServer, ...options, ALPNProtocols: ['h2', 'http/1.1'] });
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // the exporter leaves
  });
  server.listen(0, to);
  await once(server, 'listening');
  const result: Promise<TLSSocket | undefined> = Promise.race([
    once(server, 'secureConnection').then(([socket]) => socket as TLSSocket),
    once(server, 'tlsClientError').then(() => undefined),
  ]);
  const exporter = await open(`https://${to}:${(server.address() as AddressInfo).port}`, settings);
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

for (const [type, open] of Object.entries(exporters)) {
  const versionOf = async (t: TestContext, settings: Settings, maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
    (await connected(t, open, settings, { maxVersion }))?.getProtocol();

  test(`${type} speaks no version of TLS outside of min_version and max_version`, async (t) => {
    assert.equal(await versionOf(t, {}, 'TLSv1.3'), 'TLSv1.3');
    assert.equal(await versionOf(t, {}, 'TLSv1.2'), 'TLSv1.2');
    assert.equal(await versionOf(t, { max_version: '1.2' }, 'TLSv1.3'), 'TLSv1.2');
    assert.equal(await versionOf(t, { min_version: '1.3' }, 'TLSv1.3'), 'TLSv1.3');
    assert.equal(await versionOf(t, { min_version: '1.3' }, 'TLSv1.2'), undefined);
  });

  test(`${type} offers the cipher suites for TLS 1.2 that are listed, and those of 1.3`, async (t) => {
    const suiteOf = async (settings: Settings, maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
      (await connected(t, open, settings, { maxVersion }))?.getCipher().standardName;
    const listed = 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256';
    const listedEcdsa = 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256';
    const suite = await suiteOf({ cipher_suites: [listed, listedEcdsa] }, 'TLSv1.2');
    assert.match(suite ?? '', /CHACHA20_POLY1305_SHA256$/);
    assert.match((await suiteOf({ cipher_suites: [listed] }, 'TLSv1.3')) ?? '', /^TLS_(AES|CHACHA20)/);
    assert.equal(await suiteOf({ cipher_suites: ['TLS_AES_128_GCM_SHA256'] }, 'TLSv1.2'), undefined);
  });

  test(`${type} offers the curves of curve_preferences`, async (t) => {
    const meets = async (settings: Settings, ecdhCurve: string) =>
      (await connected(t, open, settings, { ecdhCurve })) !== undefined;
    assert.equal(await meets({ curve_preferences: ['P384', 'X25519'] }, 'P-384'), true);
    assert.equal(await meets({ curve_preferences: ['P384'] }, 'P-256'), false);
  });

  test(`${type} shows the certificate that is written as a text, with the authority as a text`, async (t) => {
    const client = { requestCert: true, ca: cert, rejectUnauthorized: true };
    const texts = { ca_pem: cert, cert_pem: cert, key_pem: key };
    assert.equal((await connected(t, open, texts, client))?.authorized, true);
    assert.equal(await connected(t, open, { ca_pem: cert }, client), undefined);
  });

  test(`${type} sends no name to an IP address, and Node.js warns of nothing`, async (t) => {
    const warnings: string[] = [];
    const keep = ({ message }: Error) => void warnings.push(message);
    process.on('warning', keep);
    t.after(() => process.off('warning', keep));
    assert.equal((await connected(t, open, {}))?.servername, false);
    assert.equal((await connected(t, open, {}, { to: 'localhost' }))?.servername, 'localhost');
    assert.equal((await connected(t, open, { server_name_override: 'localhost' }))?.servername, 'localhost');
    await new Promise(setImmediate); // warnings are emitted after the work
    assert.deepEqual(warnings, []);
  });

  test(`${type} refuses a certificate for another IP address`, async (t) => {
    const server = createServer({ ...tlsServer, ALPNProtocols: ['h2', 'http/1.1'] }).listen(0, '127.0.0.2');
    await once(server, 'listening');
    server.on('secureConnection', (socket) => socket.on('error', () => {})); // the exporter leaves
    server.on('tlsClientError', () => {});
    const exporter = await open(`https://127.0.0.2:${(server.address() as AddressInfo).port}`, {});
    t.after(async () => {
      await exporter.close();
      server.close();
    });
    const [outcome] = await sendAll(exporter, http.one, AbortSignal.timeout(5000));
    assert.match(
      reasonOf(outcome),
      /its certificate is for another name; tls::server_name_override names it/,
    );
  });
}

test('the authorities of the system are believed beside those of ca_file, and alone beside the usual ones', () => {
  const cas = (settings: Settings) => openTls({ ...tlsOn, ...settings }) !== undefined;
  assert.ok(cas({ include_system_ca_certs_pool: true, ca_file: fixture('cert.pem') }));
  assert.ok(cas({ include_system_ca_certs_pool: true }));
});

test('settings of TLS that exclude one another are problems of the configuration of both exporters', () => {
  const wrong = tls({ min_version: '1.3', max_version: '1.2', cert_pem: cert });
  const problems = [
    { path: ['tls', 'cert_pem'], message: 'needs key_pem too: both, or neither' },
    { path: ['tls', 'min_version'], message: 'min_version cannot be greater than max_version' },
  ];
  assert.deepEqual(tlsProblems(wrong), problems);
  assert.deepEqual(otlpGrpc.check?.({ ...grpc.defaults, endpoint: 'https://h:1', tls: wrong }), problems);
  assert.deepEqual(otlpHttp.check?.({ ...http.defaults, endpoint: 'https://h', tls: wrong }), problems);
  assert.deepEqual(tlsProblems(tls({ min_version: '1.2', max_version: '1.2' })), []);
  assert.deepEqual(tlsProblems({ ...tlsOn, include_system_ca_certs_pool: true }), []);
});

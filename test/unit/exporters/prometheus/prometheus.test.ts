import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { prometheus } from '../../../../src/exporters/prometheus/prometheus.ts';
import type { Config } from '../../../../src/exporters/prometheus/settings.ts';
import { freePorts } from '../../../lab/free-ports.ts';
import { batchWith } from '../../batch-with.ts';
import { fakeHost } from '../../fake-host.ts';
import { defaults, type Made, metricsOf } from './prometheus-fixture.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));
const at = '{instance="web-1",job="web"}';

async function open(t: TestContext, changes: Partial<Config> = {}) {
  const [port = 0] = await freePorts(1);
  const { host, logged } = fakeHost('prometheus', prometheus.emits);
  const config = { ...defaults, ...changes, endpoint: `localhost:${port}` };
  const exporter = await prometheus.open(config, host);
  t.after(() => exporter.close());
  return { exporter, config, logged, port, url: `http://127.0.0.1:${port}/metrics` };
}

const take = (exporter: Awaited<ReturnType<typeof open>>['exporter'], ...all: readonly Made[]) =>
  exporter.take({ signal: 'metrics', resourceMetrics: metricsOf(...all) });

test('`/metrics` shows totals as text; other paths and methods are refused', async (t) => {
  const { exporter, url } = await open(t);
  assert.deepEqual(take(exporter, { name: 'a', value: 1 }), { kind: 'accepted' });
  const response = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(response.headers.get('content-encoding'), null);
  assert.equal(await response.text(), `# HELP a_total A test.\n# TYPE a_total counter\na_total${at} 1\n`);
  assert.equal((await fetch(`${url}?x=1`)).status, 200);
  assert.equal((await fetch(url.replace('/metrics', '/'))).status, 404);
  assert.equal((await fetch(url, { method: 'POST', body: '' })).status, 405);
  const head = await fetch(url, { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('what is shown is compressed where the request asks for it', async (t) => {
  const { exporter, url } = await open(t);
  for (let n = 0; n < 90; n++) take(exporter, { name: 'a', value: 1, attributes: { n } });
  const response = await fetch(url, { headers: { 'accept-encoding': 'zstd, gzip' } });
  assert.equal(response.headers.get('content-encoding'), 'gzip');
  assert.equal((await response.text()).split('\n').length, 93);
  const refused = await fetch(url, { headers: { 'accept-encoding': 'gzip;q=0' } });
  assert.equal(refused.headers.get('content-encoding'), null);
});

test('the format is that which the reader asks for', async (t) => {
  const { exporter, url } = await open(t, { enable_open_metrics: true });
  take(exporter, { name: 'a', value: 1 });
  const accept = 'application/openmetrics-text;version=1.0.0';
  assert.match(await (await fetch(url, { headers: { accept } })).text(), /# EOF\n$/);
  const protobuf =
    'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
  const response = await fetch(url, { headers: { accept: protobuf } });
  assert.match(response.headers.get('content-type') ?? '', /^application\/vnd\.google\.protobuf; proto=/);
  const bytes = new Uint8Array(await response.arrayBuffer());
  assert.equal(bytes[0], bytes.length - 1);
});

test('points that are not shown are rejected, with the reasons', async (t) => {
  const { exporter } = await open(t, { max_series: 1 });
  const held = take(
    exporter,
    { name: 'a', value: 1 },
    { name: 'b', value: 1 },
    { name: 'a', value: 1, to: 20 },
  );
  assert.deepEqual(held, { kind: 'partial', rejected: 1, reason: 'no room for another series' });
  assert.equal(exporter.take(batchWith('logs', { a: ['x'] })).kind, 'partial');
});

test('a reader that leaves in the middle disturbs no other', async (t) => {
  const { exporter, url, port, logged } = await open(t, { max_series: 100_000 });
  const all = Array.from({ length: 30_000 }, (_, n) => ({ name: 'a', value: 1, attributes: { n } }));
  take(exporter, ...all);
  const socket = connect(port, '127.0.0.1', () => socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'));
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  assert.equal((await (await fetch(url)).text()).split('\n').length, 30_003);
  assert.deepEqual(logged, []);
});

test('other settings are applied to what is held; another endpoint needs another server', async (t) => {
  const { exporter, config, url } = await open(t);
  take(exporter, { name: 'a', value: 1 });
  assert.equal(await exporter.reconfigure?.({ ...config, namespace: 'n', send_timestamps: true }), 'applied');
  assert.match(await (await fetch(url)).text(), /\nn_a_total\{.*\} 1 10000\n$/);
  assert.equal(await exporter.reconfigure?.({ ...config, endpoint: 'localhost:1' }), 'restart');
  const conversion = { resource_to_telemetry_conversion: { enabled: true } };
  assert.equal(await exporter.reconfigure?.({ ...config, ...conversion }), 'restart');
});

test('HTTPS, and clients with a certificate only', async (t) => {
  const pair = { cert_file: fixture('cert.pem'), key_file: fixture('key.pem') };
  const ca = readFileSync(fixture('cert.pem'));
  const status = (port: number, options: RequestOptions = {}) =>
    new Promise((resolve) =>
      get(
        { host: '127.0.0.1', port, path: '/metrics', ca, checkServerIdentity: () => undefined, ...options },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      ).on('error', ({ message }) => resolve(message)),
    );
  const open1 = await open(t, { tls: pair });
  assert.equal(await status(open1.port), 200);
  const mutual = await open(t, { tls: { ...pair, client_ca_file: pair.cert_file } });
  assert.notEqual(await status(mutual.port), 200);
  assert.equal(await status(mutual.port, { cert: ca, key: readFileSync(pair.key_file) }), 200);
});

test('a reload takes new files of TLS for new connections, and the series stay', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-prometheus-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const tls = { cert_file: join(folder, 'server.pem'), key_file: join(folder, 'server.key') };
  const put = (generation: 1 | 2) => {
    cpSync(fixture(`rotation/server-${generation}.pem`), tls.cert_file);
    cpSync(fixture(`rotation/server-${generation}.key`), tls.key_file);
  };
  put(1);
  const { exporter, config, port } = await open(t, { tls });
  take(exporter, { name: 'a', value: 1 });
  const read = (generation: 1 | 2) =>
    new Promise<string>((resolve, reject) =>
      get(
        `https://127.0.0.1:${port}/metrics`,
        { ca: readFileSync(fixture(`rotation/ca-${generation}.pem`)), agent: false },
        (answer) => void answer.toArray().then((chunks) => resolve(Buffer.concat(chunks).toString()), reject),
      ).on('error', reject),
    );
  const shown = await read(1);
  put(2);
  assert.deepEqual(prometheus.files?.(config), [tls.cert_file, tls.key_file]);
  assert.equal(await exporter.reconfigure?.(config), 'applied');
  assert.equal(await read(2), shown);
  await assert.rejects(read(1));
});

test('files of TLS and endpoints that are of no use are refused', () => {
  const problems = (changes: Partial<Config>) => prometheus.check?.({ ...defaults, ...changes });
  assert.deepEqual(problems({}), []);
  assert.deepEqual(problems({ endpoint: 'http://a' })?.[0]?.path, ['endpoint']);
  const tls = { cert_file: '/absent', key_file: fixture('cert.pem'), client_ca_file: fixture('key.pem') };
  assert.deepEqual(
    problems({ tls })
      ?.map(({ path }) => path.join('::'))
      .sort(),
    ['tls::cert_file', 'tls::client_ca_file', 'tls::key_file'],
  );
});

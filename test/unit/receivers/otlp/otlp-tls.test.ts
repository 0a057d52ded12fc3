import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import { credentials, status } from '@grpc/grpc-js';
import { codecOf } from '../../../../src/telemetry/otlp.ts';
import { batchWith } from '../../batch-with.ts';
import { fixture } from '../../exporters/otlp-fixture.ts';
import { call, configuredAs, settingsOf, setUp } from './otlp-fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'earshot-otlp-tls-'));
after(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const body = codecOf('logs').encode(batchWith('logs', { one: ['a'] }), 'proto');
const { grpcMethod } = codecOf('logs');

/** A certificate of its own authority. */
function certificate(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    at(`${name}.key`),
  ];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', at(`${name}.pem`), '-days', '2', ...subject], {
    stdio: 'ignore',
  });
}

const serverFiles = `cert_file: "${fixture('cert.pem')}", key_file: "${fixture('key.pem')}"`;
const withTls = (tls: string) =>
  `{protocols: {grpc: {endpoint: "localhost:0", tls: {${tls}}}, http: {endpoint: "localhost:0", tls: {${tls}}}}}`;
const ca = readFileSync(fixture('cert.pem'));

function postTls(endpoint: string, client: object = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = request(`https://${endpoint}/v1/logs`, {
      ...{ method: 'POST', agent: false, ca, headers: { 'Content-Type': 'application/x-protobuf' } },
      ...client,
    });
    sending.on('error', reject);
    sending.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sending.end(body);
  });
}

test('both protocols take data over TLS, and nothing without it', async (t) => {
  const { http, grpc, taken } = await setUp(t, { settings: withTls(serverFiles) });
  assert.equal(await postTls(http), 200);
  assert.deepEqual(await call(grpc, grpcMethod, body, credentials.createSsl(ca)), {
    answer: Buffer.alloc(0),
  });
  assert.equal(taken.length, 2);
  const plain = await call(grpc, grpcMethod, body);
  assert.equal('code' in plain && plain.code, status.UNAVAILABLE);
  assert.equal(taken.length, 2);
});

test('with an authority for clients, a client without its certificate is refused and counted', async (t) => {
  for (const name of ['client', 'other']) certificate(name);
  const settings = withTls(`${serverFiles}, client_ca_file: "${at('client.pem')}"`);
  const { http, grpc, taken, counts } = await setUp(t, { settings });
  const [cert, key] = [readFileSync(at('client.pem')), readFileSync(at('client.key'))];
  assert.equal(await postTls(http, { cert, key }), 200);
  assert.deepEqual(await call(grpc, grpcMethod, body, credentials.createSsl(ca, key, cert)), {
    answer: Buffer.alloc(0),
  });
  await assert.rejects(postTls(http));
  await assert.rejects(
    postTls(http, { cert: readFileSync(at('other.pem')), key: readFileSync(at('other.key')) }),
  );
  assert.equal(taken.length, 2);
  assert.equal(counts()['earshot.agent.requests.unread http'], 2);
});

test('an older version of TLS than the least is refused', async (t) => {
  const { http } = await setUp(t, { settings: withTls(`${serverFiles}, min_version: "1.3"`) });
  await assert.rejects(postTls(http, { maxVersion: 'TLSv1.2' }));
  assert.equal(await postTls(http), 200);
});

const current = `cert_file: "${at('current.pem')}", key_file: "${at('current.key')}"`;

/** Writes a certificate to where the receiver reads it. */
function use(name: string): void {
  copyFileSync(at(`${name}.pem`), at('current.pem'));
  copyFileSync(at(`${name}.key`), at('current.key'));
}

test('a new certificate is shown once the files have been read again', async (t) => {
  for (const name of ['first', 'second']) certificate(name);
  use('first');
  const tls = `${current}, reload_interval: 10s`;
  const { receiver, http } = await setUp(t, { settings: withTls(tls) });
  assert.equal(await shownAt(http), 'first');
  use('second');
  assert.equal(await shownAt(http), 'first');
  for (const { name, run } of receiver.tasks ?? [])
    if (name.startsWith('read the files')) await run(new AbortController().signal);
  assert.equal(await shownAt(http), 'second');
});

test('a reload of the configuration reads new files, while connections go on', async (t) => {
  for (const name of ['first', 'second']) certificate(name);
  use('first');
  const before = configuredAs(withTls(current));
  const { receiver, http } = await setUp(t, { settings: withTls(current) });
  use('second');
  const after = configuredAs(withTls(current));
  assert.notDeepEqual(after.files, before.files);
  assert.equal(await shownAt(http), 'first');
  assert.equal(await receiver.reconfigure?.(after.config), 'applied');
  assert.equal(await shownAt(http), 'second');
  const other = settingsOf(withTls(`${current}, min_version: "1.3"`));
  assert.equal(await receiver.reconfigure?.(other), 'restart');
});

function shownAt(endpoint: string): Promise<string | undefined> {
  const [host, port] = endpoint.split(':');
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false }, () => {
      const { subject }: PeerCertificate = socket.getPeerCertificate();
      socket.destroy();
      resolve(String(subject.CN));
    });
    socket.on('error', reject);
  });
}

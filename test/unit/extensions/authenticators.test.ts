import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { Authenticator, RequestExporter } from '../../../src/component.ts';
import { components } from '../../../src/components.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { printConfig } from '../../../src/config/print.ts';
import { basicAuth } from '../../../src/extensions/basic-auth.ts';
import { bearerTokenAuth } from '../../../src/extensions/bearer-token-auth.ts';
import type { OAuth2Config } from '../../../src/extensions/oauth2-client/config.ts';
import { oauth2Client } from '../../../src/extensions/oauth2-client/oauth2-client.ts';
import { systemClock } from '../../../src/machine/clock.ts';
import { createAgent } from '../../../src/runtime/agent.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { startOtlpHttpReceiver } from '../../lab/otlp-http-receiver.ts';
import { batchWith } from '../batch-with.ts';
import { reasonOf, sendAll, tlsOn } from '../exporters/otlp-fixture.ts';
import { setUp as setUpGrpc } from '../exporters/otlp-grpc/otlp-grpc-fixture.ts';
import { setUp as setUpHttp } from '../exporters/otlp-http/otlp-http-fixture.ts';
import type { FakeClock } from '../fake-clock.ts';
import { fakeHost } from '../fake-host.ts';
import { fakeWorld } from '../runtime/fake-world.ts';
import { startTokenServer } from './token-server.ts';

const one = batchWith('metrics', { a: ['1'] });

/** An exporter with an authenticator, the credentials that its server has seen, and a way to have it refuse them. */
interface Sending {
  readonly exporter: RequestExporter;
  seen(): readonly (string | undefined)[];
  refuse(isRefused: boolean): void;
}

const auth = { authenticator: 'a' };
const exporters = {
  async otlp_grpc(t: TestContext, authenticator: Authenticator): Promise<Sending> {
    const { receiver, exporter } = await setUpGrpc(t, { settings: { auth }, authenticator });
    return {
      exporter,
      seen: () => receiver.metrics().map(({ headers }) => headers.authorization),
      refuse: (isRefused) =>
        receiver.answer(
          isRefused ? { kind: 'fail', code: status.UNAUTHENTICATED, message: 'who?' } : { kind: 'accept' },
        ),
    };
  },
  async otlp_http(t: TestContext, authenticator: Authenticator): Promise<Sending> {
    const { receiver, exporter } = await setUpHttp(t, { settings: { auth }, authenticator });
    return {
      exporter,
      seen: () => receiver.requests.map(({ headers }) => headers.authorization),
      refuse: (isRefused) => receiver.answer({ status: isRefused ? 401 : 200 }),
    };
  },
};

function fileIn(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-auth-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
}

const bearer = { scheme: 'Bearer', header: 'Authorization' };
const openOAuth2 = async (settings: Partial<OAuth2Config>) => {
  const { host, logged } = fakeHost('oauth2_client');
  const config: OAuth2Config = {
    ...{ client_id: 'agent', client_secret: 's3cret', token_url: '', scopes: [], endpoint_params: {} },
    ...{ timeout: seconds(10), expiry_buffer: seconds(300), tls: tlsOn },
    ...settings,
  };
  const authenticator = await oauth2Client.open(config, host);
  return { authenticator, config, clock: fakeClockOf(host), logged };
};
const fakeClockOf = ({ clock }: { readonly clock: unknown }) => clock as FakeClock; // that of `fakeHost`
const token = (n: number, expires_in = 3600) => ({ body: { access_token: `token-${n}`, expires_in } });

for (const [type, open] of Object.entries(exporters)) {
  test(`${type} shows a bearer token, and another one as soon as the server refuses it and the file has changed`, async (t) => {
    const file = fileIn(t);
    const filename = file('token', 'first\n');
    const authenticator = await bearerTokenAuth.open({ ...bearer, filename }, fakeHost('b').host);
    const { exporter, seen, refuse } = await open(t, authenticator);
    assert.deepEqual(await sendAll(exporter, one), [{ kind: 'accepted' }]);
    refuse(true);
    const [refused] = await sendAll(exporter, one);
    assert.equal(refused?.kind, 'refused');
    assert.equal(seen().length, 2, 'the same token is not shown again');
    file('token', 'second');
    await sendAll(exporter, one);
    refuse(false);
    assert.deepEqual(await sendAll(exporter, one), [{ kind: 'accepted' }]);
    const [first, second] = ['Bearer first', 'Bearer second'];
    assert.deepEqual(seen(), [first, first, first, second, second]);
  });

  test(`${type} shows the name and password of basic_auth`, async (t) => {
    const password_file = fileIn(t)('password', 'p:ß\n');
    const settings = { client_auth: { username: 'u', password_file } };
    const { exporter, seen } = await open(t, await basicAuth.open(settings, fakeHost('b').host));
    await sendAll(exporter, one);
    assert.deepEqual(seen(), [`Basic ${Buffer.from('u:p:ß').toString('base64')}`]);
  });

  test(`${type} shares one token, fetches the next before its end, and one more where the server refuses it`, async (t) => {
    const server = await startTokenServer(t, (_, count) => token(count));
    const { authenticator, clock } = await openOAuth2({ token_url: server.url });
    const { exporter, seen, refuse } = await open(t, authenticator);
    await Promise.all([1, 2, 3].map(() => sendAll(exporter, one)));
    assert.deepEqual(seen(), ['Bearer token-1', 'Bearer token-1', 'Bearer token-1']);
    await clock.advance(seconds(3299));
    await sendAll(exporter, one);
    assert.equal(seen().at(-1), 'Bearer token-1');
    await clock.advance(seconds(2));
    await sendAll(exporter, one);
    assert.equal(seen().at(-1), 'Bearer token-2');
    refuse(true);
    const before = seen().length;
    const [outcome] = await sendAll(exporter, one);
    assert.equal(outcome?.kind, 'refused');
    assert.deepEqual(seen().slice(before), ['Bearer token-2', 'Bearer token-3']);
    await sendAll(exporter, one);
    assert.equal(server.asked.length, 3, 'not one token for each refused request');
  });

  test(`${type}: without a token a request is to be sent again, and nothing shows the secret`, async (t) => {
    const server = await startTokenServer(t, () => ({
      status: 401,
      body: { error: 'invalid_client', error_description: 'not s3cret' },
    }));
    const { authenticator, logged } = await openOAuth2({ token_url: server.url });
    const { exporter, seen } = await open(t, authenticator);
    const [outcome] = await sendAll(exporter, one);
    assert.equal(outcome?.kind, 'retry');
    assert.equal(
      reasonOf(outcome),
      `cannot authenticate: cannot fetch a token from ${server.url}: it answered 401 Unauthorized: invalid_client`,
    );
    assert.deepEqual(seen(), []);
    assert.doesNotMatch(logged.join(), /s3cret/);
  });
}

test('the secret goes into the header, or into the form where the server wants it there', async (t) => {
  const server = await startTokenServer(t, ({ form }, count) =>
    form.get('client_secret') === 's3cret' ? token(count, 60) : { status: 401, body: '<html>' },
  );
  const endpoint_params = { audience: 'here', many: 'b' };
  const settings = { token_url: server.url, scopes: ['metrics', 'logs'], endpoint_params };
  const { authenticator, clock } = await openOAuth2(settings);
  assert.deepEqual(await authenticator.headers(), { authorization: 'Bearer token-2' });
  const [first, second] = server.asked;
  assert.equal(first?.headers.authorization, `Basic ${Buffer.from('agent:s3cret').toString('base64')}`);
  assert.equal(
    second?.form.toString(),
    'grant_type=client_credentials&scope=metrics+logs&audience=here&many=b&client_id=agent&client_secret=s3cret',
  );
  await clock.advance(seconds(29)); // the buffer is half of its life
  await authenticator.headers();
  await clock.advance(seconds(2));
  assert.deepEqual(await authenticator.headers(), { authorization: 'Bearer token-3' });
  assert.equal(server.asked.length, 3, 'the way that works is known');
});

test('a token that cannot be renewed is used until its end', async (t) => {
  const server = await startTokenServer(t, () => token(1));
  const { authenticator, clock, logged } = await openOAuth2({ token_url: server.url });
  await authenticator.headers();
  server.behave(() => ({ status: 503, body: '' }));
  await clock.advance(seconds(3400));
  assert.deepEqual(await authenticator.headers(), { authorization: 'Bearer token-1' });
  assert.match(logged.join(), /The token cannot be renewed; it is used until its end\./);
  await clock.advance(seconds(201));
  await assert.rejects(authenticator.headers(), /it answered 503 Service Unavailable$/);
});

test('a token server that is silent, is away or answers nonsense is named with the reason', async (t) => {
  const silent = await startTokenServer(t, () => undefined);
  const reject = async (settings: Partial<OAuth2Config>, reason: RegExp) =>
    assert.rejects((await openOAuth2(settings)).authenticator.headers(), reason);
  const timeout = seconds(0.05);
  await reject({ token_url: silent.url, timeout }, /: no answer in time$/);
  await reject(
    { token_url: 'http://127.0.0.1:1/token?key=s3cret' },
    /127\.0\.0\.1:1\/token: connection refused/,
  );
  for (const body of ['s3cret', '{}', { access_token: 'a\nb' }]) {
    silent.behave(() => ({ body }));
    await reject({ token_url: silent.url }, /: (its answer|cannot use its access_token)[^\n]*$/);
  }
});

test('the secret goes nowhere that a token server redirects to', async (t) => {
  const other = await startTokenServer(t, () => token(1));
  const server = await startTokenServer(t, () => ({ status: 307, location: other.url, body: '' }));
  const { authenticator } = await openOAuth2({ token_url: server.url });
  await assert.rejects(authenticator.headers(), /it answered 307 Temporary Redirect$/);
  assert.equal(other.asked.length, 0);
});

test('secrets from files are read at each request for a token, and other settings take effect at once', async (t) => {
  const file = fileIn(t);
  const server = await startTokenServer(t, (_, count) => token(count, 100));
  const client_secret_file = file('secret', 'one');
  const { authenticator, config, clock } = await openOAuth2({ token_url: server.url, client_secret_file });
  const secretOf = (n: number) =>
    Buffer.from(server.asked[n]?.headers.authorization?.slice(6) ?? '', 'base64').toString();
  await authenticator.headers();
  file('secret', 'two');
  await clock.advance(seconds(90));
  await authenticator.headers();
  assert.equal(await authenticator.reconfigure?.({ ...config, client_id: 'other' }), 'applied');
  await authenticator.headers();
  assert.deepEqual([0, 1, 2].map(secretOf), ['agent:one', 'agent:two', 'other:two']);
});

test('a file of credentials is read each 10 s; while it is away, what it held is used', async (t) => {
  const file = fileIn(t);
  const filename = file('token', 'first');
  const { host } = fakeHost('b');
  const settings = { ...bearer, scheme: '', header: 'X-Key', filename };
  const authenticator = await bearerTokenAuth.open(settings, host);
  assert.deepEqual(await authenticator.headers(), { 'x-key': 'first' });
  const [task] = authenticator.tasks ?? [];
  assert.equal(task?.every, seconds(10));
  file('token', '');
  assert.throws(() => task?.run(new AbortController().signal), /^Error: cannot use .*token: it is empty$/);
  assert.deepEqual(await authenticator.headers(), { 'x-key': 'first' });
  file('token', 'second\nsecond line');
  await task?.run(new AbortController().signal);
  assert.deepEqual(await authenticator.headers(), { 'x-key': 'second' });
});

const problemsOf = (extensions: string) => {
  const text = `
receivers: {agent: }
exporters:
  otlp_http: {endpoint: "https://h", auth: {authenticator: it}}
  otlp_grpc: {endpoint: "http://h:1", auth: {authenticator: it}}
extensions: {${extensions}}
service: {extensions: [], pipelines: {metrics: {receivers: [agent], exporters: [otlp_http, otlp_grpc]}}}
`;
  try {
    loadConfig({ files: ['a'], sets: [], environment: {}, readFile: () => text }, components);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').filter((line) => /^ *\S*a:\d/.test(line));
  }
};

test('settings that cannot work are refused by validate, with what to do', () => {
  const check = (component: { check?(config: never): unknown }, config: object) =>
    component.check?.(config as never);
  assert.deepEqual(check(bearerTokenAuth, bearer), [
    { path: [], message: 'no bearer token provided: set token or filename' },
  ]);
  assert.deepEqual(check(bearerTokenAuth, { ...bearer, token: 's3\ncret' }), [
    { path: ['token'], message: 'cannot use token: it has a character that a header does not carry' },
  ]);
  assert.deepEqual(check(bearerTokenAuth, { ...bearer, filename: '/absent' }), [
    { path: ['filename'], message: 'cannot read /absent: no such file' },
  ]);
  assert.deepEqual(check(basicAuth, { client_auth: { username: 'a:b' } }), [
    {
      path: ['client_auth', 'username'],
      message: 'must not have a colon, which ends the name in what is sent',
    },
    { path: ['client_auth'], message: 'has no password: set password or password_file' },
  ]);
  assert.deepEqual(check(oauth2Client, { token_url: 'ftp://u:p@h', tls: tlsOn }), [
    { path: [], message: 'no ClientID provided: set client_id or client_id_file' },
    { path: [], message: 'no ClientSecret provided: set client_secret or client_secret_file' },
    { path: ['token_url'], message: 'must be a URL, as https://host/oauth2/token' },
  ]);
});

test('an exporter names an authenticator that is there and started, and gRPC sends it encrypted only', () => {
  const problems = problemsOf('bearer_token_auth/it: {token: s3cret}').join('\n');
  assert.match(problems, /otlp_http::auth::authenticator: references extension "it" which is not configured/);
  assert.match(problems, /otlp_grpc::auth: would be sent unencrypted: turn TLS on/);
});

test('print-config hides tokens, passwords, secrets and what is sent with the request for a token', () => {
  const text = `
receivers: {agent: }
exporters: {otlp_http: {endpoint: "https://h", auth: {authenticator: bearertokenauth}}}
extensions:
  bearertokenauth: {token: s3cret-a}
  basicauth: {client_auth: {username: me, password: s3cret-b}}
  oauth2client: {client_id: me, client_secret: s3cret-c, token_url: "https://h/t?key=s3cret-d", endpoint_params: {k: s3cret-e}}
service: {extensions: [bearertokenauth, basicauth, oauth2client], pipelines: {metrics: {receivers: [agent], exporters: [otlp_http]}}}
`;
  const config = loadConfig({ files: ['a'], sets: [], environment: {}, readFile: () => text }, components);
  const printed = printConfig(config);
  assert.doesNotMatch(printed, /s3cret/);
  assert.match(printed, /username: me/);
  assert.deepEqual(
    config.warnings.map(({ message }) => message),
    ['bearertokenauth', 'basicauth', 'oauth2client'].map(
      (alias, at) =>
        `"${alias}" alias is deprecated; use "${['bearer_token_auth', 'basic_auth', 'oauth2_client'][at]}" instead`,
    ),
  );
});

test('in an agent the exporter shows what its extension has, and at a reload both go on with another token', async (t) => {
  const receiver = await startOtlpHttpReceiver();
  t.after(() => receiver.close());
  const textWith = (token: string) => `
receivers: {agent: {interval: 100ms}}
exporters: {otlp_http: {endpoint: "${receiver.endpoint}", auth: {authenticator: bearer_token_auth/x}}}
extensions: {bearer_token_auth/x: {token: ${token}}}
service: {extensions: [bearer_token_auth/x], pipelines: {metrics: {receivers: [agent], exporters: [otlp_http]}}}
`;
  let text = textWith('first');
  const load = () =>
    loadConfig({ files: ['a'], sets: [], environment: {}, readFile: () => text }, components);
  const agent = createAgent({ ...fakeWorld(), clock: systemClock }, { load, applyTelemetry: async () => {} });
  await agent.apply(load());
  t.after(() => agent.stop());
  const shown = () => receiver.requests.at(-1)?.headers.authorization;
  await receiver.until(() => shown() === 'Bearer first');
  text = textWith('second');
  const { reconfigured, kept, opened } = await agent.reload();
  assert.deepEqual(reconfigured, ['extension bearer_token_auth/x']);
  assert.deepEqual({ kept, opened }, { kept: ['exporter otlp_http', 'receiver agent'], opened: [] });
  await receiver.until(() => shown() === 'Bearer second');
});

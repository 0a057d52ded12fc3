import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import {
  type AccessConfig,
  accessProblems,
  parseEndpoint,
} from '../../../../src/identity/kubernetes/access-config.ts';
import { CredentialStore } from '../../../../src/identity/kubernetes/credentials.ts';
import type { KubeError } from '../../../../src/identity/kubernetes/kube-error.ts';
import { nanoseconds, seconds } from '../../../../src/telemetry/units.ts';

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-'));
  t.after(() => rmSync(folder, { recursive: true }));
  let now = nanoseconds(0);
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  return {
    folder,
    write,
    pass: (by: number) => {
      now = nanoseconds(now + by);
    },
    store: (config: Partial<AccessConfig>, environment = {}) =>
      new CredentialStore(
        { auth_type: 'serviceAccount', insecure_skip_verify: false, ...config },
        environment,
        () => now,
      ),
  };
}

const problem = (reason: string, words: RegExp) => (error: KubeError) => {
  assert.equal(error.reason, reason);
  assert.match(error.message, words);
  return true;
};

test('a token that is rotated is read again within a minute', async (t) => {
  const { folder, write, pass, store } = setUp(t);
  write('token', 'first\n');
  write('ca.crt', 'CA');
  const credentials = store({ token_file: join(folder, 'token'), ca_file: join(folder, 'ca.crt') });
  const first = await credentials.read();
  assert.deepEqual(first, { token: 'first', tls: { ca: 'CA', rejectUnauthorized: true } });
  write('token', 'second');
  pass(seconds(59));
  assert.equal(await credentials.read(), first);
  pass(seconds(1));
  assert.equal((await credentials.read()).token, 'second');
});

test('a token that was refused is read again at once, and is the same object if it is the same', async (t) => {
  const { folder, write, store } = setUp(t);
  write('token', 'first');
  const credentials = store({ token_file: join(folder, 'token'), insecure_skip_verify: true });
  const first = await credentials.read();
  assert.equal(await credentials.read({ now: true }), first);
  write('token', 'second');
  assert.equal((await credentials.read({ now: true })).token, 'second');
});

test('while a file is replaced its former content holds', async (t) => {
  const { folder, write, pass, store } = setUp(t);
  write('token', 'first');
  const credentials = store({ token_file: join(folder, 'token'), insecure_skip_verify: true });
  await credentials.read();
  rmSync(join(folder, 'token'));
  pass(seconds(60));
  assert.equal((await credentials.read()).token, 'first');
});

test('a missing token is absent, an invalid one is a failure', async (t) => {
  const { folder, write, store } = setUp(t);
  const credentials = store({ token_file: join(folder, 'token'), insecure_skip_verify: true });
  await assert.rejects(credentials.read(), problem('absent', /there is no token at/));
  write('token', 'two\nlines');
  await assert.rejects(credentials.read({ now: true }), problem('credentials', /^cannot use the token/));
  write('token', '\n');
  await assert.rejects(credentials.read({ now: true }), problem('credentials', /^cannot use the token/));
});

test('a token of the configuration goes before the kubeconfig', async (t) => {
  const { folder, write, store } = setUp(t);
  write('token', 'own');
  write(
    'config',
    stringify({
      'current-context': 'a',
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
      clusters: [{ name: 'a', cluster: { server: 'https://a', 'certificate-authority-data': 'Q0E=' } }],
      users: [{ name: 'a', user: { token: 'theirs' } }],
    }),
  );
  const config = { auth_type: 'kubeConfig', token_file: join(folder, 'token') } as const;
  const expected = { server: 'https://a', token: 'own', tls: { ca: 'CA', rejectUnauthorized: true } };
  assert.deepEqual(await store(config, { KUBECONFIG: join(folder, 'config') }).read(), expected);
  assert.deepEqual(await store({ ...config, kubeconfig: join(folder, 'config') }).read(), expected);
  await assert.rejects(
    store(config, { KUBECONFIG: `${folder}/config:/b` }).read(),
    problem('credentials', /several files/),
  );
  await assert.rejects(store(config, { HOME: folder }).read(), problem('absent', /no kubeconfig at/));
});

test('auth_type none has no token', async (t) => {
  assert.deepEqual(await setUp(t).store({ auth_type: 'none' }).read(), { tls: { rejectUnauthorized: true } });
});

const endpoints = [
  ['node1:10250', 'https://node1:10250'],
  ['https://[::1]:10250', 'https://[::1]:10250'],
  ['http://127.0.0.1:8001', 'http://127.0.0.1:8001'],
  ['https://rancher/k8s/clusters/c-1', 'https://rancher/k8s/clusters/c-1'],
  ['ftp://node1', undefined],
  ['https://user:password@node1', undefined],
  ['https://node1/?a=b', undefined],
  ['node 1', undefined],
] as const;
for (const [written, url] of endpoints)
  test(`the endpoint ${written} is ${url ?? 'none'}`, () =>
    assert.equal(parseEndpoint(written)?.href.replace(/\/$/, ''), url));

test('contradictory settings are refused with a remedy', () => {
  const config = { auth_type: 'serviceAccount', insecure_skip_verify: false } as const;
  const messages = (more: object) =>
    accessProblems({ ...config, ...more }).map(({ path, message }) => `${path.join('::')}: ${message}`);
  assert.deepEqual(messages({}), []);
  assert.match(messages({ endpoint: 'http://a:1' }).join(), /^endpoint: would send the token/);
  assert.deepEqual(messages({ endpoint: 'http://a:1', auth_type: 'none' }), []);
  assert.match(messages({ endpoint: 'a b' }).join(), /^endpoint: is no address/);
  assert.match(messages({ endpoint: 'https://u:p@a' }).join(), /^endpoint: must not hold credentials/);
  assert.match(messages({ cert_file: 'a' }).join(), /^cert_file: needs key_file too/);
  assert.match(messages({ context: 'a' }).join(), /^context: is only looked at with auth_type kubeConfig/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { KubeError } from '../../../../src/identity/kubernetes/kube-error.ts';
import { readKubeconfig } from '../../../../src/identity/kubernetes/kubeconfig.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function kubeconfig({ user = {}, cluster = {}, more = {} }: Readonly<Record<string, object>> = {}) {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [
      { name: 'other', cluster: { server: 'https://other:6443' } },
      { name: 'test', cluster: { server: 'https://127.0.0.1:6443', ...cluster } },
    ],
    contexts: [
      { name: 'test', context: { cluster: 'test', user: 'admin' } },
      { name: 'second', context: { cluster: 'other' } },
    ],
    users: [{ name: 'admin', user }],
    ...more,
  });
}

const read = (text: string, context?: string) => readKubeconfig(text, { file: '/etc/kube/config', context });

test('inline certificates are decoded', () => {
  const user = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') };
  const cluster = { 'certificate-authority-data': base64('CA'), 'tls-server-name': 'kubernetes' };
  assert.deepEqual(read(kubeconfig({ user, cluster })), {
    server: 'https://127.0.0.1:6443',
    serverName: 'kubernetes',
    ca: { text: 'CA' },
    cert: { text: 'CERT' },
    key: { text: 'KEY' },
  });
});

test('paths are relative to the folder of the file', () => {
  const user = { 'client-certificate': 'pki/a.crt', 'client-key': '/k/a.key', tokenFile: '../token' };
  const cluster = { 'certificate-authority': 'ca.crt', 'insecure-skip-tls-verify': true };
  assert.deepEqual(read(kubeconfig({ user, cluster })), {
    server: 'https://127.0.0.1:6443',
    skipVerify: true,
    ca: { file: '/etc/kube/ca.crt' },
    cert: { file: '/etc/kube/pki/a.crt' },
    key: { file: '/k/a.key' },
    token: { file: '/etc/token' },
  });
});

test('a token goes before the file of one', () => {
  assert.deepEqual(read(kubeconfig({ user: { token: 'abc', tokenFile: 't' } })).token, { text: 'abc' });
});

test('another context can be chosen, and needs no user', () => {
  assert.deepEqual(read(kubeconfig(), 'second'), { server: 'https://other:6443' });
});

const refused = {
  'runs a program': kubeconfig({ user: { exec: { command: 'aws' } } }),
  plugin: kubeconfig({ user: { 'auth-provider': { name: 'gcp' } } }),
  password: kubeconfig({ user: { username: 'a', password: 'b' } }),
  impersonates: kubeconfig({ user: { as: 'root' } }),
  proxy: kubeconfig({ cluster: { 'proxy-url': 'http://p' } }),
  'no current-context': kubeconfig({ more: { 'current-context': '' } }),
  'no context "none"': kubeconfig({ more: { 'current-context': 'none' } }),
  'no cluster "test"': kubeconfig({ more: { clusters: [] } }),
  'no user "admin"': kubeconfig({ more: { users: 'absent' } }),
  'no YAML': 'token: "secret-token',
};
for (const [why, text] of Object.entries(refused))
  test(`a kubeconfig is refused with its reason: ${why}`, () => {
    assert.throws(
      () => read(text),
      (error: unknown) => {
        assert.ok(error instanceof KubeError);
        assert.equal(error.reason, 'credentials');
        assert.match(error.message, /^cannot use \/etc\/kube\/config: /);
        assert.ok(error.message.includes(why), error.message);
        assert.ok(!error.message.includes('secret-token'));
        return true;
      },
    );
  });

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPem, type TlsMaterial } from '../../../../src/config/schema/pem.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-pem-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url));
const [cert, key] = [fixture('cert.pem'), fixture('key.pem')];
const certText = readFileSync(cert, 'utf8');
const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const otherKey = file('other.pem', String(foreign.export({ type: 'pkcs8', format: 'pem' })));
const cipher = { cipher: 'aes-256-cbc', passphrase: 'p' } as const;
const encrypted = file('encrypted.pem', String(foreign.export({ type: 'pkcs8', format: 'pem', ...cipher })));
const garbage = file('garbage.pem', 'not PEM\n');
const damaged = file('damaged.pem', `# roots\n${certText}${certText.replace(/\n[^-\n]{8}/, '\nAAAAAAAA')}`);

const problemsOf = (material: TlsMaterial) =>
  readPem(material).unusable.map(({ path, message }) => `${path.join('::')}: ${message}`);

test('files of TLS that fit are no problem, nor are several authorities in a file', () => {
  const ca = file('roots.pem', `# first\n${certText}\n# second\n${certText}`);
  assert.deepEqual(problemsOf({ ca_file: ca, cert_file: cert, key_file: key }), []);
});

test('each file of TLS that holds something else is named', () => {
  assert.deepEqual(problemsOf({ ca_file: garbage, cert_file: key, key_file: cert }), [
    `ca_file: ${garbage} holds no certificate in PEM`,
    `cert_file: ${key} holds no certificate in PEM, but a private key`,
    `key_file: ${cert} holds no private key in PEM, but a certificate`,
  ]);
});

test('one damaged authority among others is named', () => {
  assert.deepEqual(problemsOf({ ca_file: damaged }), [
    `ca_file: certificate 2 of 2 in ${damaged} is damaged`,
  ]);
});

test('a key that belongs to another certificate is refused', () => {
  assert.deepEqual(problemsOf({ cert_file: cert, key_file: otherKey }), [
    `key_file: the key in ${otherKey} is not that of the certificate in ${cert}`,
  ]);
});

test('an encrypted key is refused with the remedy', () => {
  assert.deepEqual(problemsOf({ cert_file: cert, key_file: encrypted }), [
    `key_file: the key in ${encrypted} is encrypted: write it without a passphrase`,
  ]);
});

test('text of a key at the place of its file name is not repeated', () => {
  const text = readFileSync(key, 'utf8');
  assert.deepEqual(problemsOf({ ca_file: text, cert_file: cert, key_file: text }), []);
});

test('texts are looked at as files are, by the names of their keys', () => {
  const [certificate, secret] = [certText, readFileSync(key, 'utf8')];
  assert.deepEqual(problemsOf({ ca_pem: certificate, cert_pem: certificate, key_pem: secret }), []);
  assert.deepEqual(problemsOf({ cert_file: cert, key_pem: secret }), []);
  assert.deepEqual(problemsOf({ ca_pem: 'x', cert_pem: secret, key_pem: certificate }), [
    'ca_pem: ca_pem holds no certificate in PEM',
    'cert_pem: cert_pem holds no certificate in PEM, but a private key',
    'key_pem: key_pem holds no private key in PEM, but a certificate',
  ]);
  assert.deepEqual(problemsOf({ cert_pem: certificate, key_file: otherKey }), [
    `key_file: the key in ${otherKey} is not that of the certificate in cert_pem`,
  ]);
});

test('a file and a text for the same is a problem, in the words of the Collector', () => {
  const material = { cert_file: cert, cert_pem: certText, ca_file: cert, ca_pem: certText };
  assert.deepEqual(problemsOf({ ...material, key_file: key, key_pem: 'secret' }), [
    'ca_pem: provide either a CA file or the PEM-encoded string, but not both',
    'cert_pem: provide either certificate file or PEM, but not both',
    'key_pem: provide either key file or PEM, but not both',
  ]);
});

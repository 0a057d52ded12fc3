import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { imageConfig } from '../../../scripts/image-config.ts';
import { version } from '../../../src/version.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../../scripts/build-image.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'earshot-image-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const build = (...args: readonly string[]) => run(process.execPath, [script, ...args]);

test('the image contains every file the agent needs to start', async () => {
  const root = join(folder, 'root');
  await build('--root', root);
  const dockerfile = readFileSync(new URL('../../../Dockerfile', import.meta.url), 'utf8');
  const { Entrypoint = [], Cmd = [] } = imageConfig(dockerfile);
  const inside = (...args: readonly string[]) =>
    run('chroot', [root, ...Entrypoint, ...args], { env: { PATH: '/usr/sbin:/usr/bin' } });
  assert.equal((await inside('--version')).stdout.trim(), version);
  assert.match((await inside('components')).stdout, /^ {2}- name: scheduler$/m);
  await inside('validate', ...Cmd.slice(1));
  // before it opens anything it has loaded all there is to load, the addon and libbpf among it
  const { stdout } = await run('chroot', [
    ...[root, '/usr/bin/node', '--input-type=module', '--eval'],
    "const { loadNative } = await import('/opt/earshot/dist/bpf/native.js'); console.log(String(loadNative().monotonic()))",
  ]);
  assert.match(stdout, /^\d+$/m);
});

test('the archive is a valid OCI image layout with correct digests', async () => {
  const archive = join(folder, 'image.tar');
  await build(archive, '--tag', 'registry.example/earshot:1');
  const list = await run('tar', ['--list', '--file', archive]);
  const blobs = list.stdout.split('\n').filter((path) => /\/blobs\/sha256\/./.test(path));
  assert.equal(blobs.length, 3, 'manifest, config and one layer');
  const extract = async (path: string) => {
    const args = ['--extract', '--to-stdout', '--file', archive, path];
    return (await run('tar', args, { encoding: 'buffer', maxBuffer: 2 ** 30 })).stdout;
  };
  for (const blob of blobs) {
    const hash = createHash('sha256').update(await extract(blob));
    assert.equal(blob.split('/').at(-1), hash.digest('hex'));
  }
  const [manifest] = JSON.parse(String(await extract('./index.json'))).manifests;
  assert.equal(manifest.annotations['io.containerd.image.name'], 'registry.example/earshot:1');
});

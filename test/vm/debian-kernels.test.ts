import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Architecture } from './debian-apt.ts';
import { kernelPackages } from './debian-kernels.ts';

const names = [
  'linux-image-6.1.0-9-cloud-amd64-unsigned',
  'linux-image-6.1.0-56-cloud-amd64-unsigned',
  'linux-image-6.1.0-0.deb11.57-cloud-amd64-unsigned',
  'linux-image-6.12.117+deb12-cloud-amd64-unsigned',
  'linux-image-6.12.117+deb13-cloud-amd64-unsigned',
  'linux-image-6.12.117+deb13-cloud-amd64-unsigned-dbg',
  'linux-image-6.18.15+deb13-cloud-amd64',
  'linux-image-6.19.14+deb13-cloud-amd64',
  'linux-binary-6.19.14+deb13-cloud-amd64',
  'linux-binary-6.19.14+deb13-rt-amd64',
  'linux-headers-7.3.4+deb13-cloud-amd64',
  'linux-image-6.12.118+deb13-cloud-arm64-unsigned',
];
const versions = (series: string, architecture: Architecture = 'amd64') =>
  kernelPackages(names, series, architecture).map(({ version }) => version);

test('packages of a kernel series are tried newest first', () => {
  assert.deepEqual(versions('6.1'), ['6.1.0-56', '6.1.0-9', '6.1.0-0.deb11.57']);
  assert.deepEqual(versions('6.12'), ['6.12.117+deb13', '6.12.117+deb12']);
  assert.deepEqual(versions('7.3'), []);
  assert.deepEqual(versions('6.19-rt'), ['6.19.14+deb13']);
  assert.deepEqual(versions('6.12', 'arm64'), ['6.12.118+deb13']);
});

test('the package with the kernel image is tried before the metapackage', () => {
  assert.deepEqual(
    kernelPackages(names, '', 'amd64').map(({ name }) => name)[0],
    'linux-binary-6.19.14+deb13-cloud-amd64',
  );
});

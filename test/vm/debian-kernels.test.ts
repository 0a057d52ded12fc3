import assert from 'node:assert/strict';
import { test } from 'node:test';
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
];
const versions = (series: string) => kernelPackages(names, series).map(({ version }) => version);

test('the packages of a series are tried from the newest on', () => {
  assert.deepEqual(versions('6.1'), ['6.1.0-56', '6.1.0-9', '6.1.0-0.deb11.57']);
  assert.deepEqual(versions('6.12'), ['6.12.117+deb13', '6.12.117+deb12']);
  assert.deepEqual(versions('7.3'), []);
});

test('the package that holds the kernel itself is tried before the one that only names it', () => {
  assert.deepEqual(
    kernelPackages(names, '').map(({ name }) => name)[0],
    'linux-binary-6.19.14+deb13-cloud-amd64',
  );
});

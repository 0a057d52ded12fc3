import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectAzure, detectEc2, detectGcp } from '../../../../src/processors/resource-detection/clouds.ts';
import { type Answers, added, ec2, known, opening, signal, standIn } from './detection-fixture.ts';

test('ec2: attributes of the identity document, with a token', async () => {
  const { base, requests } = await standIn(ec2(() => 'eu-west-1'));
  assert.deepEqual(known(await detectEc2({ base, signal })), {
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_ec2',
    'cloud.region': 'eu-west-1',
    'cloud.account.id': '42',
    'cloud.availability_zone': 'eu-west-1a',
    'host.id': 'i-1',
    'host.image.id': 'ami-1',
    'host.type': 'm7.large',
    'host.name': 'ip-10-0-0-1.ec2.internal',
  });
  assert.equal(requests[0]?.method, 'PUT');
});

const gcpAnswers: Answers = {
  'GET /computeMetadata/v1/project/project-id': 'shop',
  'GET /computeMetadata/v1/instance/id': '7654321987654321987',
  'GET /computeMetadata/v1/instance/name': 'vm-1',
  'GET /computeMetadata/v1/instance/zone': 'projects/1/zones/europe-west1-b',
  'GET /computeMetadata/v1/instance/machine-type': 'projects/1/machineTypes/n2-standard-4',
};

test('gcp: a machine of Compute Engine, its id in all digits', async () => {
  const { base } = await standIn(gcpAnswers, { 'Metadata-Flavor': 'Google' });
  assert.deepEqual(known(await detectGcp({ base, signal })), {
    'cloud.provider': 'gcp',
    'cloud.platform': 'gcp_compute_engine',
    'cloud.account.id': 'shop',
    'cloud.availability_zone': 'europe-west1-b',
    'cloud.region': 'europe-west1',
    'host.id': '7654321987654321987',
    'host.name': 'vm-1',
    'host.type': 'n2-standard-4',
  });
});

test('gcp: a node of Kubernetes Engine has its cluster', async () => {
  const cluster = { 'GET /computeMetadata/v1/instance/attributes/cluster-name': 'prod' };
  const { base } = await standIn({ ...gcpAnswers, ...cluster }, { 'Metadata-Flavor': 'Google' });
  const detected = await detectGcp({ base, signal });
  assert.equal(detected['cloud.platform'], 'gcp_kubernetes_engine');
  assert.equal(detected['k8s.cluster.name'], 'prod');
});

test('gcp: a server that is not of Google Cloud is not believed', async () => {
  const { base } = await standIn(gcpAnswers);
  await assert.rejects(detectGcp({ base, signal }), /not that of Google Cloud/);
});

test('azure: attributes of the compute document; what is empty is not known', async () => {
  const { base, requests } = await standIn({
    'GET /metadata/instance/compute?api-version=2021-02-01&format=json': JSON.stringify({
      ...{ location: 'westeurope', subscriptionId: 'sub', vmId: 'id', name: 'vm', vmSize: 'D2' },
      ...{ vmScaleSetName: '', resourceGroupName: 'rg', tags: {} },
    }),
  });
  assert.deepEqual(known(await detectAzure({ base, signal })), {
    'cloud.provider': 'azure',
    'cloud.platform': 'azure_vm',
    'cloud.region': 'westeurope',
    'cloud.account.id': 'sub',
    'host.id': 'id',
    'host.name': 'vm',
    'azure.vm.name': 'vm',
    'azure.vm.size': 'D2',
    'azure.resourcegroup.name': 'rg',
  });
  assert.equal(requests[0]?.headers.metadata, 'true');
});

for (const [what, answer, message] of [
  ['no JSON', 'PUT', /answered with no JSON/],
  ['nothing it knows', undefined, /status 404/],
  ['too much', 'x'.repeat(100_000), /answered more than 65536 bytes/],
] as const)
  test(`a metadata server that answers ${what} fails`, async () => {
    const { base } = await standIn(() => answer);
    await assert.rejects(detectAzure({ base, signal }), message);
  });

test('each attribute that a cloud has can be switched off', async () => {
  const { base } = await standIn(ec2(() => 'eu-west-1'));
  const detected = await detectEc2({ base, signal });
  for (const off of Object.keys(detected)) {
    const { opened } = opening(
      { detectors: ['ec2'], ec2: { resource_attributes: { [off]: { enabled: false } } } },
      { AWS_EC2_METADATA_SERVICE_ENDPOINT: base },
    );
    const { [off]: _, ...rest } = known(detected);
    assert.deepEqual(await added(opened), rest);
  }
});

import { ask, askOptional, type MetadataServer, textsIn } from './metadata-server.ts';

/** What is undefined is not known. */
export type Detected = Readonly<Record<string, string | readonly string[] | undefined>>;

const tokenSeconds = 60;

/** EC2's instance metadata service, version 2. */
export async function detectEc2(server: MetadataServer): Promise<Detected> {
  const { text: token } = await ask(server, {
    ...{ path: '/latest/api/token', method: 'PUT' },
    headers: { 'X-aws-ec2-metadata-token-ttl-seconds': String(tokenSeconds) },
  });
  const headers = { 'X-aws-ec2-metadata-token': token };
  const document = '/latest/dynamic/instance-identity/document';
  const [{ text }, name] = await Promise.all([
    ask(server, { path: document, headers }),
    askOptional(server, { path: '/latest/meta-data/hostname', headers }),
  ]);
  const of = textsIn(text, document);
  return {
    ...{ 'cloud.provider': 'aws', 'cloud.platform': 'aws_ec2' },
    'cloud.region': of.region,
    'cloud.account.id': of.accountId,
    'cloud.availability_zone': of.availabilityZone,
    'host.id': of.instanceId,
    'host.image.id': of.imageId,
    'host.type': of.instanceType,
    'host.name': name,
  };
}

/** Of Compute Engine and, where the node has a cluster, Kubernetes Engine. */
export async function detectGcp(server: MetadataServer): Promise<Detected> {
  const headers = { 'Metadata-Flavor': 'Google' };
  const path = (of: string) => `/computeMetadata/v1/${of}`;
  const optional = (of: string) => askOptional(server, { path: path(of), headers });
  const { text: project, headers: answered } = await ask(server, {
    ...{ path: path('project/project-id'), headers },
  });
  // any server may answer at the address of the link
  if (answered['metadata-flavor'] !== 'Google')
    throw new Error('the metadata server is not that of Google Cloud');
  const [id, name, zonePath, typePath, cluster] = await Promise.all(
    ['id', 'name', 'zone', 'machine-type', 'attributes/cluster-name'].map((of) => optional(`instance/${of}`)),
  );
  const zone = lastPart(zonePath);
  return {
    ...{
      'cloud.provider': 'gcp',
      'cloud.platform': cluster ? 'gcp_kubernetes_engine' : 'gcp_compute_engine',
    },
    'cloud.account.id': project,
    'cloud.availability_zone': zone,
    'cloud.region': zone?.replace(/-[^-]*$/, ''),
    'host.id': id,
    'host.name': name,
    'host.type': lastPart(typePath),
    'k8s.cluster.name': cluster,
  };
}

/** `projects/1/zones/europe-west1-b` */
const lastPart = (path: string | undefined) => path?.split('/').at(-1);

export async function detectAzure(server: MetadataServer): Promise<Detected> {
  const path = '/metadata/instance/compute?api-version=2021-02-01&format=json';
  const { text } = await ask(server, { path, headers: { Metadata: 'true' } });
  const of = textsIn(text, path);
  return {
    ...{ 'cloud.provider': 'azure', 'cloud.platform': 'azure_vm' },
    'cloud.region': of.location,
    'cloud.account.id': of.subscriptionId,
    'host.id': of.vmId,
    'host.name': of.name,
    'azure.vm.name': of.name,
    'azure.vm.size': of.vmSize,
    'azure.vm.scaleset.name': of.vmScaleSetName,
    'azure.resourcegroup.name': of.resourceGroupName,
  };
}

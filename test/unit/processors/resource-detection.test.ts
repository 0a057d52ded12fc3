import assert from 'node:assert/strict';
import dns from 'node:dns/promises';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, mock, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import fc from 'fast-check';
import { hostFile } from '../../../src/machine/host-file.ts';
import {
  type Detected,
  detectAzure,
  detectEc2,
  detectGcp,
} from '../../../src/processors/resource-detection/clouds.ts';
import { resourceDetection } from '../../../src/processors/resource-detection/resource-detection.ts';
import { bySignal, signalNames } from '../../../src/telemetry/batch.ts';
import { event } from '../../../src/telemetry/logs.ts';
import { resource } from '../../../src/telemetry/metrics/build.ts';
import { seconds } from '../../../src/telemetry/units.ts';
import { batchWith, interval, itemsIn } from '../batch-with.ts';
import { FakeClock, settle } from '../fake-clock.ts';
import { fakeHost } from '../fake-host.ts';
import { loadProcessor } from './load-processor.ts';

type Config = Parameters<typeof resourceDetection.open>[0];

const closers: (() => unknown)[] = [];
after(() => Promise.all(closers.map((close) => close())));
afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
  delete process.env.OTEL_RESOURCE_ATTRIBUTES;
  delete process.env.OTEL_SERVICE_NAME;
});

type Answers = Readonly<Record<string, string | undefined>>;

/** A stand-in for the metadata server of a cloud: the protocol as it is documented, not the service itself. */
async function standIn(answers: Answers | ((request: IncomingMessage) => string | undefined), headers = {}) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const key = `${request.method} ${request.url}`;
    const text = typeof answers === 'function' ? answers(request) : answers[key];
    response.writeHead(text === undefined ? 404 : 200, headers).end(text);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

const signal = new AbortController().signal;
const known = (detected: Detected) =>
  Object.fromEntries(Object.entries(detected).filter(([, value]) => value !== undefined));

/** What IMDSv2 answers to who has fetched a token. */
const ec2 = (region: () => string) => (request: IncomingMessage) => {
  if (request.method === 'PUT')
    return request.headers['x-aws-ec2-metadata-token-ttl-seconds'] ? 'secret' : undefined;
  if (request.headers['x-aws-ec2-metadata-token'] !== 'secret') return undefined;
  if (request.url === '/latest/meta-data/hostname') return 'ip-10-0-0-1.ec2.internal';
  return JSON.stringify({
    ...{ accountId: '42', region: region(), availabilityZone: `${region()}a`, instanceId: 'i-1' },
    ...{ imageId: 'ami-1', instanceType: 'm7.large', kernelId: null },
  });
};

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

/** An opened processor; its host's time stands still. */
function opening(written: object, environment: Readonly<Record<string, string>> = {}, rootPath = '/') {
  const { host, logged } = fakeHost('resource_detection');
  const clock = new FakeClock();
  const endsWithin: typeof host.endsWithin = async (limit, work) => {
    const late = Promise.withResolvers<boolean>();
    const timer = clock.setTimer(limit, () => late.resolve(false));
    const isDone = await Promise.race([work.then(() => true), late.promise]);
    timer.cancel();
    return isDone;
  };
  const machine = {
    ...host.machine,
    environment,
    hostFile: (path: string) => hostFile(rootPath, path),
  };
  const config = loadProcessor('resource_detection', written) as Config;
  const opened = resourceDetection.open(config, { ...host, clock, endsWithin, machine });
  void opened.then(({ close }) => closers.push(close));
  return {
    ...{ clock, opened },
    log: () => logged.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

async function added(
  opened: ReturnType<typeof opening>['opened'],
  own: Attributes = {},
): Promise<Attributes> {
  const { process } = await opened;
  const of = { at: interval.end, observed: interval.end, attributes: {} };
  const batch = process({
    signal: 'logs',
    records: [event({ name: 'test' }, { ...of, resource: resource(own) })],
  });
  return (
    bySignal(batch, { logs: ({ records }) => records[0]?.resource.attributes }) ?? assert.fail('no record')
  );
}

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

test('env: attributes of `OTEL_RESOURCE_ATTRIBUTES`, not the name of the agent itself', async () => {
  process.env.OTEL_RESOURCE_ATTRIBUTES = 'deployment.environment.name=prod,team=shop%2Cone';
  process.env.OTEL_SERVICE_NAME = 'earshot';
  assert.deepEqual(await added(opening({}).opened), {
    'deployment.environment.name': 'prod',
    team: 'shop,one',
  });
});

const rootPath = mkdtempSync(join(tmpdir(), 'earshot-host-'));
closers.push(() => rmSync(rootPath, { recursive: true }));
mkdirSync(join(rootPath, 'etc'));
writeFileSync(join(rootPath, 'etc/machine-id'), 'abc123\n');
writeFileSync(
  join(rootPath, 'etc/os-release'),
  'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\n',
);
const on = (...keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, { enabled: true }]));

test('system: name and type of the host, and what else is wanted', async () => {
  const keys = ['host.id', 'os.name', 'os.version', 'os.description', 'host.arch'];
  const system = { hostname_sources: ['os'], resource_attributes: on(...keys) };
  assert.deepEqual(
    await added(opening({ detectors: ['system'], system: { hostname_sources: ['os'] } }).opened),
    {
      'host.name': 'node1',
      'os.type': 'linux',
    },
  );
  const { 'host.arch': arch, ...rest } = await added(
    opening({ detectors: ['system'], system }, {}, rootPath).opened,
  );
  assert.match(String(arch), /^(amd64|arm64)$/);
  assert.deepEqual(rest, {
    'host.name': 'node1',
    'os.type': 'linux',
    'host.id': 'abc123',
    'os.name': 'Debian GNU/Linux',
    'os.version': '13',
    'os.description': `Debian GNU/Linux 13 (trixie) (Linux ${release()})`,
  });
});

test('system: addresses are lists', async () => {
  const system = { hostname_sources: ['os'], resource_attributes: on('host.ip', 'host.mac') };
  const { 'host.ip': ip = [], 'host.mac': mac = [] } = await added(
    opening({ detectors: ['system'], system }).opened,
  );
  assert.ok(Array.isArray(ip) && Array.isArray(mac));
  for (const address of mac) assert.match(String(address), /^([0-9A-F]{2}-){5}[0-9A-F]{2}$/);
});

/** Name server and hosts file answer this. */
function names(full: string | Error) {
  mock.method(dns, 'lookup', async () => ({ address: '10.0.0.7', family: 4 }));
  mock.method(dns, 'lookupService', async () => {
    if (full instanceof Error) throw full;
    return { hostname: full, service: '0' };
  });
  syncBuiltinESMExports();
}

for (const [what, full, expected] of [
  ['the full name', 'node1.example.org', 'node1.example.org'],
  ['no name', new Error('ENOTFOUND'), 'node1'],
  ['a name without a domain', 'node1', 'node1'],
  ['only the address', '10.0.0.7', 'node1'],
  ['the loopback', 'localhost.localdomain', 'node1'],
] as const)
  test(`system: the name server knows ${what}`, async () => {
    names(full);
    const { 'host.name': name } = await added(opening({ detectors: ['system'] }).opened);
    assert.equal(name, expected);
  });

test('the first detector that has an attribute sets it', async () => {
  process.env.OTEL_RESOURCE_ATTRIBUTES = 'host.name=own,os.type=mine';
  const of = (...detectors: readonly string[]) =>
    added(opening({ detectors, system: { hostname_sources: ['os'] } }).opened);
  assert.deepEqual(await of('env', 'system'), { 'host.name': 'own', 'os.type': 'mine' });
  assert.deepEqual(await of('system', 'env'), { 'host.name': 'node1', 'os.type': 'linux' });
});

test('`override` decides who wins, and nothing else changes', async () => {
  const attributes = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd', 'constructor'),
    fc.stringMatching(/^[a-z]{1,4}$/),
  );
  await fc.assert(
    fc.asyncProperty(attributes, attributes, fc.boolean(), async (own, detected, override) => {
      process.env.OTEL_RESOURCE_ATTRIBUTES = Object.entries(detected)
        .map(([key, value]) => `${key}=${value}`)
        .join(',');
      const result = await added(opening({ override }).opened, own);
      assert.deepEqual(
        Object.entries(result).sort(),
        Object.entries(override ? { ...own, ...detected } : { ...detected, ...own }).sort(),
      );
    }),
  );
});

for (const each of signalNames)
  test(`${each}: resources get attributes, and go on being shared; without any the batch is the same`, async () => {
    const batch = batchWith(each, { one: ['a', 'b'], two: ['c'] });
    assert.equal((await opening({}).opened).process(batch), batch);
    process.env.OTEL_RESOURCE_ATTRIBUTES = 'name=new';
    const { process: add } = await opening({}).opened;
    assert.deepEqual(itemsIn(add(batch)), [
      { name: 'new', label: 'a' },
      { name: 'new', label: 'b' },
      { name: 'new', label: 'c' },
    ]);
    const resources = bySignal(add(batchWith('logs', { one: ['a', 'b'] })), {
      logs: ({ records }) => records.map((record) => record.resource),
    });
    assert.equal(new Set(resources).size, 1);
  });

test('a metadata server that is not there is a warning, and its attributes are absent', async () => {
  const { opened, log } = opening(
    { detectors: ['ec2', 'system'], system: { hostname_sources: ['os'] } },
    { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9' },
  );
  assert.deepEqual(await added(opened), { 'host.name': 'node1', 'os.type': 'linux' });
  assert.deepEqual(
    log().map(({ level, detector, msg }) => [level, detector, msg]),
    [[40, 'ec2', 'Cannot detect the resource. Its attributes are absent.']],
  );
});

test('a metadata server that does not answer delays the start by `timeout`, and is asked again', async () => {
  let isSilent = true;
  const answer = ec2(() => 'eu-west-1');
  const server = createServer((request, response) => {
    if (!isSilent) response.end(answer(request));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { opened, clock, log } = opening(
    { detectors: ['ec2'], timeout: '2s' },
    { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
  );
  let isOpen = false;
  void opened.then(() => {
    isOpen = true;
  });
  await clock.advance(seconds(1.9));
  assert.equal(isOpen, false);
  await clock.advance(seconds(0.1));
  const { tasks: [retry] = [] } = await opened;
  assert.deepEqual(await added(opened), {});
  await settle();
  assert.deepEqual(
    log().map(({ error }) => error),
    ['no answer in time'],
  );
  isSilent = false;
  assert.equal(retry?.every, seconds(30));
  await retry?.run(signal);
  assert.equal((await added(opened))['cloud.region'], 'eu-west-1');
  assert.deepEqual(
    log().map(({ msg }) => msg),
    ['Resource is detected now.'],
  );
});

test('with `refresh_interval` all is detected anew; what fails keeps its former attributes', async () => {
  let region: string | undefined = 'eu-west-1';
  const { base } = await standIn((request) => region && ec2(() => region ?? '')(request));
  const { opened, log } = opening(
    { detectors: ['ec2'], refresh_interval: '1h' },
    { AWS_EC2_METADATA_SERVICE_ENDPOINT: base },
  );
  const { tasks: [refresh] = [] } = await opened;
  assert.equal(refresh?.every, seconds(3600));
  assert.equal((await added(opened))['cloud.region'], 'eu-west-1');
  region = 'eu-west-2';
  await refresh?.run(signal);
  assert.equal((await added(opened))['cloud.region'], 'eu-west-2');
  region = undefined;
  await refresh?.run(signal);
  await refresh?.run(signal);
  assert.equal((await added(opened))['cloud.region'], 'eu-west-2');
  assert.equal(log().length, 1, 'a failure is logged once');
});

for (const [written, message] of [
  [{ detectors: ['heroku'] }, /detectors/],
  [{ detectors: [] }, /detectors/],
  [{ timeout: '2m' }, /timeout: must be at most 1m/],
  [
    { ec2: { resource_attributes: { 'host.ids': { enabled: false } } } },
    /unknown key "host.ids" \(did you mean "host.id"\?\)/,
  ],
] as const)
  test(`refused: ${JSON.stringify(written)}`, () => {
    assert.throws(() => loadProcessor('resource_detection', written), message);
  });

test('the former type still works', () => {
  assert.ok(loadProcessor('resourcedetection', { detectors: ['env'] }));
});

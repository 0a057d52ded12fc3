import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import { bySignal, signalNames } from '../../../../src/telemetry/batch.ts';
import { seconds } from '../../../../src/telemetry/units.ts';
import { batchWith, itemsIn } from '../../batch-with.ts';
import { settle } from '../../fake-clock.ts';
import { loadProcessor } from '../load-processor.ts';
import { added, ec2, opening, signal, standIn } from './detection-fixture.ts';

afterEach(() => {
  delete process.env.OTEL_RESOURCE_ATTRIBUTES;
  delete process.env.OTEL_SERVICE_NAME;
});

test('env: attributes of `OTEL_RESOURCE_ATTRIBUTES`, not the name of the agent itself', async () => {
  process.env.OTEL_RESOURCE_ATTRIBUTES = 'deployment.environment.name=prod,team=shop%2Cone';
  process.env.OTEL_SERVICE_NAME = 'earshot';
  assert.deepEqual(await added(opening({}).opened), {
    'deployment.environment.name': 'prod',
    team: 'shop,one',
  });
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
  const { base } = await standIn((request) => (isSilent ? null : answer(request)));
  const { opened, clock, log } = opening(
    { detectors: ['ec2'], timeout: '2s' },
    { AWS_EC2_METADATA_SERVICE_ENDPOINT: base },
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

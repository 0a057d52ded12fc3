import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataAttributesOf, ownResourceOf } from '../../../src/own-telemetry/own-resource.ts';
import { version } from '../../../src/version.ts';

function inEnvironment<T>(environment: Readonly<Record<string, string>>, work: () => T): T {
  Object.assign(process.env, environment);
  try {
    return work();
  } finally {
    for (const key of Object.keys(environment)) delete process.env[key];
  }
}

test('the agent is a resource with name, version, instance and node', () => {
  const { 'service.instance.id': instance, ...rest } = ownResourceOf({}, 'node-1').attributes;
  assert.match(String(instance), /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, { 'service.name': 'earshot', 'service.version': version, 'host.name': 'node-1' });
  assert.deepEqual(dataAttributesOf({}), {});
});

test('the configuration is stronger than the environment, and null takes an attribute away', () => {
  const environment = {
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,cloud.region=a%20b,service.name=weak',
    OTEL_SERVICE_NAME: 'named',
  };
  inEnvironment(environment, () => {
    const settings = { 'cloud.region': 'c', 'host.name': null, replicas: 2 };
    const { attributes } = ownResourceOf(settings, 'node-1');
    assert.equal(attributes['service.name'], 'named');
    assert.equal(attributes['deployment.environment.name'], 'test');
    assert.equal(attributes['cloud.region'], 'c');
    assert.equal('host.name' in attributes, false);
    assert.deepEqual(dataAttributesOf(settings), {
      'deployment.environment.name': 'test',
      'cloud.region': 'c',
      replicas: 2,
    });
    assert.equal(dataAttributesOf({})['cloud.region'], 'a b');
  });
});

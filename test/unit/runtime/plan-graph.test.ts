import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Component } from '../../../src/component.ts';
import type { Configured } from '../../../src/config/config.ts';
import { differenceOf } from '../../../src/runtime/plan-graph.ts';
import type { Signal } from '../../../src/telemetry/batch.ts';
import { sampleComponents } from '../config/sample-components.ts';
import { defaults } from '../delivery/sender-fixture.ts';

const [component, another] = sampleComponents;
assert.ok(component && another);

const instance = (change: Partial<Configured<Component>> = {}, signals: readonly Signal[] = ['metrics']) => ({
  configured: { component, config: { label: 'a', limits: { count: 1 } }, delivery: defaults, ...change },
  signals: new Set(signals),
});

test('equal settings, delivery and signals are no difference, also in other objects', () => {
  assert.equal(differenceOf(instance(), structuredCloneOf(instance())), 'none');
});

test('settings of the component alone are a difference that it may take', () => {
  assert.equal(
    differenceOf(instance(), instance({ config: { label: 'a', limits: { count: 2 } } })),
    'settings',
  );
});

test('other content of a file that the component reads is a difference that it may take', () => {
  const reading = (digest: string) => instance({ files: new Map([['ca.pem', digest]]) });
  assert.equal(differenceOf(reading('a'), reading('a')), 'none');
  assert.equal(differenceOf(reading('a'), reading('b')), 'settings');
});

test('another component, delivery or set of signals needs another instance', () => {
  for (const other of [
    instance({ component: another }),
    instance({ delivery: { ...defaults, timeout: defaults.retry_on_failure.max_interval } }),
    instance({}, ['metrics', 'logs']),
    instance({ config: {}, delivery: { ...defaults, timeout: defaults.retry_on_failure.max_interval } }),
  ])
    assert.equal(differenceOf(instance(), other), 'other');
});

const structuredCloneOf = ({ configured, signals }: ReturnType<typeof instance>) => ({
  configured: { ...structuredClone({ ...configured, component: undefined }), component },
  signals: new Set(signals),
});

import assert from 'node:assert/strict';
import type { Attributes } from '@opentelemetry/api';
import { waitClasses } from '../../src/receivers/scheduler/source.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitPart } from '../../src/telemetry/attributes/wait.ts';
import { type Batch, bySignal } from '../../src/telemetry/batch.ts';
import { type Counters, createCounters } from '../../src/telemetry/counters.ts';
import type { Attribute, Emits } from '../../src/telemetry/emits.ts';

/** Counters that accept only those which the component declares. */
export function declaredCounters({ counters: declared = [] }: Emits): Counters {
  const counters = createCounters();
  return {
    ...counters,
    add(metric, ...by) {
      assert.ok(declared.includes(metric), `counter ${metric.name} is not declared`);
      counters.add(metric, ...by);
    },
  };
}

/** Fails if a receiver's batch has a metric, an event or an attribute that the receiver does not declare. */
export function assertDeclared(batch: Batch, emits: Emits): void {
  const own = emits.attributes ?? [];
  bySignal(batch, {
    metrics: ({ resourceMetrics }) => {
      for (const { resource, scopeMetrics } of resourceMetrics) {
        assertKeys(resource.attributes, Object.values(resourceAttributes));
        for (const { descriptor, dataPoints } of scopeMetrics.flatMap((scope) => scope.metrics)) {
          const metric = emits.metrics?.find(({ name }) => name === descriptor.name);
          assert.ok(metric, `metric ${descriptor.name} is not declared`);
          assert.deepEqual([descriptor.unit, descriptor.description], [metric.unit, metric.meaning]);
          for (const { attributes } of dataPoints) assertKeys(attributes, [...metric.attributes, ...own]);
        }
      }
    },
    logs: ({ records }) => {
      for (const { resource, eventName, attributes } of records) {
        const event = emits.events?.find(({ name }) => name === eventName);
        assert.ok(event, `event ${eventName} is not declared`);
        assertKeys(resource.attributes, Object.values(resourceAttributes));
        const parts = new Set<string>(waitClasses.map(waitPart));
        const others = Object.entries(attributes).filter(([key]) => !parts.has(key));
        assertKeys(Object.fromEntries(others), [...event.attributes, ...own]);
      }
    },
    traces: () => assert.fail('no receiver declares spans'),
    profiles: () => assert.fail('no receiver declares profiles'),
  });
}

function assertKeys(attributes: Attributes, declared: readonly Attribute[]): void {
  const keys = declared.map(({ key }) => key);
  for (const key of Object.keys(attributes))
    assert.ok(keys.includes(key), `attribute ${key} is not declared`);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeverityNumber } from '@opentelemetry/api';
import { waitEvent } from '../../../src/receivers/scheduler/emits.ts';
import { eventAttributes } from '../../../src/telemetry/attributes/event.ts';
import { workloadAttributes } from '../../../src/telemetry/attributes/workload.ts';
import { event } from '../../../src/telemetry/logs.ts';
import { resource } from '../../../src/telemetry/metrics/build.ts';
import { hrTime, type UnixNanoseconds } from '../../../src/telemetry/units.ts';

const at = 1_700_000_000_123_456_789n as UnixNanoseconds;
const later = 1_700_000_010_000_000_000n as UnixNanoseconds;

test('an event carries its name, its own time and the time it was observed', () => {
  const record = event(waitEvent, {
    resource: resource({ [workloadAttributes.containerId.key]: 'c1' }),
    at,
    observed: later,
    attributes: { [eventAttributes.weight.key]: 3 },
  });
  assert.equal(record.eventName, 'earshot.wait');
  assert.equal(record.severityNumber, SeverityNumber.INFO);
  assert.deepEqual([record.hrTime, record.hrTimeObserved], [hrTime(at), hrTime(later)]);
  assert.equal(record.resource.attributes[workloadAttributes.containerId.key], 'c1');
  assert.ok(!('body' in record));
});

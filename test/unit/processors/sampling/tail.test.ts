import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplingCounters } from '../../../../src/processors/sampling/emits.ts';
import { maxFindings } from '../../../../src/processors/sampling/findings.ts';
import { findingAttributes, findingEventName } from '../../../../src/telemetry/attributes/finding.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { itemCount } from '../../../../src/telemetry/batch.ts';
import { event } from '../../../../src/telemetry/logs.ts';
import { interval } from '../../batch-with.ts';
import { fixture, recordsOf, waits, workloadResource } from './fixture.ts';

/** Drops all but one in a million. */
const others = { probabilistic: { percentage: 0.0001 } };
const underFinding = { ...others, tail: { under_finding: true } };

const finding = (workload: string, state: string, id = 'f1') =>
  event(
    { name: findingEventName },
    {
      resource: workloadResource(workload),
      ...{ at: interval.end, observed: interval.end },
      attributes: { [findingAttributes.id.key]: id, [findingAttributes.state.key]: state },
    },
  );

const wait = (workload: string) => waits({ wait: 0.01, workload });

test('a wait at least so long is kept with the weight it has, as the same object', async () => {
  const { processor, counted } = await fixture({ ...others, tail: { min_wait: '100ms' } });
  const batch = waits({ wait: 0.1, weight: 4 }, { wait: 0.099 }, { wait: 2 });
  const kept = recordsOf(processor.process(batch));
  assert.deepEqual(kept, [recordsOf(batch)[0], recordsOf(batch)[2]]);
  assert.equal(kept[0], recordsOf(batch)[0]);
  assert.deepEqual(counted(samplingCounters.kept), { min_wait: 2 });
});

test('a wait with one of the causes is kept', async () => {
  const { processor, counted } = await fixture({ ...others, tail: { causes: ['neighbor', 'throttled'] } });
  const made = ['neighbor', 'self', 'throttled'].map((cause) => ({
    wait: 0.01,
    attributes: { [waitAttributes.cause.key]: cause },
  }));
  assert.equal(itemCount(processor.process(waits(...made))), 2);
  assert.deepEqual(counted(samplingCounters.kept), { cause: 2 });
});

test('waits of a workload under a finding are kept from its begin to its end, and its events pass', async () => {
  const { processor, counted } = await fixture(underFinding);
  const passed = (...records: readonly ReturnType<typeof finding>[]) =>
    itemCount(processor.process({ signal: 'logs', records }));
  const kept = (workload: string) => itemCount(processor.process(wait(workload)));
  assert.equal(kept('web'), 0);
  assert.equal(passed(finding('web', 'begin')), 1);
  assert.deepEqual([kept('web'), kept('db')], [1, 0]);
  assert.equal(passed(finding('web', 'escalate'), finding('web', 'begin', 'f2')), 2);
  assert.equal(passed(finding('web', 'end')), 1);
  assert.equal(kept('web'), 1, 'the other one goes on');
  assert.equal(passed(finding('web', 'end', 'f2')), 1);
  assert.equal(kept('web'), 0);
  assert.equal(passed(finding('web', 'end', 'f3')), 1, 'its begin did not pass');
  assert.deepEqual(counted(samplingCounters.kept), { no_wait: 6, finding: 2 });
  assert.deepEqual(counted(samplingCounters.findings), { '': 0 });
});

test('findings of one pipeline hold for waits of another', async () => {
  const one = await fixture(underFinding);
  const two = await fixture(underFinding, { like: one.host });
  one.processor.process({ signal: 'logs', records: [finding('web', 'repeat')] });
  assert.equal(itemCount(two.processor.process(wait('web'))), 1);
});

test('beyond the bound the finding without an event for longest is forgotten and counted', async () => {
  const { processor, counted } = await fixture(underFinding);
  const begun = Array.from({ length: maxFindings + 1 }, (_, i) =>
    finding(`w${i % 50}x${i}`, 'begin', String(i)),
  );
  processor.process({ signal: 'logs', records: begun });
  assert.equal(itemCount(processor.process(wait('w0x0'))), 0);
  assert.equal(itemCount(processor.process(wait('w1x1'))), 1);
  assert.deepEqual(counted(samplingCounters.findingsForgotten), { '': 1 });
  assert.deepEqual(counted(samplingCounters.findings), { '': maxFindings });
});

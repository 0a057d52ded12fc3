import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataPointType } from '@opentelemetry/sdk-metrics';
import type { Receiver } from '../../src/component.ts';
import { systemClock } from '../../src/machine/clock.ts';
import { receiveFrom } from '../../src/receivers/scheduler/receiver.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import type { Batch } from '../../src/telemetry/batch.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import { nanoseconds } from '../../src/telemetry/units.ts';
import { stopProcess, untilThreads } from '../lab/threads.ts';
import {
  covers,
  totalWeight,
  type Weighted,
  weightedQuantile,
  weightedTotal,
} from '../lab/weighted-estimates.ts';
import { fakeHost } from '../unit/fake-host.ts';
import { fixture, weightedIn } from '../unit/processors/sampling/fixture.ts';
import { settings } from '../unit/receivers/scheduler/scheduler-receiver-fixture.ts';
import { attach } from './attach.ts';
import { endLoad, longestLoad, makeCgroup, spin, startIn, type TestCgroup } from './scheduler-fixture.ts';

/** Single waits of a load behind the processor `sampling`, against the receiver's own histogram of all of them. */

const threads = 4 * availableParallelism();
/** The ring takes some 1,300 events in this time. */
const drainEvery = 50;

interface Recorded {
  /** In the order in which they came. */
  readonly batches: readonly Batch[];
  /** Waits at most that are in the histogram without an event: those of switches of which the kernel told nothing. */
  readonly recovered: number;
  /** From `earshot.wait.duration`. */
  readonly count: number;
  readonly total: number;
}

/** All that the receiver `scheduler` yields of a load, from the first wait to the last. */
async function record(cgroup: TestCgroup, eventRate: number): Promise<Recorded> {
  const load = startIn(cgroup, spin(longestLoad, threads));
  try {
    await untilThreads(load.pid, threads);
    await stopProcess(load.pid);
    const { host } = fakeHost('scheduler');
    const receiver = receiveFrom(
      attach({ minWait: nanoseconds(1000), sample: 1, eventRate }),
      { ...settings, measure_cost: nanoseconds(0) },
      { host: { ...host, clock: systemClock }, cgroups: { path: () => undefined } },
    );
    await collect(receiver, 'events');
    const batches: Batch[] = [];
    load.signal('SIGCONT');
    for (const end = performance.now() + 4000; performance.now() < end; await sleep(drainEvery))
      batches.push(...(await collect(receiver, 'events')));
    await stopProcess(load.pid);
    batches.push(...(await collect(receiver, 'events')));
    const histogram = histogramOf(await collect(receiver, 'metrics'), cgroup);
    const counted = host.counters.read();
    const of = (...reasons: readonly string[]) =>
      counted
        .filter(({ attributes: { reason = '' } }) => reasons.includes(reason))
        .reduce((sum, { value }) => sum + value, 0);
    assert.equal(of('ring_full', 'event_refused'), 0, 'the ring had room for all');
    return {
      batches: batches.map((batch) => onlyOf(batch, cgroup)),
      recovered: of('switch_missed'),
      ...histogram,
    };
  } finally {
    await endLoad(load);
  }
}

async function collect(receiver: Receiver, name: string): Promise<readonly Batch[]> {
  return receiver.pulls?.find((pull) => pull.name === name)?.collect() ?? assert.fail(name);
}

const isOf = (resource: { readonly attributes: object }, { id }: TestCgroup) =>
  Object.entries(resource.attributes).some(
    ([key, value]) => key === resourceAttributes.cgroupId.key && value === String(id),
  );

function onlyOf(batch: Batch, cgroup: TestCgroup): Batch {
  assert.ok(batch.signal === 'logs');
  return { ...batch, records: batch.records.filter(({ resource }) => isOf(resource, cgroup)) };
}

function histogramOf([batch]: readonly Batch[], cgroup: TestCgroup) {
  assert.ok(batch?.signal === 'metrics');
  const metric = batch.resourceMetrics
    .find(({ resource }) => isOf(resource, cgroup))
    ?.scopeMetrics.flatMap(({ metrics }) => metrics)
    .find(({ descriptor }) => descriptor.name === waitMetrics.waitDuration.name);
  assert.ok(metric?.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM);
  const [{ value } = assert.fail('no point')] = metric.dataPoints;
  return { count: value.count, total: value.sum ?? assert.fail('no sum') };
}

/** What comes out of the processor, with time as it was when the batches came. */
async function sampled({ batches }: Recorded, written: object, seed: number): Promise<readonly Weighted[]> {
  const { processor, pass, pull, flush } = await fixture(written, { seed });
  const passed: Batch[] = [];
  for (const [at, batch] of batches.entries()) {
    passed.push(processor.process(batch));
    pass(drainEvery / 1000);
    if (at % 20 === 19) passed.push(...(await pull()));
  }
  return weightedIn([...passed, ...flush()]);
}

const rateLimit = { rate_limit: { events_per_second: 50, per: 'workload_and_cpu' } };
const reservoir = { reservoir: { longest: 20, bands_per_doubling: 1 } };
/** As docs/SAMPLING.md states: of a rate limit in confidence, of a reservoir always, by a band, which is a doubling here. */
const modes: readonly [written: object, covers: typeof covers, least: number][] = [
  [rateLimit, covers, 0.9],
  [reservoir, ({ value }, truth) => value > truth / 2 && value < truth * 2, 1],
];
const draws = 100;
const parts = [0.5, 0.9] as const;

test('weighted waits behind `sampling` agree with the histogram of all waits', async (context) => {
  const recorded = await record(makeCgroup('sampled'), 5000);
  const { count, total, recovered } = recorded;
  const all = weightedIn(recorded.batches);
  const missing = count - totalWeight(all);
  context.diagnostic(`${all.length} events of ${count} waits, ${recovered} recovered`);
  assert.ok(missing >= 0 && missing <= recovered, `${missing} waits without an event`);
  assert.ok(count > 500 && missing < count / 20, `${missing} of ${count} waits without an event`);
  const truth = all.reduce((sum, { value, weight }) => sum + value * weight, 0);
  const longest = Math.max(...all.map(({ value }) => value));
  const off = total - truth;
  assert.ok(off > -1e-6 && off <= missing * longest + 1e-6, `${truth} s, in the histogram ${total} s`);
  for (const [written, coversQuantile, least] of modes) {
    const name = Object.keys(written).join();
    const covered = { total: 0, 0.5: 0, 0.9: 0 };
    let kept = 0;
    for (let seed = 0; seed < draws; seed++) {
      const sample = await sampled(recorded, written, seed);
      kept += sample.length / all.length / draws;
      assert.equal(totalWeight(sample) + missing, count);
      covered.total += Number(covers(weightedTotal(sample, 'conserved'), truth));
      for (const part of parts)
        covered[part] += Number(
          coversQuantile(weightedQuantile(sample, part), weightedQuantile(all, part).value),
        );
    }
    context.diagnostic(`${name}: ${(kept * 100).toFixed(1)} % kept, covered ${JSON.stringify(covered)}`);
    assert.ok(kept < 0.5, `${name}: ${kept} kept`);
    assert.ok(covered.total >= 0.9 * draws, `${name}: the total is covered by ${covered.total} of ${draws}`);
    for (const part of parts)
      assert.ok(covered[part] >= least * draws, `${name}: quantile ${part} by ${covered[part]} of ${draws}`);
  }
});

test("the weight of the kernel side's own limit is kept", async (context) => {
  const recorded = await record(makeCgroup('sampled-twice'), 20);
  const all = weightedIn(recorded.batches);
  const weight = totalWeight(all);
  context.diagnostic(`${all.length} events for ${weight} of ${recorded.count} waits`);
  assert.ok(all.length < recorded.count / 2, 'most have no event');
  // those since the last event of a CPU are on none yet
  assert.ok(
    weight <= recorded.count && weight > 0.9 * (recorded.count - recorded.recovered),
    `${weight} of ${recorded.count}`,
  );
  for (const [written] of modes) assert.equal(totalWeight(await sampled(recorded, written, 1)), weight);
});

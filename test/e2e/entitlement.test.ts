import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../src/telemetry/attributes/wait.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import {
  makeCgroup,
  removeCgroups,
  runIn,
  spin,
  type TestCgroup,
  version,
} from '../kernel/scheduler-fixture.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';
import { sumBy, total } from '../lab/otlp-sums.ts';
import { type Agent, startAgent } from './agent.ts';

/** Two cgroups on one CPU: what the kernel gave to each by their weights, and how much of the blame is excess. */

const cpu = availableParallelism() - 1;
/** Of the blame: other load on the CPU, and slices that end in another interval than they ran. */
const tolerance = 0.05;

function makeWeighted(name: string, weight: number): TestCgroup {
  const cgroup = makeCgroup(name);
  const [file, value] = version === 2 ? ['cpu.weight', weight] : ['cpu.shares', (weight * 1024) / 100];
  writeFileSync(join(cgroup.directory, file), String(value));
  return cgroup;
}

describe('entitlement of two cgroups on one CPU', () => {
  const sleeper = makeWeighted('sleeper', 100);
  const hog = makeWeighted('hog', 100);
  const one = makeWeighted('one', 100);
  const many = makeWeighted('many', 100);
  const light = makeWeighted('light', 100);
  const heavy = makeWeighted('heavy', 1000);
  let backend: OtlpReceiver;
  let agent: Agent;

  before(async () => {
    backend = await startOtlpReceiver();
    agent = startAgent(`
receivers:
  scheduler:
    interval: 2s
processors:
  workload: {sources: []}
  contention:
exporters:
  otlp_grpc: {endpoint: "http://${backend.endpoint}", temporality: delta}
service:
  pipelines:
    metrics: {receivers: [scheduler], processors: [workload, contention], exporters: [otlp_grpc]}
`);
    await agent.logged('Everything is ready');
    await Promise.all([runIn(hog, spin(4, 4), cpu), runIn(sleeper, spin(4, 1, 10_000, 40_000), cpu)]);
    await Promise.all([runIn(many, spin(4, 8), cpu), runIn(one, spin(4, 1), cpu)]);
    await Promise.all([runIn(light, spin(4, 1), cpu), runIn(heavy, spin(4, 1), cpu)]);
    assert.equal(await agent.stop(), 0);
  });

  after(async () => {
    await agent?.stop('SIGKILL');
    await backend?.close();
    await removeCgroups();
  });

  const of = ({ id }: TestCgroup) =>
    backend
      .metrics()
      .flatMap(({ resources }) => resources)
      .filter(({ resource }) => resource[resourceAttributes.cgroupId.key] === String(id));
  const between = (victim: TestCgroup, culprit: TestCgroup) => {
    const timeOf = ({ name }: { readonly name: string }) =>
      sumBy(of(victim), name, culpritAttributes.cgroupId.key).get(String(culprit.id)) ?? 0;
    return { blame: timeOf(waitMetrics.blameTime), excess: timeOf(waitMetrics.excessTime) };
  };
  const sumOf = (workload: TestCgroup, { name }: { readonly name: string }) =>
    total(sumBy(of(workload), name, waitAttributes.cause.key));
  /** How far from what its weight gives it the kernel let the first of two run, as a part of what the second ran. */
  const unfairness = (first: TestCgroup, second: TestCgroup, part: number) =>
    Math.max(0, (first.ran() + second.ran()) * part - first.ran()) / second.ran();

  test('what a sleeper waits behind a hog is excess, and what the hog waits behind the sleeper is not', () => {
    const { blame, excess } = between(sleeper, hog);
    assert.ok(blame > 0.05, `only ${blame} s of waiting`);
    assert.ok(excess > (1 - tolerance) * blame, `${excess} of ${blame} s`);
    const back = between(hog, sleeper);
    assert.ok(back.blame > 0.1, `only ${back.blame} s of waiting`);
    assert.ok(back.excess < tolerance * back.blame, `${back.excess} of ${back.blame} s`);
  });

  test('the offence of each is the excess that all its victims wait for', () => {
    const all = backend.metrics().flatMap(({ resources }) => resources);
    const excess = sumBy(all, waitMetrics.excessTime.name, culpritAttributes.cgroupId.key);
    for (const culprit of [hog, many, heavy]) {
      const offence = sumOf(culprit, waitMetrics.offenceTime);
      assert.ok(Math.abs(offence - (excess.get(String(culprit.id)) ?? 0)) < 1e-9, culprit.path);
    }
    assert.ok(sumOf(hog, waitMetrics.offenceTime) > 0);
  });

  test('eight threads are entitled to as much as one: neither has an excess', () => {
    for (const [victim, culprit] of [
      [one, many],
      [many, one],
    ] as const) {
      const { blame, excess } = between(victim, culprit);
      assert.ok(blame > 1, `only ${blame} s of waiting`);
      const most = unfairness(victim, culprit, 1 / 2) + tolerance;
      assert.ok(excess < most * blame, `${excess} of ${blame} s, at most ${most}`);
    }
  });

  test('a cgroup of ten times the weight is entitled to ten times the CPU', () => {
    assert.ok(heavy.ran() > 5 * light.ran(), 'the kernel has not weighed them');
    for (const [victim, culprit, part] of [
      [light, heavy, 1 / 11],
      [heavy, light, 10 / 11],
    ] as const) {
      const { blame, excess } = between(victim, culprit);
      assert.ok(blame > 0.1, `only ${blame} s of waiting`);
      const most = unfairness(victim, culprit, part) + tolerance;
      assert.ok(excess < most * blame, `${excess} of ${blame} s, at most ${most}`);
    }
    assert.ok(sumOf(light, waitMetrics.entitledTime) > 2);
  });
});

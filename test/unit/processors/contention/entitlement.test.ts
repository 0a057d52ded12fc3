import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregationTemporality, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { resource, resourceMetrics, sum } from '../../../../src/telemetry/metrics/build.ts';
import { findSum } from '../../../../src/telemetry/metrics/find.ts';
import { judgedMetrics, waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { hrTime } from '../../../../src/telemetry/units.ts';
import { interval } from './fixture.ts';
import { judgementIn, machine, resourcesOf, second, type Workload } from './machine.ts';

const metricsOf = ({ scopeMetrics }: ResourceMetrics) => scopeMetrics.flatMap(({ metrics }) => metrics);
const names = new Set<string>(Object.values(judgedMetrics).map(({ name }) => name));
const isJudged = ({ descriptor }: MetricData) => names.has(descriptor.name);

const sleeperAndHog: readonly Workload[] = [
  { path: '/v', ran: 1 * second, blames: { '/c': 0.8 * second } },
  { path: '/c', ran: 9 * second },
  { path: '/d', ran: 1 * second },
];

test('excess has the attributes of the blame, offence none; both are deltas of the interval', async () => {
  const { process } = await machine({ '/v': 100, '/c': 100 });
  const [victim = [], culprit = [], bystander = []] = process(resourcesOf(sleeperAndHog)).map(metricsOf);
  const times = { startTime: hrTime(interval.start), endTime: hrTime(interval.end) };
  const excess = findSum(victim, judgedMetrics.excessTime);
  assert.deepEqual(excess?.dataPoints, [
    {
      ...times,
      value: 0.8,
      attributes: {
        [waitAttributes.cause.key]: 'neighbor',
        [culpritAttributes.cgroupId.key]: '/c',
        [culpritAttributes.cgroupPath.key]: '/c',
      },
    },
  ]);
  const offence = findSum(culprit, judgedMetrics.offenceTime);
  assert.deepEqual(offence?.dataPoints, [{ ...times, value: 0.8, attributes: {} }]);
  for (const metric of [excess, offence]) {
    assert.equal(metric?.aggregationTemporality, AggregationTemporality.DELTA);
    assert.equal(metric?.isMonotonic, true);
  }
  assert.deepEqual([...victim, ...culprit, ...bystander].filter(isJudged).length, 2);
});

test('a second processor of its kind claims nothing again', async () => {
  const { process } = await machine({ '/v': 100, '/c': 100 });
  const once = process(resourcesOf(sleeperAndHog));
  assert.deepEqual(judgementIn(process(once)), judgementIn(once));
  assert.deepEqual(process(once).flatMap(metricsOf).filter(isJudged).length, 2);
});

test('a batch without blame passes unchanged', async () => {
  const { process } = await machine({});
  const before = [
    resourceMetrics(resource({ [resourceAttributes.cgroupId.key]: '/v' }), [
      sum(waitMetrics.runTime, interval, [{ value: 1 }]),
    ]),
  ];
  assert.deepEqual(process(before), before);
});

test('kernel threads, quotas and what has no cause are no offenders', async () => {
  const { judge, unjudged } = await machine({ '/v': 100, '/c': 100 });
  for (const cause of ['kernel', 'throttled', 'throttled_ancestor', 'unknown', 'self'] as const)
    assert.deepEqual(judge(sleeperAndHog, cause), { excess: {}, entitled: {}, offences: {} }, cause);
  assert.deepEqual(unjudged(), {});
});

// --- any reading

const paths = ['/a', '/a/x', '/a/y', '/b/x', '/b/y', '/b/z/w', '/c', '/d', '/'] as const;
const levels = [...paths, '/b', '/b/z'];
const anyTime = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 100 }),
  fc.integer({ min: 0, max: 40 * second }),
);
const anyWorkload = (path: string): fc.Arbitrary<Workload> =>
  fc.record(
    {
      path: fc.constant(path),
      ran: anyTime,
      waitedForSelf: anyTime,
      blames: fc.dictionary(fc.constantFrom(...paths.filter((other) => other !== path), 'other'), anyTime),
      request: fc.double({ min: 0, max: 8, noNaN: true }),
      limit: fc.double({ min: 0, max: 8, noNaN: true }),
      is: fc.constantFrom('excluded', 'nameless'),
    },
    { requiredKeys: ['path', 'ran'] },
  );
const anyReading = fc.tuple(...paths.map(anyWorkload));
const anyWeights = fc.dictionary(
  fc.constantFrom(...levels),
  fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.constant('none' as const)),
);

const sumOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

test('offences sum to the excess of all victims, and both parts and the unknown to the blame, to the nanosecond', async () => {
  await fc.assert(
    fc.asyncProperty(anyReading, anyWeights, async (reading, weights) => {
      const { judge, unjudged } = await machine(weights);
      const { excess, entitled, offences } = judge(reading);
      const offended = sumOf(Object.values(excess).flatMap(Object.values));
      assert.equal(offended, sumOf(Object.values(offences)));
      const blamed = reading
        .filter(({ is }) => is !== 'excluded')
        .map(({ blames = {} }) => sumOf(Object.values(blames)));
      const unknown = sumOf(Object.values(unjudged()));
      assert.equal(offended + sumOf(Object.values(entitled)) + unknown, sumOf(blamed));
      for (const { path, blames = {} } of reading)
        for (const [culprit, time] of Object.entries(excess[path] ?? {})) {
          assert.ok(Number.isInteger(time) && time > 0, `${time} ns`);
          assert.ok(time <= (blames[culprit] ?? 0), `${time} of ${blames[culprit]} ns`);
        }
    }),
    { numRuns: 500 },
  );
});

test('of one victim, excess and what was entitled sum to the blame where all is known', async () => {
  const { judge } = await machine(Object.fromEntries(levels.map((path, i) => [path, 1 + i * 100])));
  fc.assert(
    fc.property(anyReading, (reading) => {
      const known = reading.filter(({ path }) => path !== '/' && path !== '/a');
      const all = known.map(({ path, ran = 0, blames = {} }) => ({
        ...{ path, ran },
        blames: Object.fromEntries(
          Object.entries(blames).filter(([culprit]) => known.some((of) => of.path === culprit)),
        ),
      }));
      const { excess, entitled } = judge(all);
      for (const { path, blames } of all)
        assert.equal(
          sumOf(Object.values(excess[path] ?? {})) + (entitled[path] ?? 0),
          sumOf(Object.values(blames)),
        );
    }),
  );
});

test('all other metrics are the same with shares as without: causes still sum to the wait', async () => {
  await fc.assert(
    fc.asyncProperty(anyReading, anyWeights, async (reading, weights) => {
      const [known, unknown] = await Promise.all([machine(weights), machine({})]);
      const before = resourcesOf(reading);
      const [after, plain] = [known, unknown].map(({ process }) =>
        process(before).map((of) => [of.resource, metricsOf(of).filter((metric) => !isJudged(metric))]),
      );
      assert.deepEqual(after, plain);
    }),
  );
});

const anyPair = fc.record({ victim: anyTime, culprit: anyTime, threads: fc.integer({ min: 1, max: 100 }) });

test('a culprit that ran no longer than its victim, of equal weight, is no offender', async () => {
  const { judge } = await machine({ '/v': 100, '/c': 100 });
  fc.assert(
    fc.property(anyPair, ({ victim, culprit, threads }) => {
      const [less, more] = [Math.min(victim, culprit), Math.max(victim, culprit)];
      const { excess } = judge([
        { path: '/v', ran: more, waitedForSelf: threads * more, blames: { '/c': threads * less } },
        { path: '/c', ran: less, blames: { '/v': more } },
      ]);
      assert.equal(excess['/v'], undefined);
    }),
  );
});

// --- one CPU of which the scheduler gave each what its weights say

const leaves = ['/a/x', '/a/y', '/b/x', '/b/z/w', '/c'] as const;
const groups = [...leaves, '/a', '/b', '/b/z'] as const;
const above = (path: string) => path.slice(0, path.lastIndexOf('/'));
const timesOf = (of: readonly number[]) => Object.fromEntries(leaves.map((path, i) => [path, of[i] ?? 0]));

/** Each spins with so many threads, all of which wait while another runs. */
function fairReading(weights: Readonly<Record<string, number>>, threads: Readonly<Record<string, number>>) {
  /** The product of its part among siblings at each level. */
  const part = (path: string): number =>
    path === ''
      ? 1
      : (part(above(path)) * (weights[path] ?? 0)) /
        sumOf(groups.filter((of) => above(of) === above(path)).map((of) => weights[of] ?? 0));
  const ran = timesOf(leaves.map((path) => Math.round(part(path) * 10 * second)));
  return leaves.map((path) => {
    const during = (other: string) => (threads[path] ?? 0) * (ran[other] ?? 0);
    const others = leaves.filter((other) => other !== path);
    return {
      ...{ path, ran: ran[path] ?? 0, waitedForSelf: during(path) },
      blames: Object.fromEntries(others.map((other) => [other, during(other)])),
    };
  });
}

test('where weights alone decided nothing is excess, however many threads waited and whatever is not known', async () => {
  const anyParts = fc.record({
    weights: fc.tuple(...groups.map(() => fc.integer({ min: 1, max: 10_000 }))),
    threads: fc.tuple(...leaves.map(() => fc.integer({ min: 1, max: 100 }))),
    excluded: fc.subarray([...leaves]),
    unread: fc.subarray([...groups]),
  });
  let isAnyDivided = false;
  await fc.assert(
    fc.asyncProperty(anyParts, async ({ weights, threads, excluded, unread }) => {
      const weightOf = Object.fromEntries(groups.map((path, i) => [path, weights[i] ?? 0]));
      const reading = fairReading(weightOf, timesOf(threads)).map((of) =>
        excluded.includes(of.path) ? { ...of, is: 'excluded' as const } : of,
      );
      const read = Object.entries(weightOf).filter(([path]) => !unread.some((of) => of === path));
      const { excess, entitled } = (await machine(Object.fromEntries(read))).judge(reading);
      isAnyDivided ||= Object.keys(entitled).length > 0;
      const rounding = leaves.length * Math.max(...threads);
      for (const time of Object.values(excess).flatMap(Object.values))
        assert.ok(time <= rounding, `${time} ns`);
    }),
    { numRuns: 300 },
  );
  assert.ok(isAnyDivided);
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import {
  endLoad,
  type Load,
  longestLoad,
  makeCgroup,
  removeCgroups,
  spin,
  startIn,
  type TestCgroup,
} from '../kernel/scheduler-fixture.ts';
import type { ReceivedPoint } from '../lab/otlp-decode.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';
import { type Agent, startAgent } from './agent.ts';

/** One agent is replaced by the next while a load runs: nothing is reported twice, and only the gap is missing. */

const second = 1_000_000_000;
/** On one CPU: some 10 µs a switch of other clocks. */
const slack = 0.02 * second;
/** Slices that have not ended at both ends of the gap: a thread alone on its CPU is switched only some times a second. */
const unfinished = 0.5 * second;

interface Replacement {
  readonly cgroup: TestCgroup;
  readonly delta: OtlpReceiver;
  readonly cumulative: OtlpReceiver;
  /** Points of the first agent; those behind are the second one's. */
  readonly ofFirst: { readonly delta: number; readonly cumulative: number };
  /** End of the first one's last interval. */
  readonly until: bigint | undefined;
  readonly ran: number;
  /** What the cgroup had run by the kernel's account, sampled through the replacement. */
  readonly samples: readonly { readonly at: bigint; readonly ran: number }[];
  /** Of an agent started while the first ran. */
  readonly refused?: { readonly code: number | null; readonly errors: string };
}

const agents: Agent[] = [];
const receivers: OtlpReceiver[] = [];
const loads: Load[] = [];

after(async () => {
  for (const agent of agents) await agent.stop('SIGKILL');
  for (const receiver of receivers) await receiver.close();
  await Promise.all(loads.map(endLoad));
  await removeCgroups();
});

function start(delta: OtlpReceiver, cumulative: OtlpReceiver): Agent {
  const agent = startAgent(`receivers:
  scheduler:
    interval: 300ms
exporters:
  otlp_grpc/delta: {endpoint: "http://${delta.endpoint}", temporality: delta}
  otlp_grpc/cumulative: {endpoint: "http://${cumulative.endpoint}"}
service:
  pipelines:
    metrics: {receivers: [scheduler], exporters: [otlp_grpc/delta, otlp_grpc/cumulative]}
`);
  agents.push(agent);
  return agent;
}

/** The load begins after the first agent, and ends when the second has reported it three times. */
async function replace(signal: NodeJS.Signals, isHasty: boolean): Promise<Replacement> {
  const [delta, cumulative] = [await startOtlpReceiver(), await startOtlpReceiver()];
  receivers.push(delta, cumulative);
  const cgroup = makeCgroup(`upgrade-${signal}`);
  const points = (of: OtlpReceiver) => runTime(of, cgroup).length;
  const first = start(delta, cumulative);
  await first.logged('Everything is ready');
  const samples: { at: bigint; ran: number }[] = [];
  const sampler = setInterval(() => {
    const ran = cgroup.ran();
    samples.push({ at: BigInt(Date.now()) * 1_000_000n, ran });
  }, 20);
  const load = startIn(cgroup, spin(longestLoad, 1), 0);
  loads.push(load);
  const ended = load.ended.finally(() => clearInterval(sampler));
  // Each agent has reported half of what has to be there in the end, which takes longer beside other work.
  const reported = (from = 0) => sum(runTime(delta, cgroup).slice(from)) > 0.6 * second;
  await delta.until(() => points(delta) >= 3 && reported());
  await cumulative.until(() => points(cumulative) >= 3);
  let refused: Replacement['refused'];
  if (isHasty) {
    const hasty = start(delta, cumulative);
    const code = await new Promise<number | null>((resolve) => hasty.process.on('exit', resolve));
    refused = { code, errors: hasty.errors() };
    const seen = points(delta);
    await delta.until(() => points(delta) >= seen + 3);
  }
  const code = await first.stop(signal);
  assert.equal(code, signal === 'SIGKILL' ? null : 0);
  await sleep(100); // what it sent last has arrived
  const ofFirst = { delta: points(delta), cumulative: points(cumulative) };
  const until = intervalsOf(delta).at(-1)?.time;
  const next = start(delta, cumulative);
  await next.logged('Everything is ready');
  await delta.until(() => points(delta) >= ofFirst.delta + 3 && reported(ofFirst.delta));
  await cumulative.until(() => points(cumulative) >= ofFirst.cumulative + 3);
  load.signal('SIGTERM');
  await ended;
  const ran = cgroup.ran();
  await sleep(50);
  assert.equal(await next.stop(), 0);
  return { cgroup, delta, cumulative, ofFirst, until, ran, samples, ...(refused && { refused }) };
}

/** In order of arrival. */
function runTime(from: OtlpReceiver, { id }: TestCgroup): readonly ReceivedPoint[] {
  return from
    .metrics()
    .flatMap(({ resources }) => resources)
    .filter(({ resource }) => resource[resourceAttributes.cgroupId.key] === String(id))
    .flatMap(({ metrics }) => metrics)
    .filter(({ name }) => name === waitMetrics.runTime.name)
    .flatMap(({ points }) => points);
}

/** Of all points whatsoever, each once, in order: a cgroup that does not run has no point. */
function intervalsOf(from: OtlpReceiver): readonly { readonly start: bigint; readonly time: bigint }[] {
  const points = from
    .metrics()
    .flatMap(({ resources }) => resources)
    .flatMap(({ metrics }) => metrics)
    .flatMap((metric) => metric.points);
  const distinct = new Map(points.map(({ start, time }) => [`${start} ${time}`, { start, time }]));
  return [...distinct.values()].sort((a, b) => Number(a.start - b.start || a.time - b.time));
}

const ns = (point: ReceivedPoint) => Number(point.value) * second;
const sum = (points: readonly ReceivedPoint[]) => points.reduce((total, point) => total + ns(point), 0);

const outcomes = new Map<NodeJS.Signals, Replacement>();
before(async () => {
  outcomes.set('SIGTERM', await replace('SIGTERM', true));
  outcomes.set('SIGKILL', await replace('SIGKILL', false));
});

function outcomeOf(signal: NodeJS.Signals): Replacement {
  const outcome = outcomes.get(signal);
  assert.ok(outcome);
  return outcome;
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} and restart: intervals of both agents do not overlap`, () => {
    const { delta, until } = outcomeOf(signal);
    const intervals = intervalsOf(delta);
    const gaps = intervals.flatMap(({ start, time }, i) => {
      assert.ok(start < time);
      const before = intervals[i - 1]?.time ?? start;
      assert.ok(
        start >= before,
        `interval ${i} begins ${before - start} ns before the end of the one before`,
      );
      return start > before ? [before] : [];
    });
    assert.deepEqual(gaps, [until], 'the only gap is the one between the agents');
  });

  test(`${signal} and restart: no run time is counted twice, only the gap's is missing`, () => {
    const { cgroup, ran, samples, ofFirst, delta } = outcomeOf(signal);
    const points = runTime(delta, cgroup);
    const [from, to] = [points[ofFirst.delta - 1]?.time ?? 0n, points[ofFirst.delta]?.start ?? 0n];
    const ranBefore = samples.findLast(({ at }) => at < from)?.ran ?? 0;
    const missing = (samples.find(({ at }) => at > to)?.ran ?? ran) - ranBefore;
    const counted = sum(points);
    const figures = `${counted} ns of ${ran} ns, of which ${missing} ns in a gap of ${to - from} ns`;
    assert.ok(counted <= ran + slack, figures);
    assert.ok(counted >= ran - missing - unfinished - slack, figures);
    assert.ok(ran - missing > second, `${figures}: too little to show anything`);
  });

  test(`${signal} and restart: cumulative series start anew`, () => {
    const { cgroup, ran, ofFirst, delta, cumulative } = outcomeOf(signal);
    const points = runTime(cumulative, cgroup);
    const ofBoth = [points.slice(0, ofFirst.cumulative), points.slice(ofFirst.cumulative)];
    for (const points of ofBoth) {
      assert.ok(points.length >= 3);
      assert.equal(new Set(points.map(({ start }) => start)).size, 1, 'one start time');
      for (const [i, point] of points.entries()) assert.ok(ns(point) >= ns(points[i - 1] ?? point));
    }
    const [last, next] = [ofBoth[0]?.at(-1), ofBoth[1]?.[0]];
    assert.ok(last && next && next.start > last.time, 'the second begins after the first has ended');
    const total = sum(ofBoth.flatMap((points) => points.slice(-1)));
    assert.ok(total <= ran + slack, `${total} ns of ${ran} ns`);
    assert.ok(Math.abs(total - sum(runTime(delta, cgroup))) <= slack, 'the same as the deltas');
  });
}

test('an agent started beside a running one is refused, and the running one loses no data', () => {
  const { refused } = outcomeOf('SIGTERM');
  assert.equal(refused?.code, 1);
  assert.match(refused?.errors ?? '', /another earshot \(pid \d+\) is attached to this machine: stop it/);
  // the intervals of the first follow one another without a gap, as tested above
});

import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { CgroupFiles } from '../../../../src/cgroup/files/files.ts';
import { recordedWeights } from '../../../../src/cgroup/recorded-weights.ts';
import { contention } from '../../../../src/processors/contention/contention.ts';
import { blameUnjudged, contentionEmits } from '../../../../src/processors/contention/emits.ts';
import { culpritAttributes } from '../../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../../src/telemetry/attributes/resource.ts';
import { type Cause, waitAttributes } from '../../../../src/telemetry/attributes/wait.ts';
import { workloadAttributes } from '../../../../src/telemetry/attributes/workload.ts';
import type { Instrument } from '../../../../src/telemetry/emits.ts';
import { resource, resourceMetrics, sum } from '../../../../src/telemetry/metrics/build.ts';
import { findSum } from '../../../../src/telemetry/metrics/find.ts';
import { judgedMetrics, waitMetrics } from '../../../../src/telemetry/metrics/wait.ts';
import { FakeCgroups } from '../../fake-cgroups.ts';
import { fakeHost } from '../../fake-host.ts';
import { interval } from './fixture.ts';

/** A workload of one reading; its id is its path. Times in ns. */
export interface Workload {
  readonly path: string;
  readonly ran?: number;
  readonly waitedForSelf?: number;
  /** By path of the culprit. */
  readonly blames?: Readonly<Record<string, number>>;
  /** Likewise, of other cgroups of the same workload. */
  readonly ownBlames?: Readonly<Record<string, number>>;
  readonly request?: number;
  readonly limit?: number;
  /** The processor `workload` left it out, or it is another machine's, or nothing knows its path. */
  readonly is?: 'excluded' | 'recorded' | 'nameless';
}

export const recordedTitle = 'of another machine';

export const second = 1e9;
const toSeconds = (ns: number) => ns / second;

/** The reading as `workload` names it: parts of waits are already of causes, as if in one pod or in several. */
export function resourcesOf(workloads: readonly Workload[], cause: Cause = 'neighbor'): ResourceMetrics[] {
  return workloads.filter(({ is }) => is !== 'excluded').map((of) => resourceOf(of, cause));
}

const sumOf = (times: Readonly<Record<string, number>>) => Object.values(times).reduce((a, b) => a + b, 0);

const blameOf = (culprit: string, { time, cause }: { readonly time: number; readonly cause: Cause }) => ({
  value: toSeconds(time),
  attributes: {
    [waitAttributes.cause.key]: cause,
    [culpritAttributes.cgroupId.key]: culprit,
    ...(culprit.startsWith('/') && { [culpritAttributes.cgroupPath.key]: culprit }),
  },
});

function resourceOf(of: Workload, cause: Cause): ResourceMetrics {
  const { path, ran = 0, waitedForSelf = 0, blames = {}, ownBlames = {}, request, limit, is } = of;
  const blame = [
    ...Object.entries(blames).map(([culprit, time]) => blameOf(culprit, { time, cause })),
    ...Object.entries(ownBlames).map(([culprit, time]) => blameOf(culprit, { time, cause: 'self' })),
  ];
  const waits = [
    {
      value: toSeconds(waitedForSelf + sumOf(ownBlames)),
      attributes: { [waitAttributes.cause.key]: 'self' },
    },
    { value: toSeconds(sumOf(blames)), attributes: { [waitAttributes.cause.key]: cause } },
  ];
  const attributes = {
    [resourceAttributes.cgroupId.key]: path,
    ...(is !== 'nameless' && { [resourceAttributes.cgroupPath.key]: path }),
    ...(is === 'recorded' && { [resourceAttributes.recording.key]: recordedTitle }),
    ...(request !== undefined && { [workloadAttributes.cpuRequest.key]: request }),
    ...(limit !== undefined && { [workloadAttributes.cpuLimit.key]: limit }),
  };
  return resourceMetrics(resource(attributes), [
    sum(waitMetrics.waitTime, interval, waits),
    sum(waitMetrics.blameTime, interval, blame),
    sum(waitMetrics.runTime, interval, [{ value: toSeconds(ran) }]),
  ]);
}

/** `contention` on a machine whose cgroups have these weights; a cgroup that is not listed has none that can be read. */
export async function machine(weights: Readonly<Record<string, number | 'none'>>) {
  const cgroups = new FakeCgroups();
  const weight: CgroupFiles['weight'] = (path) => weights[path];
  cgroups.files = { weight } as CgroupFiles; // nothing else is read
  const { host } = fakeHost('contention', contentionEmits, cgroups);
  const processor = await contention.open({}, host);
  const process = (before: readonly ResourceMetrics[]): readonly ResourceMetrics[] => {
    const batch = processor.process({ signal: 'metrics', resourceMetrics: before });
    return batch.signal === 'metrics' ? batch.resourceMetrics : [];
  };
  return {
    process,
    recorded: await host.use(recordedWeights),
    judge: (workloads: readonly Workload[], cause?: Cause) =>
      judgementIn(process(resourcesOf(workloads, cause))),
    /** Counted blame, ns, by reason. */
    unjudged: () =>
      Object.fromEntries(
        host.counters
          .read()
          .filter(({ metric }) => metric === blameUnjudged)
          .map(({ attributes, value }) => [attributes.reason, Math.round(value * second)]),
      ),
  };
}

/** In ns: excess by victim and culprit, what culprits were entitled to by victim, and offences by culprit. */
export function judgementIn(all: readonly ResourceMetrics[]) {
  const excess: Record<string, Record<string, number>> = {};
  const entitled: Record<string, number> = {};
  const offences: Record<string, number> = {};
  for (const { resource, scopeMetrics } of all) {
    const path = String(resource.attributes[resourceAttributes.cgroupId.key]);
    const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
    const points = (metric: Instrument) =>
      (findSum(metrics, metric)?.dataPoints ?? []).map(({ attributes, value }) => ({
        culprit: String(attributes[culpritAttributes.cgroupId.key]),
        time: Math.round(value * second),
      }));
    for (const { culprit, time } of points(judgedMetrics.excessTime))
      excess[path] = { ...excess[path], [culprit]: time };
    for (const { time } of points(judgedMetrics.entitledTime)) entitled[path] = time;
    for (const { time } of points(judgedMetrics.offenceTime)) offences[path] = time;
  }
  return { excess, entitled, offences };
}

import assert from 'node:assert/strict';
import { culpritAttributes } from '../../../src/telemetry/attributes/culprit.ts';
import { resourceAttributes } from '../../../src/telemetry/attributes/resource.ts';
import { waitAttributes } from '../../../src/telemetry/attributes/wait.ts';
import { waitMetrics } from '../../../src/telemetry/metrics/wait.ts';
import type { ReceivedMetrics } from '../../lab/otlp-decode.ts';
import type { OtlpReceiver } from '../../lab/otlp-receiver.ts';
import { sumBy } from '../../lab/otlp-sums.ts';
import type { NodeCgroup } from './node-cgroups.ts';

type Attributes = Readonly<Record<string, unknown>>;

/** What a backend received about cgroups. */
export class Reported {
  readonly #backend: OtlpReceiver;

  constructor(backend: OtlpReceiver) {
    this.#backend = backend;
  }

  of({ path }: NodeCgroup): readonly ReceivedMetrics[] {
    return this.#backend
      .metrics()
      .flatMap(({ resources }) => resources)
      .filter(({ resource }) => resource[resourceAttributes.cgroupPath.key] === path);
  }

  resource(cgroup: NodeCgroup): Attributes {
    const [first] = this.of(cgroup);
    assert.ok(first, `nothing of ${cgroup.path}`);
    return first.resource;
  }

  causes(cgroup: NodeCgroup): ReadonlyMap<unknown, number> {
    return sumBy(this.of(cgroup), waitMetrics.waitTime.name, waitAttributes.cause.key);
  }

  blame(waiting: NodeCgroup, culprit: NodeCgroup): number | undefined {
    return sumBy(this.of(waiting), waitMetrics.blameTime.name, culpritAttributes.cgroupPath.key).get(
      culprit.path,
    );
  }

  /** How the culprit is described where the time is blamed on it: the same at each point. */
  culprit(waiting: NodeCgroup, culprit: NodeCgroup): Attributes {
    const points = this.of(waiting)
      .flatMap(({ metrics }) => metrics)
      .filter(({ name }) => name === waitMetrics.blameTime.name)
      .flatMap((metric) => metric.points)
      .filter(({ attributes }) => attributes[culpritAttributes.cgroupPath.key] === culprit.path);
    const descriptions = new Map(points.map(({ attributes }) => [JSON.stringify(attributes), attributes]));
    const [first, ...others] = descriptions.values();
    assert.ok(first, `${culprit.path} is not named`);
    assert.deepEqual(others, [], 'one culprit, one description');
    return first;
  }

  /** Resolves when there is a point of each of the metrics from after that time (UNIX, ns). */
  async until(cgroup: NodeCgroup, after: bigint, metrics: readonly string[]): Promise<void> {
    const isReported = (metric: string) =>
      this.of(cgroup)
        .flatMap((received) => received.metrics)
        .some(({ name, points }) => name === metric && points.some(({ time }) => time > after));
    await this.#backend.until(() => metrics.every(isReported));
  }
}

import { cgroups as cgroupsRef } from '../../cgroup/cgroups.ts';
import type { Host, Processor, ProcessorComponent } from '../../component.ts';
import { type Identities, identities as identitiesRef, type OpenSource } from '../../identity/identities.ts';
import { type Batch, emptyBatch, itemCount, perSignal, type Signal } from '../../telemetry/batch.ts';
import type { CounterMetric } from '../../telemetry/emits.ts';
import { milliseconds } from '../../telemetry/units.ts';
import { type WorkloadConfig, workloadConfig, workloadProblems } from './config.ts';
import { createDescribe, type DescribeOptions } from './describe.ts';
import { workloadCounters, workloadEmits } from './emits.ts';
import { createExtract } from './extract.ts';
import { HoldQueue } from './hold-queue.ts';
import { keptAnnotations } from './kept-annotations.ts';
import { type NamingOptions, nameBatch } from './name-batch.ts';
import { type Reference, referencesIn } from './references.ts';
import { createResolver } from './resolve.ts';
import { openScope, type Scope } from './scope.ts';
import { createSelection } from './selection.ts';

/** Adds the workload's attributes to each cgroup id, of resources and of culprits alike, in any receiver's data. */
export const workload: ProcessorComponent<typeof workloadConfig> = {
  kind: 'processor',
  type: 'workload',
  summary:
    'Turns cgroup ids into workloads: container, pod, owner, systemd unit, or unknown; and selects the workloads to report.',
  stability: { metrics: 'beta', logs: 'beta', traces: 'alpha', profiles: 'development' },
  config: workloadConfig,
  uses: [cgroupsRef],
  emits: workloadEmits,
  check: workloadProblems,
  open: (config, host) => openWorkload(config, host),
};

/** With the sources of this machine, or with others. */
export async function openWorkload(
  config: WorkloadConfig,
  host: Host,
  openSource?: OpenSource,
): Promise<Processor> {
  const scope = openScope(config, await host.use(cgroupsRef));
  const identities = await host.use(identitiesRef, {
    key: host.id,
    settings: { config, hold: config.hold, keepAnnotation: keptAnnotations(config), openSource },
  });
  return createProcessor(identities, { config, scope, host });
}

/** How often held batches are looked at. */
const pullEvery = milliseconds(250);

interface ProcessorOptions {
  readonly config: WorkloadConfig;
  readonly scope: Scope;
  readonly host: Host;
}

function createProcessor(identities: Identities, { config, scope, host }: ProcessorOptions): Processor {
  const count = (metric: CounterMetric, items: number, attributes: Readonly<Record<string, string>> = {}) =>
    host.counters.add(metric, items, { component: host.id, ...attributes });
  const exclude = createSelection(config);
  const resolver = createResolver(identities, createDescribe(describeOptions(config)));
  const naming = (signal: Signal): NamingOptions => ({
    resolver,
    scope,
    exclude,
    onIdentified: (role, outcome, items) =>
      count(workloadCounters.identified, items, { signal, role, outcome }),
    onExcluded: (reason, items) => count(workloadCounters.excluded, items, { signal, reason }),
  });
  const namings = perSignal(naming);
  const named = (batch: Batch) => nameBatch(batch, namings[batch.signal]);
  const statusOf = ({ id, at }: Reference) => identities.nameStatus(id, at);
  const held = new HoldQueue<Batch, Reference>({
    hold: config.hold,
    limit: config.max_held,
    elapsed: () => host.clock.elapsed(),
    itemsIn: itemCount,
    missingIn: (batch) => referencesIn(batch).filter((reference) => statusOf(reference) === 'pending'),
    statusOf,
    onHold: (items) => count(workloadCounters.held, items),
    onRelease: (reason, items) => count(workloadCounters.released, items, { reason }),
  });
  return {
    pulls: [
      {
        name: 'held',
        every: pullEvery,
        collect: () => held.release().map(named),
      },
    ],
    process(batch) {
      const next = held.pass(batch);
      return next ? named(next) : emptyBatch(batch.signal);
    },
    flush: () => held.flush().map(named),
    close: async () => {},
  };
}

function describeOptions(config: WorkloadConfig): DescribeOptions {
  return {
    selected: createExtract(config.extract),
    useLabels: config.service_labels,
    withStartTime: config.pod_start_time,
    ...(config.cluster_name && { clusterName: config.cluster_name }),
    ...(config.node_name && { nodeName: config.node_name }),
  };
}

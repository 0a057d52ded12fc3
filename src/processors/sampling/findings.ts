import { type Closable, serviceRef } from '../../component.ts';
import { findingAttributes } from '../../telemetry/attributes/finding.ts';
import { samplingCounters } from './emits.ts';
import { RecentMap } from './recent-map.ts';
import type { Item } from './wait.ts';
import { workloadKey } from './workload-key.ts';

/** Workloads under a finding, as the events of findings tell that pass any processor `sampling`. */
export interface Findings extends Closable {
  /** Takes the event of a finding. */
  observe(event: Item): void;
  has(workload: string): boolean;
}

/** Findings that are remembered; beyond, the one without an event for the longest time is forgotten, and counted. */
export const maxFindings = 10_000;

/** One for all pipelines: findings may pass another one than the waits do. */
export const findings = serviceRef<Findings>({
  id: 'sampling_findings',
  open: async ({ counters }) => {
    const workloads = new RecentMap<string, string>(maxFindings);
    const open = new Map<string, number>();
    const add = (workload: string, by: 1 | -1) => {
      const left = (open.get(workload) ?? 0) + by;
      if (left > 0) open.set(workload, left);
      else open.delete(workload);
      counters.add(samplingCounters.findings, by);
    };
    return {
      observe({ resource, attributes }) {
        const workload = workloadKey(resource);
        const id = String(attributes[findingAttributes.id.key] ?? workload);
        const before = workloads.delete(id);
        if (before !== undefined) add(before, -1);
        if (attributes[findingAttributes.state.key] === 'end') return;
        const evicted = workloads.set(id, workload);
        add(workload, 1);
        if (evicted === undefined) return;
        add(evicted, -1);
        counters.add(samplingCounters.findingsForgotten, 1);
      },
      has: (workload) => open.has(workload),
      close: async () => {},
    };
  },
});

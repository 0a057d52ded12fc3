import type { BpfHost } from '../bpf/bpf.ts';
import { UnsupportedError } from '../bpf/unsupported-error.ts';
import { type InstancePlan, nameOf } from './plan-graph.ts';
import { StartError } from './start-error.ts';

/**
 * Throws a `StartError` where this machine, or the user's rights, lack what a component needs of BPF. Without that the agent is of
 * no use, so that it comes before all that may be wrong with what opens earlier.
 */
export function checkSupport(
  instances: readonly Pick<InstancePlan, 'subject' | 'configured'>[],
  bpf: Pick<BpfHost, 'missing'>,
): void {
  for (const instance of instances) {
    const { bpf: wanted } = instance.configured.component;
    if (wanted === undefined) continue;
    const missing = bpf.missing(wanted.needs ?? {});
    if (missing.length > 0) throw new StartError(nameOf(instance), new UnsupportedError(wanted, missing));
  }
}

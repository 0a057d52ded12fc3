import { cgroups } from '../../cgroup/cgroups.ts';
import type { ReceiverComponent } from '../../component.ts';
import { schedulerConfig } from './config.ts';
import { schedulerEmits } from './emits.ts';
import { schedulerUse } from './spec.ts';

export const scheduler: ReceiverComponent<typeof schedulerConfig> = {
  kind: 'receiver',
  type: 'scheduler',
  summary:
    'Every wait for a CPU on this node, exactly, with the cgroups that had the CPU meanwhile; by eBPF.',
  stability: { metrics: 'beta', logs: 'beta' },
  exclusive: true,
  config: schedulerConfig,
  uses: [cgroups],
  bpf: schedulerUse,
  emits: schedulerEmits,
  open: async (settings, host) => (await import('./receiver.ts')).openReceiver(settings, host),
};

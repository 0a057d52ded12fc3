import { fileURLToPath } from 'node:url';
import type { Scenario } from './scenario.ts';
import { modest, untilFound } from './situations.ts';
import type { Stage } from './stage.ts';

const script = fileURLToPath(new URL('packet-flood.sh', import.meta.url));
const programs = ['unshare', 'nsenter', 'ip', 'ethtool', 'taskset', 'renice', 'bash'];

const flood = (stage: Stage, way: 'thread' | 'softirq') =>
  stage.client(['unshare', '--net', '--mount', 'bash', script, way, '60']);

/** CPU time that no cgroup takes. */
export const kernelWork: readonly Scenario[] = [
  {
    name: "a kernel thread that receives a network device's packets",
    programs,
    async play(stage) {
      flood(stage, 'thread');
      await stage.windows(1);
      const victim = modest(stage);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'kernel_interference' }] };
    },
  },
  {
    name: 'packets that are received in softirq, and by ksoftirqd',
    programs,
    weight: 100, // as ksoftirqd has
    async play(stage) {
      flood(stage, 'softirq');
      await stage.windows(1);
      const victim = modest(stage);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'kernel_interference', orVerdict: 'irq_interference' }] };
    },
  },
];

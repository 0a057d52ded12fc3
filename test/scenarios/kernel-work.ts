import { fileURLToPath } from 'node:url';
import { type Runs, softirq, threads } from './production.ts';
import type { Scenario } from './scenario.ts';
import { modest, untilFound } from './situations.ts';
import type { Stage } from './stage.ts';

const script = fileURLToPath(new URL('packet-flood.sh', import.meta.url));
const programs = ['unshare', 'nsenter', 'ip', 'ethtool', 'taskset', 'renice', 'bash'];

/** Of the first CPU, while nothing else of the scenario wants it; and beside the victim. */
const parts = { alone: 0.5, beside: 0.3 };

/** Receives as much as takes a part of the first CPU, as the kernel accounts it. */
async function flood(stage: Stage, way: 'thread' | 'softirq', receiver: Runs) {
  stage.client(['unshare', '--net', '--mount', 'bash', script, way, '60']);
  await stage.reaches(receiver, parts.alone);
  stage.requires(receiver, parts.beside);
}

/** CPU time that no cgroup takes. */
export const kernelWork: readonly Scenario[] = [
  {
    name: "a kernel thread that receives a network device's packets",
    programs,
    async play(stage) {
      await flood(stage, 'thread', threads('napi/receiver-'));
      const victim = modest(stage);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'kernel_interference' }] };
    },
  },
  {
    name: 'packets that are received in softirq, and by ksoftirqd',
    programs,
    async play(stage) {
      await flood(stage, 'softirq', softirq);
      const victim = modest(stage);
      await stage.windows(untilFound);
      return { found: [{ victim, verdict: 'kernel_interference', orVerdict: 'irq_interference' }] };
    },
  },
];

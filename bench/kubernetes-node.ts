import { setTimeout as sleep } from 'node:timers/promises';
import { bringUp, type KubernetesNode } from '../test/kubernetes/node.ts';
import { apply, workloads } from '../test/kubernetes/workloads.ts';

const limitMs = 120_000;
const settleMs = 5000;

/** A real Kubernetes node on this machine with pods that work a little; returns what takes it down. */
export async function startNode(): Promise<() => Promise<void>> {
  const node = await bringUp('1');
  try {
    const pods = workloads.filter(({ kind }) => kind !== 'CronJob');
    await apply(node, pods);
    await allRun(node, pods.filter(({ spec }) => !('replicas' in spec) || spec.replicas !== 0).length);
    await sleep(settleMs);
  } catch (error) {
    await node.takeDown();
    throw error;
  }
  return () => node.takeDown();
}

interface Pods {
  readonly items: readonly { readonly status: { readonly phase?: string } }[];
}

async function allRun(node: KubernetesNode, count: number): Promise<void> {
  for (const deadline = Date.now() + limitMs; ; await sleep(500)) {
    const { items } = await node.read<Pods>('pods', '--all-namespaces');
    if (items.length >= count && items.every(({ status }) => status.phase === 'Running')) return;
    if (Date.now() > deadline) throw new Error(`cannot measure: not all pods run after ${limitMs / 1000} s`);
  }
}

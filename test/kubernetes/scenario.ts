import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OtlpReceiver, startOtlpReceiver } from '../otlp-receiver.ts';
import { buildAgentImage, type DeployedAgent, deployAgent } from './agent.ts';
import { staticPodFolder } from './configuration.ts';
import { addresses } from './namespaces.ts';
import { bringUp, type KubernetesNode } from './node.ts';
import type { ContainerdMajor } from './peers.ts';
import { PodWatch, type RealContainer } from './pods.ts';
import type { DaemonName } from './take-down.ts';
import { cpuFolder, ThrottledTime } from './throttling.ts';
import { asList, blink, hog, namespaces, staticPod, workloads } from './workloads.ts';

/** What is restarted while everything runs. */
export const restarted = ['containerd', 'kubelet', 'apiserver'] as const satisfies readonly DaemonName[];

const seconds = 1000;
const limitMs = 120 * seconds;

/** As `Date.now()` has it. */
interface Window {
  readonly from: number;
  readonly to: number;
}

/** The kernel's figures of one cgroup while the agent measured it. */
export interface Throttled {
  readonly path: string;
  readonly own: ThrottledTime;
  /** By a quota of its own or one above. */
  readonly any: ThrottledTime;
}

/** What happened on the node, once; tests look at what was received of it. */
export interface Scenario {
  readonly node: KubernetesNode;
  readonly backend: OtlpReceiver;
  readonly agent: DeployedAgent;
  readonly pods: PodWatch;
  readonly contention: Window;
  /** While all pods of class BestEffort together had a quota. */
  readonly sharedQuota: Window;
  readonly afterRestart: ReadonlyMap<DaemonName, Window>;
  readonly throttled: ReadonlyMap<string, Throttled>;
  close(): Promise<void>;
}

export async function play(major: ContainerdMajor): Promise<Scenario> {
  const undo: (() => unknown)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const folder = mkdtempSync(join(tmpdir(), 'earshot-image-'));
    undo.push(() => rmSync(folder, { recursive: true }));
    const archive = await buildAgentImage(join(folder, 'agent.tar'));
    const node = await bringUp(major);
    undo.push(() => node.takeDown());
    const backend = await startOtlpReceiver({ host: addresses.host });
    undo.push(() => backend.close());
    const pods = new PodWatch(node.state);
    undo.push(() => pods.close());
    const agent = await deployAgent(node, { endpoint: backend.endpoint, archive });
    undo.push(() => agent.stop());
    writeFileSync(join(staticPodFolder(node.state), 'beacon.json'), JSON.stringify(staticPod));
    await node.kubectl(['apply', '--filename', '-'], asList([...namespaces, ...workloads, blink('blink')]));
    await allAreRunning(pods);
    await until('the first data', () => backend.metrics().length > 0);
    await scaleHog(node, pods, 1);

    const throttled = new Map(
      ['ledger/app', 'pair/front', 'pair/back', 'scratch/app'].flatMap((name) => {
        const [pod = '', container = ''] = name.split('/');
        const [real] = pods.find(pod === 'scratch' ? 'batch' : 'shop', new RegExp(`^${pod}$`), container);
        if (!real) throw new Error(`cannot watch ${name}: there is no such container`);
        return [[name, watch(pathOf(real))] as const, [pod, watch(podPathOf(real))] as const];
      }),
    );
    undo.push(() => {
      for (const { own, any } of throttled.values()) {
        own.close();
        any.close();
      }
    });

    const contention = await during(async () => {
      await sleep(3 * seconds);
      await node.kubectl(['delete', 'pod', '--namespace=batch', 'leaver']);
      await sleep(4 * seconds);
    });
    const sharedQuota = await during(async () => {
      const quota = join(cpuFolder('/kubepods/besteffort'), 'cpu.cfs_quota_us');
      writeFileSync(quota, '1000');
      undo.push(() => writeFileSync(quota, '-1'));
      await sleep(4 * seconds);
      writeFileSync(quota, '-1');
    });
    const afterRestart = new Map<DaemonName, Window>();
    for (const name of restarted) {
      await node.restart(name);
      const window = await during(async () => {
        await node.kubectl(['apply', '--filename', '-'], JSON.stringify(blink(`blink-${name}`)));
        await until(`the job after the restart of ${name}`, () =>
          pods
            .find('batch', new RegExp(`^blink-${name}-`), 'app')
            .some(({ id }) => pods.states.get(id) === 'terminated'),
        );
        await sleep(3 * seconds);
      });
      afterRestart.set(name, window);
    }
    await until('the cron job', () =>
      pods.find('batch', /^tick-/, 'app').some(({ id }) => pods.states.get(id) === 'terminated'),
    );
    await scaleHog(node, pods, 0);
    await sleep(2 * seconds);
    await agent.stop();
    return { node, backend, agent, pods, contention, sharedQuota, afterRestart, throttled, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function allAreRunning(pods: PodWatch): Promise<void> {
  const wanted = [
    ['shop', /^web-/, 'app'],
    ['shop', /^db-0$/, 'app'],
    ['shop', /^ledger$/, 'app'],
    ['shop', /^pair$/, 'front'],
    ['shop', /^pair$/, 'back'],
    ['shop', /^prepared$/, 'main'],
    ['shop', /^beacon-/, 'app'],
    ['batch', /^scratch$/, 'app'],
    ['batch', /^leaver$/, 'app'],
  ] as const;
  for (const [namespace, pod, name] of wanted)
    await until(`${pod} ${name} in ${namespace}`, () =>
      pods.find(namespace, pod, name).some(({ id }) => pods.states.get(id) === 'running'),
    );
  await until('the restart of flaky', () =>
    pods.find('shop', /^flaky$/, 'app').some(({ restartCount }) => restartCount > 0),
  );
}

async function scaleHog(node: KubernetesNode, pods: PodWatch, replicas: 0 | 1): Promise<void> {
  await node.kubectl([
    'scale',
    `--namespace=${hog.namespace}`,
    `deployment/${hog.deployment}`,
    `--replicas=${replicas}`,
  ]);
  if (replicas > 0) await until('the hog', () => pods.find(hog.namespace, /^etl-/, hog.container).length > 0);
}

export const podPathOf = ({ qos, podUid }: RealContainer): string =>
  qos === 'guaranteed' ? `/kubepods/pod${podUid}` : `/kubepods/${qos}/pod${podUid}`;
export const pathOf = (container: RealContainer): string => `${podPathOf(container)}/${container.id}`;

const watch = (path: string): Throttled => ({
  path,
  own: new ThrottledTime(path, 'cpu.stat'),
  any: new ThrottledTime(path, 'cpu.stat.local'),
});

async function during(work: () => Promise<void>): Promise<Window> {
  const from = Date.now();
  await work();
  return { from, to: Date.now() };
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + limitMs; !isSo(); await sleep(100))
    if (Date.now() > deadline) throw new Error(`cannot go on: no ${what} within ${limitMs / seconds} s`);
}

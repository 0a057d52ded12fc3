import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../../src/explanations/answer.ts';
import { waitMetrics } from '../../src/telemetry/metrics/wait.ts';
import { startCollector } from '../lab/collector.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../lab/otlp-receiver.ts';
import { buildAgentImage, type DeployedAgent, deployAgent } from './agent.ts';
import { staticPodFolder } from './configuration.ts';
import { noisyNeighbors } from './findings.ts';
import { addresses } from './namespaces.ts';
import { bringUp, type KubernetesNode } from './node.ts';
import type { ContainerdMajor } from './peers.ts';
import { PodWatch, type RealContainer } from './pods.ts';
import { points } from './received.ts';
import type { DaemonName } from './take-down.ts';
import { cpuFolder, skewMs, ThrottledTime } from './throttling.ts';
import { apply, blink, checkout, hog, staticPod, workloads } from './workloads.ts';

/** What is restarted while everything runs. */
export const restarted = ['containerd', 'kubelet', 'apiserver'] as const satisfies readonly DaemonName[];

/** Gets a quota for a while. The agent is in another class. */
export const sharedQuotaPath = '/kubepods/besteffort';

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
  /** What a Collector beside the node passed on. */
  readonly backend: OtlpReceiver;
  readonly agent: DeployedAgent;
  readonly pods: PodWatch;
  readonly contention: Window;
  /** While all pods of class BestEffort together had a quota. */
  readonly sharedQuota: Window;
  readonly afterRestart: ReadonlyMap<DaemonName, Window>;
  readonly throttled: ReadonlyMap<string, Throttled>;
  /** What the agent answers of `checkout`, asked in its pod. */
  readonly explained: Answer;
  close(): Promise<void>;
}

export async function play(major: ContainerdMajor): Promise<Scenario> {
  const undo: (() => unknown)[] = [];
  let agentLog = () => '(it was not deployed)';
  const close = async () => {
    const failures: unknown[] = [];
    for (const step of undo.splice(0).reverse())
      try {
        await step();
      } catch (error) {
        failures.push(error); // the rest is to be undone nevertheless
      }
    if (failures.length > 0) throw new AggregateError(failures, 'cannot undo everything');
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
    const collector = await startCollector({ host: addresses.host, to: backend.endpoint });
    undo.push(() => collector.close());
    const agent = await deployAgent(node, { endpoint: collector.endpoint, archive });
    undo.push(() => agent.stop());
    agentLog = agent.log;
    // Containers that start from now on are seen from their start.
    await until('first data', () => backend.metrics().length > 0);
    await apply(node, [...workloads, blink('blink')]);
    // Where the namespace is missing, the kubelet tries a minute later to report it to the API server.
    writeFileSync(join(staticPodFolder(node.state), 'beacon.json'), JSON.stringify(staticPod));
    await allAreRunning(pods);
    await startHog(node, pods);

    const throttled = watchThrottling(pods);
    undo.push(() => {
      for (const { own, any } of throttled.values()) {
        own.close();
        any.close();
      }
    });

    await sleep(2 * skewMs); // or the figures would not reach back to the beginning of the window
    const contention = await during(async (from) => {
      await intervals(backend, { from, count: 3 });
      await node.kubectl(['delete', 'pod', '--namespace=batch', 'leaver']);
      // Beside other work a pod reaches its limit later.
      await until('a second in which ledger is throttled', () => throttledSeconds(throttled, 'ledger') > 1);
      await intervals(backend, { from: Date.now(), count: 4 });
    });
    await scale(node, hog, 0); // or the class would not come to use what it is given
    await runCronJob(node, pods);
    const sharedQuota = await during(async (from) => {
      const restore = limitSharedCgroup();
      undo.push(restore);
      await intervals(backend, { from, count: 4 });
      restore();
    });
    const afterRestart = new Map<DaemonName, Window>();
    for (const name of restarted) {
      await node.restart(name);
      const window = await during(async (from) => {
        await node.kubectl(['apply', '--filename', '-'], JSON.stringify(blink(`blink-${name}`)));
        await until(`the job after the restart of ${name}`, () =>
          pods
            .find('batch', new RegExp(`^blink-${name}-`), 'app')
            .some(({ id }) => pods.states.get(id) === 'terminated'),
        );
        await intervals(backend, { from, count: 3 });
      });
      afterRestart.set(name, window);
    }
    await sufferHog(node, pods, backend);
    const explained = await agent.explain(checkout.deployment);
    await sleep(2 * seconds);
    await agent.stop();
    return { node, backend, agent, pods, contention, sharedQuota, afterRestart, throttled, explained, close };
  } catch (cause) {
    const log = agentLog().split('\n').slice(-40).join('\n');
    const isUndone = await close().then(
      () => '',
      (error: unknown) => `\n${error}`,
    );
    throw new Error(
      `cannot play the scenario: ${(cause as Error).message}${isUndone}\nlog of the agent:\n${log}`,
      {
        cause,
      },
    );
  }
}

/**
 * Once, and not again: a pod that starts with next to no CPU has a cgroup for seconds before any source has its name, and a
 * container that starts while a daemon is restarted, or just before the end, may never be known to the API server.
 */
async function runCronJob(node: KubernetesNode, pods: PodWatch): Promise<void> {
  const ticks = () => pods.find('batch', /^tick-/, 'app');
  await until('the cron job', () => ticks().length > 0);
  await node.kubectl(['patch', '--namespace=batch', 'cronjob/tick', '--patch={"spec":{"suspend":true}}']);
  await sleep(2 * seconds); // the controllers may just have made another
  await node.kubectl([
    'wait',
    '--namespace=batch',
    '--for=condition=Complete',
    '--timeout=50s',
    'jobs',
    '--all',
  ]);
  await until('the end of the cron job', () =>
    ticks().every(({ id }) => pods.states.get(id) === 'terminated'),
  );
}

/** By pod, and by pod and container. */
function watchThrottling(pods: PodWatch): ReadonlyMap<string, Throttled> {
  const find = (namespace: string, pod: string, name: string) => {
    const [container] = pods.find(namespace, new RegExp(`^${pod}$`), name);
    if (!container) throw new Error(`there is no container ${name} of ${pod}`);
    return container;
  };
  const ledger = find('shop', 'ledger', 'app');
  const front = find('shop', 'pair', 'front');
  return new Map([
    ['ledger/app', watch(pathOf(ledger))],
    ['ledger', watch(podPathOf(ledger))],
    ['pair/front', watch(pathOf(front))],
    ['pair', watch(podPathOf(front))],
  ]);
}

/** Of a pod of one container, by either quota: which of the two runs out first is chance. */
function throttledSeconds(throttled: ReadonlyMap<string, Throttled>, pod: string): number {
  return [pod, `${pod}/app`].reduce((sum, name) => sum + (throttled.get(name)?.own.seconds ?? 0), 0);
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

async function scale(
  node: KubernetesNode,
  { namespace, deployment }: typeof hog | typeof checkout,
  replicas: 0 | 1,
): Promise<void> {
  await node.kubectl([
    'scale',
    `--namespace=${namespace}`,
    `deployment/${deployment}`,
    `--replicas=${replicas}`,
  ]);
}

async function startHog(node: KubernetesNode, pods: PodWatch): Promise<void> {
  const known = pods.find(hog.namespace, /^etl-/, hog.container).length;
  await scale(node, hog, 1);
  await until('the hog', () => pods.find(hog.namespace, /^etl-/, hog.container).length > known);
}

/** The hog takes of a workload what that may have, until this is found. */
async function sufferHog(node: KubernetesNode, pods: PodWatch, backend: OtlpReceiver): Promise<void> {
  await scale(node, checkout, 1);
  await startHog(node, pods);
  await until('a finding about the hog', () => noisyNeighbors(backend, pods).length > 0);
}

export const podPathOf = ({ qos, cgroupUid }: RealContainer): string =>
  qos === 'guaranteed' ? `/kubepods/pod${cgroupUid}` : `/kubepods/${qos}/pod${cgroupUid}`;
export const pathOf = (container: RealContainer): string => `${podPathOf(container)}/${container.id}`;

const watch = (path: string): Throttled => ({
  path,
  own: new ThrottledTime(path, 'cpu.stat'),
  any: new ThrottledTime(path, 'cpu.stat.local'),
});

/** To 1 % of a CPU, of which its pods would use several. */
function limitSharedCgroup(): () => void {
  const file = join(cpuFolder(sharedQuotaPath), 'cpu.cfs_quota_us');
  writeFileSync(file, '1000');
  return () => writeFileSync(file, '-1');
}

/** The agent has measured so often since then, however long that takes on a machine that has much to do. */
async function intervals(
  backend: OtlpReceiver,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<void> {
  await until(`${count} intervals`, () => {
    const times = points(backend, waitMetrics.runTime.name, { from }).map(({ point }) => point.time);
    return new Set(times).size >= count;
  });
}

async function during(work: (from: number) => Promise<void>): Promise<Window> {
  const from = Date.now();
  await work(from);
  return { from, to: Date.now() };
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const deadline = Date.now() + limitMs; !isSo(); await sleep(100))
    if (Date.now() > deadline) throw new Error(`cannot go on: no ${what} within ${limitMs / seconds} s`);
}

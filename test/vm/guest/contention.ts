import {
  type Container,
  enforceLimit,
  makeCgroup,
  makeContainer,
  makePod,
  type NodeCgroup,
  onCpu,
  type Pod,
  removeCgroup,
  settingsOf,
  spinIn,
} from './node-cgroups.ts';

/**
 * Victims and culprits. On CPU 0 a container with a limit beside one without, then alone; on CPU 1 a Guaranteed pod beside
 * what belongs to the node, then a container below a class with a quota. A victim starts before its culprits,
 * and ends after them: so it waits, with each of its threads, for as long as they run. No limit is in force meanwhile: an emulator
 * stands still now and then, its clock does not, and what seems to run then would use up a quota.
 */

const seconds = { culprits: 3, job: 0.5, capped: 1.5, atMost: 120 };
export const appThreads = 2;

export type Node = ReturnType<typeof layOutNode>;

export function layOutNode() {
  makeCgroup('/kubepods.slice', settingsOf({ request: 2000 }));
  makeCgroup('/kubepods.slice/kubepods-burstable.slice', settingsOf({ request: 10 }));
  const bestEffort = makeCgroup('/kubepods.slice/kubepods-besteffort.slice', settingsOf({}));

  const limits = { request: 10, limit: 700 };
  const burstable = makePod({
    namespace: 'shop',
    name: 'api-7d4b9c5f58-x2x4z',
    qos: 'burstable',
    ...limits,
    owner: { kind: 'ReplicaSet', name: 'api-7d4b9c5f58' },
  });
  const hogs = makePod({ namespace: 'batch', name: 'render-0', qos: 'besteffort' });
  const reports = makePod({ namespace: 'batch', name: 'report', qos: 'besteffort' });
  const whole = { request: 2000, limit: 2000 };
  const guaranteed = makePod({ namespace: 'shop', name: 'db-0', qos: 'guaranteed', ...whole });
  const half = { request: 1000, limit: 1000, cpu: 1 };
  return {
    bestEffort,
    /** Pods of the kubelet; a pod named `report` is not among them. */
    pods: [burstable, hogs, guaranteed],
    victim: makeContainer(burstable, { runtime: 'cri-containerd', name: 'api', ...limits, cpu: 0 }),
    hog: makeContainer(hogs, { runtime: 'cri-containerd', name: 'render', cpu: 0 }),
    capped: makeContainer(reports, { runtime: 'cri-containerd', name: 'report', cpu: 1 }),
    app: makeContainer(guaranteed, { runtime: 'crio', name: 'db', ...half }),
    sidecar: makeContainer(guaranteed, { runtime: 'crio', name: 'proxy', ...half }),
    init: makeCgroup('/init.scope', onCpu(1)),
    kubelet: makeCgroup('/system.slice/kubelet.service', onCpu(1)),
    containerd: makeCgroup('/system.slice/containerd.service', onCpu(1)),
    session: makeCgroup('/user.slice/user-1000.slice/session-3.scope', onCpu(1)),
    // an emulator keeps them busy: not on CPU 0, where the victim is
    agent: makeCgroup('/earshot.slice/earshot.service', onCpu(1)),
    test: makeCgroup('/earshot.slice/earshot-test.service', onCpu(1)),
  };
}

export interface Contention {
  /** UNIX time, ns. */
  readonly ended: bigint;
  /** Time in the cgroup, of all threads together, s. */
  readonly lived: { readonly victim: number; readonly app: number };
  /** Its cgroup and its pod's are gone. */
  readonly job: Container;
  readonly jobRan: number;
}

export async function contend(node: Node): Promise<Contention> {
  const inVictim = await spinIn(node.victim.cgroup, seconds.atMost);
  const inApp = await spinIn(node.app.cgroup, seconds.atMost, appThreads);
  const { kubelet, containerd, session, init } = node;
  const culprits = [node.hog.cgroup, node.sidecar.cgroup, kubelet, containerd, session, init];
  const [job] = await Promise.all([
    runJob(node.pods),
    ...culprits.map((cgroup) => spinFor(seconds.culprits, cgroup)),
  ]);
  inApp.stop();
  const appLived = appThreads * (await inApp.ended);
  enforceLimit(node.victim);
  makeCgroup(node.bestEffort.path, { 'cpu.max': '40000 100000' });
  await spinFor(seconds.capped, node.capped.cgroup);
  const ended = BigInt(Date.now()) * 1_000_000n;
  inVictim.stop();
  return { ...job, ended, lived: { victim: await inVictim.ended, app: appLived } };
}

/** A pod that comes and goes while the agent runs; the kubelet goes on telling of it, as it does of what has ended. */
async function runJob(pods: Pod[]): Promise<Pick<Contention, 'job' | 'jobRan'>> {
  const pod = makePod({
    namespace: 'shop',
    name: 'migrate-1-abcde',
    qos: 'besteffort',
    owner: { kind: 'Job', name: 'migrate-1' },
  });
  const job = makeContainer(pod, { runtime: 'cri-containerd', name: 'migrate', cpu: 0 });
  pods.push(pod);
  await spinFor(seconds.job, job.cgroup);
  const jobRan = job.cgroup.ran();
  await removeCgroup(job.cgroup);
  await removeCgroup(pod.cgroup);
  return { job, jobRan };
}

async function spinFor(time: number, cgroup: NodeCgroup): Promise<void> {
  const load = await spinIn(cgroup, time);
  await load.ended;
}

import { existsSync, globSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcesses, runningPid, stopDaemons, writePid } from './daemons.ts';
import { mountsOf, namespaceHolder, outside, removeLink } from './namespaces.ts';

export const daemonNames = [
  'etcd',
  'apiserver',
  'controllers',
  'scheduler',
  'containerd',
  'kubelet',
] as const;
export type DaemonName = (typeof daemonNames)[number];

/** Holds the process that uses the node. */
const user = 'user';

export function useNode(state: string): void {
  writePid(state, user, process.pid);
}

/** Takes down an unused node; refuses one that another test uses. */
export async function takeDownLeftover(state: string): Promise<void> {
  const other = runningPid(state, user);
  if (other !== undefined && other !== process.pid)
    throw new Error(`cannot take down the node in ${state}: process ${other} uses it`);
  await takeDown(state);
}

/**
 * Ends all that is left of a node, in any state: after a test as after one that was killed. Nothing is asked
 * to end well, since all it could leave behind goes with its namespaces. Only the cgroups are the machine's.
 */
export async function takeDown(state: string): Promise<void> {
  if (!existsSync(state)) return;
  const pods = podsOf(state);
  await stopDaemons(state, [...daemonNames], 'SIGKILL');
  await endProcesses(shimsOf(state), 'SIGKILL');
  await endProcesses(pods.flatMap(processesOfPod), 'SIGKILL');
  await stopDaemons(state, [namespaceHolder], 'SIGKILL');
  await removePodCgroups();
  removeLink();
  rmSync(state, { recursive: true, force: true });
}

/** By uid. The kubelet has a folder for each for as long as there are processes of it. */
function podsOf(state: string): readonly string[] {
  const folder = outside(state, '/var/lib/kubelet/pods');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Shims outlive the containerd that started them. The command line of a process that forks, and gets no CPU to, cannot be read. */
function shimsOf(state: string): readonly number[] {
  const mounts = mountsOf(state);
  if (mounts === undefined) return [];
  return readdirSync('/proc').flatMap((name) => {
    try {
      const isShim = readFileSync(`/proc/${name}/comm`, 'latin1').startsWith('containerd-shim');
      return isShim && readlinkSync(`/proc/${name}/ns/mnt`) === mounts ? Number(name) : [];
    } catch {
      return []; // no process, or ended
    }
  });
}

/** The kubelet's cgroups: one tree in each hierarchy. */
export const podTrees = () => globSync('/sys/fs/cgroup/{kubepods,*/kubepods}');

function processesOfPod(uid: string): readonly number[] {
  const files = podTrees().flatMap((tree) => globSync(`${tree}/{pod${uid},*/pod${uid}}/**/cgroup.procs`));
  const pids = files.flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'));
  return [...new Set(pids)].map(Number).filter((pid) => pid > 0);
}

/** The kernel lets go of a cgroup only some time after its last process. */
async function removePodCgroups(): Promise<void> {
  for (let attempt = 0; podTrees().length > 0; attempt++) {
    if (attempt > 100) throw new Error(`cannot remove ${podTrees().join(', ')}: in use`);
    if (attempt > 0) await sleep(50);
    for (const tree of podTrees())
      for (const folder of [...globSync(`${tree}/**/`)].sort().reverse())
        try {
          rmdirSync(folder);
        } catch {
          // in use: once more
        }
  }
}

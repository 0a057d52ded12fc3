import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spin } from '../../kernel/scheduler-fixture.ts';

/** Cgroups as they are on a node of systemd, cgroup v2, and a kubelet whose cgroup driver is systemd. */

const root = '/sys/fs/cgroup';

export interface NodeCgroup {
  readonly path: string;
  readonly directory: string;
  /** CPU time of its tasks so far, s. */
  ran(): number;
  /** Throttled by its own quota, s: `cpu.stat`. */
  throttled(): number;
  /** By its own quota or one above, s: `cpu.stat.local`. */
  throttledLocal(): number;
}

/** Also what is above it, with all controllers, as systemd does for a slice. */
export function makeCgroup(path: string, settings: Readonly<Record<string, string>> = {}): NodeCgroup {
  const directory = join(root, path);
  if (!existsSync(directory)) {
    const parent = dirname(path);
    if (parent !== '/') makeCgroup(parent);
    delegate(parent);
    mkdirSync(directory);
  }
  for (const [file, value] of Object.entries(settings)) writeFileSync(join(directory, file), value);
  return {
    path,
    directory,
    ran: () => microseconds(directory, 'cpu.stat', 'usage_usec'),
    throttled: () => microseconds(directory, 'cpu.stat', 'throttled_usec'),
    throttledLocal: () => microseconds(directory, 'cpu.stat.local', 'throttled_usec'),
  };
}

function delegate(path: string): void {
  const controllers = readFileSync(join(root, path, 'cgroup.controllers'), 'utf8')
    .trim()
    .split(' ');
  const enable = controllers.map((controller) => `+${controller}`).join(' ');
  writeFileSync(join(root, path, 'cgroup.subtree_control'), enable);
}

function microseconds(directory: string, file: string, key: string): number {
  const text = readFileSync(join(directory, file), 'utf8');
  return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN) / 1e6;
}

export interface Resources {
  /** In thousandths of a CPU, as `10m`. */
  readonly request?: number;
  readonly limit?: number;
  /** Which it may use, as the kubelet's CPU manager or `AllowedCPUs=` of systemd says. */
  readonly cpu?: number;
}

export interface PodSpec extends Resources {
  readonly namespace: string;
  readonly name: string;
  readonly qos: 'guaranteed' | 'burstable' | 'besteffort';
  readonly owner?: { readonly kind: string; readonly name: string };
}

export interface Pod extends PodSpec {
  readonly uid: string;
  readonly cgroup: NodeCgroup;
  readonly containers: Container[];
}

/** In `kubepods.slice` or the slice of its class: a pod that is Guaranteed has none. */
export function makePod(spec: PodSpec): Pod {
  const uid = hash(spec.name).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  const isGuaranteed = spec.qos === 'guaranteed';
  const slice = isGuaranteed ? 'kubepods' : `kubepods-${spec.qos}`;
  const above = isGuaranteed ? '/kubepods.slice' : `/kubepods.slice/${slice}.slice`;
  const path = `${above}/${slice}-pod${uid.replaceAll('-', '_')}.slice`;
  return { ...spec, uid, cgroup: makeCgroup(path, settingsOf(spec)), containers: [] };
}

export interface ContainerSpec extends Resources {
  /** The prefix that the runtime gives the scopes of its containers. */
  readonly runtime: 'cri-containerd' | 'crio';
  readonly name: string;
}

export interface Container extends ContainerSpec {
  readonly id: string;
  readonly pod: Pod;
  readonly cgroup: NodeCgroup;
}

export function makeContainer(pod: Pod, spec: ContainerSpec): Container {
  const id = hash(`${pod.uid} ${spec.name}`);
  const path = `${pod.cgroup.path}/${spec.runtime}-${id}.scope`;
  const container = { ...spec, id, pod, cgroup: makeCgroup(path, settingsOf(spec)) };
  pod.containers.push(container);
  return container;
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex');

/** Shares, as of version 1, which become a weight. */
export function settingsOf({ request = 0, cpu }: Resources): Readonly<Record<string, string>> {
  const shares = Math.max(2, Math.floor((request * 1024) / 1000));
  const weight = 1 + Math.floor(((shares - 2) * 9999) / 262_142);
  return { 'cpu.weight': String(weight), ...onCpu(cpu) };
}

/** As the kubelet does: the pod of one container has the same limit. */
export function enforceLimit({ cgroup, pod, limit = 0 }: Container): void {
  for (const { path } of [pod.cgroup, cgroup]) makeCgroup(path, { 'cpu.max': `${limit * 100} 100000` });
}

export function onCpu(cpu: number | undefined): Readonly<Record<string, string>> {
  return cpu === undefined ? {} : { 'cpuset.cpus': String(cpu) };
}

/** As the runtime and the kubelet do when the last process has ended; the kernel may need a moment for that. */
export async function removeCgroup({ directory }: NodeCgroup): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return rmdirSync(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === 50) throw error;
      await sleep(20);
    }
  }
}

export interface Load {
  /** Resolves to how many seconds it was in the cgroup when it has ended. */
  readonly ended: Promise<number>;
  /** Ends it before its time. */
  stop(): void;
}

/** Threads that compute all the time, and enter together: from then on all of them run or wait. */
export async function spinIn(cgroup: NodeCgroup, seconds: number, threads = 1): Promise<Load> {
  const [command = '', ...args] = spin(seconds, threads);
  const child = spawn(command, args, { stdio: 'ignore' });
  child.unref(); // a failed test does not stop it
  const ended = Promise.withResolvers<number>();
  let entered = Number.NaN;
  child.on('error', ended.reject);
  child.on('exit', (code, signal) => {
    if (code === 0 || signal === 'SIGTERM') ended.resolve((performance.now() - entered) / 1000);
    else ended.reject(new Error(`cannot spin in ${cgroup.path}: exit ${code ?? signal}`));
  });
  while (child.pid && readdirSync(`/proc/${child.pid}/task`).length < threads) await sleep(20);
  enter(cgroup, child.pid ?? 0);
  entered = performance.now();
  return { ended: ended.promise, stop: () => child.kill() };
}

export function enter(cgroup: NodeCgroup, pid: number): void {
  writeFileSync(join(cgroup.directory, 'cgroup.procs'), String(pid));
}
